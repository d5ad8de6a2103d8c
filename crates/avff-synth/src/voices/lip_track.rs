//! The movements of a mouth that belong to an utterance.

use avff_rng::{Purpose, RngKey};
use strum::VariantArray;

use super::{
    actions::{
        COUNT, JAW_OPEN, MOUTH_DIMPLE_LEFT, MOUTH_DIMPLE_RIGHT, MOUTH_FUNNEL, MOUTH_LEFT,
        MOUTH_LOWER_DOWN_LEFT, MOUTH_LOWER_DOWN_RIGHT, MOUTH_PRESS_LEFT, MOUTH_PUCKER, MOUTH_RIGHT,
        MOUTH_SMILE_LEFT, MOUTH_SMILE_RIGHT, MOUTH_STRETCH_LEFT, MOUTH_STRETCH_RIGHT,
        MOUTH_UPPER_UP_LEFT, MOUTH_UPPER_UP_RIGHT, NAMES, TONGUE_OUT, Weights, both, weight,
    },
    habits::Habits,
    loudness::{HERTZ, Loudness},
    phone_track::{PhoneTrack, Segment},
    viseme::{VISEMES, Viseme},
};

/// The time before and after an utterance that movements are computed for, in seconds.
const MARGIN: f64 = 0.4;
/// How much a closure suppresses other visemes. Above 1, so that smoothed closures close.
const SUPPRESSION: f32 = 1.3;
/// The longest silence that lips do not rest in, in seconds: a stop, not a pause.
const STOP: f64 = 0.12;

/// The weights of all actions during an utterance, 100 times a second.
#[derive(Debug, Clone, PartialEq)]
pub struct LipTrack {
    weights: Vec<Weights>,
    rest: Weights,
}

impl LipTrack {
    /// Computes the movements of a speaker with these habits.
    ///
    /// Every phone asks for its visemes during its time. Smoothing these demands gives
    /// co-articulation: a short phone between others is not reached. Closures win over their
    /// neighbors, because lips that do not close for p, b and m are seen at once.
    #[must_use]
    pub fn new(phones: &PhoneTrack, loudness: &Loudness, habits: &Habits) -> Self {
        let count = ((phones.end() + 2.0 * MARGIN) * HERTZ).ceil() as usize + 1;
        let mut demands = vec![vec![0.0_f32; count]; VISEMES];
        for (segment, row) in bridged(phones.segments()).zip(0..) {
            let (strength, late) = variation(habits, row);
            let lead = habits.lead - late;
            for shape in segment.phone.shapes() {
                // However lazily people speak, lips meet for p, b and m.
                let closes = shape.viseme.closure() > 0.0;
                let strength = if closes { strength.clamp(0.85, 1.1) } else { strength };
                let length = segment.end - segment.start;
                let (from, to) =
                    (segment.start + shape.from * length, segment.start + shape.to * length);
                let missing = (shape.viseme.shortest() - (to - from)).max(0.0) / 2.0;
                let from = from - missing - lead - shape.viseme.anticipation();
                let to = to + missing - lead;
                if let Some(demand) = demands.get_mut(shape.viseme as usize) {
                    fill(demand, from, to, shape.strength * strength);
                }
            }
        }
        for (demand, viseme) in demands.iter_mut().zip(Viseme::VARIANTS) {
            *demand = gaussian(demand, habits.smoothing * viseme.width() * HERTZ);
        }
        let rest = at_rest(habits);
        let weights = (0..count)
            .map(|at| {
                let seconds = at as f64 / HERTZ - MARGIN;
                let loud = loudness.at(seconds + habits.lead);
                posture(&demands, at, loud, habits, &rest)
            })
            .collect();
        Self { weights, rest }
    }

    /// Returns the weights at a time of the utterance, in seconds. The mouth rests before and after
    /// it.
    #[must_use]
    pub fn at(&self, seconds: f64) -> Weights {
        let at = (seconds + MARGIN) * HERTZ;
        if at < 0.0 {
            return self.rest;
        }
        let (low, share) = (at.floor(), (at - at.floor()) as f32);
        let get = |index: usize| self.weights.get(index).unwrap_or(&self.rest);
        let (before, after) = (get(low as usize), get(low as usize + 1));
        let mut out = *before;
        for (value, &next) in out.iter_mut().zip(after) {
            *value += share * (next - *value);
        }
        out
    }
}

/// Returns the opening from 0 to 1 and the shape from spread (-1) to rounded (1) of a mouth that is
/// drawn without a mesh.
#[must_use]
pub fn drawn_lips(weights: &Weights) -> (f32, f32) {
    let open = 1.5 * weight(weights, JAW_OPEN)
        + 0.35 * both(weights, MOUTH_LOWER_DOWN_LEFT)
        + 0.25 * both(weights, MOUTH_UPPER_UP_LEFT)
        - 0.4 * both(weights, MOUTH_PRESS_LEFT);
    let round = weight(weights, MOUTH_PUCKER) + 0.6 * weight(weights, MOUTH_FUNNEL)
        - 0.9 * both(weights, MOUTH_STRETCH_LEFT)
        - 0.5 * both(weights, MOUTH_SMILE_LEFT);
    (open.clamp(0.0, 1.0), round.clamp(-1.0, 1.0))
}

/// Returns the strength and the delay in seconds of the movements of one phone: nobody says the
/// same sound twice in the same way.
fn variation(habits: &Habits, row: u64) -> (f32, f64) {
    let key = RngKey { seed: habits.seed, epoch: 0, row, occurrence: 0 };
    let mut rng = key.rng(Purpose::Synth);
    let strength = 1.0 + habits.variation * rng.normal() as f32;
    let late = habits.jitter * rng.normal().clamp(-2.5, 2.5);
    (strength.clamp(0.25, 1.6), late)
}

/// Returns the phones, each prolonged over a silence that is too short to be a pause.
fn bridged(segments: &[Segment]) -> impl Iterator<Item = Segment> {
    let spoken: Vec<Segment> =
        segments.iter().filter(|segment| !segment.phone.shapes().is_empty()).copied().collect();
    let starts: Vec<f64> = spoken.iter().skip(1).map(|segment| segment.start).collect();
    spoken.into_iter().zip(starts.into_iter().map(Some).chain([None])).map(|(segment, next)| {
        let end = next.filter(|next| next - segment.end < STOP).unwrap_or(segment.end);
        Segment { end: end.max(segment.end), ..segment }
    })
}

/// Demands a strength from `from` to `to`, in seconds. Values at the edges get their share.
fn fill(demand: &mut [f32], from: f64, to: f64, strength: f32) {
    let (from, to) = (((from + MARGIN) * HERTZ).max(0.0), ((to + MARGIN) * HERTZ).max(0.0));
    let cells = demand
        .iter_mut()
        .zip(0_u32..)
        .skip(from as usize)
        .take_while(|&(_, at)| f64::from(at) < to);
    for (value, at) in cells {
        let at = f64::from(at);
        let covered = (to.min(at + 1.0) - from.max(at)).clamp(0.0, 1.0) as f32;
        *value = value.max(covered * strength);
    }
}

/// Returns the mouth of a silent speaker.
fn at_rest(habits: &Habits) -> Weights {
    let mut rest = [0.0; COUNT];
    add(&mut rest, MOUTH_SMILE_LEFT, habits.smile);
    add(&mut rest, MOUTH_SMILE_RIGHT, habits.smile);
    add(&mut rest, JAW_OPEN, habits.rest);
    rest
}

fn add(weights: &mut Weights, index: usize, value: f32) {
    if let Some(weight) = weights.get_mut(index) {
        *weight += value;
    }
}

/// Returns the weights that the demands at one time add up to.
fn posture(demands: &[Vec<f32>], at: usize, loud: f32, habits: &Habits, rest: &Weights) -> Weights {
    let strength = |viseme: Viseme| {
        demands.get(viseme as usize).and_then(|demand| demand.get(at)).copied().unwrap_or(0.0)
    };
    let closed: f32 =
        Viseme::VARIANTS.iter().map(|&viseme| viseme.closure() * strength(viseme)).sum();
    let closed = (SUPPRESSION * closed).min(1.0) * habits.closure;
    let mut weights = *rest;
    // A closure also ends the opening at rest.
    if let Some(jaw) = weights.get_mut(JAW_OPEN) {
        *jaw *= 1.0 - closed;
    }
    let open = 1.0 - habits.loudness_coupling + 1.2 * habits.loudness_coupling * loud;
    for &viseme in Viseme::VARIANTS {
        let mut demand = strength(viseme);
        if viseme.closure() == 0.0 {
            demand *= (1.0 - closed) * (1.0 - habits.mumbling);
        }
        for &(index, value) in viseme.actions() {
            let factor = match index {
                JAW_OPEN => open,
                MOUTH_LOWER_DOWN_LEFT | MOUTH_LOWER_DOWN_RIGHT => open * habits.lower_teeth,
                MOUTH_UPPER_UP_LEFT | MOUTH_UPPER_UP_RIGHT => open * habits.upper_teeth,
                MOUTH_PUCKER | MOUTH_FUNNEL => habits.rounding,
                MOUTH_STRETCH_LEFT | MOUTH_STRETCH_RIGHT | MOUTH_DIMPLE_LEFT
                | MOUTH_DIMPLE_RIGHT => habits.spreading,
                TONGUE_OUT => habits.tongue,
                _ => 1.0,
            };
            // Lips that close do so however small other movements are.
            let gain = if viseme.closure() > 0.0 { habits.gain.max(0.9) } else { habits.gain };
            add(&mut weights, index, value * demand * factor * gain);
        }
    }
    aside(&mut weights, habits.asymmetry);
    weights.map(|value| value.clamp(0.0, 1.0))
}

/// Strengthens one half of the mouth, and pulls the mouth to that side while it moves.
fn aside(weights: &mut Weights, asymmetry: f32) {
    let jaw = weight(weights, JAW_OPEN);
    for (value, name) in weights.iter_mut().zip(NAMES) {
        if name.starts_with("mouth") && name.ends_with("Left") {
            *value *= 1.0 + asymmetry;
        } else if name.starts_with("mouth") && name.ends_with("Right") {
            *value *= 1.0 - asymmetry;
        }
    }
    let side = if asymmetry > 0.0 { MOUTH_LEFT } else { MOUTH_RIGHT };
    add(weights, side, 0.25 * asymmetry.abs() * jaw);
}

/// Returns values smoothed with a Gaussian of `deviation` values. Values continue at the ends.
pub(super) fn gaussian(values: &[f32], deviation: f64) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil().max(0.0) as usize;
    let bell = |away: usize| {
        let away = away as f64 / deviation.max(1e-6);
        libm::exp(-0.5 * away * away) as f32
    };
    let side: Vec<f32> = (0..=reach).map(bell).collect();
    let sum = side.first().copied().unwrap_or(1.0) + 2.0 * side.iter().skip(1).sum::<f32>();
    let (first, last) = (values.first().copied(), values.last().copied());
    let get = |at: usize, away: usize, later: bool| {
        let index = if later { at.checked_add(away) } else { at.checked_sub(away) };
        let edge = if later { last } else { first };
        index.and_then(|index| values.get(index).copied()).or(edge).unwrap_or(0.0)
    };
    let smooth = |at: usize| {
        let sides = side.iter().enumerate().skip(1);
        let away: f32 =
            sides.map(|(away, bell)| bell * (get(at, away, false) + get(at, away, true))).sum();
        let center = side.first().copied().unwrap_or(1.0) * get(at, 0, true);
        (center + away) / sum
    };
    (0..values.len()).map(smooth).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn track(text: &str, habits: &Habits) -> LipTrack {
        let phones = PhoneTrack::parse(text).unwrap();
        // As loud as its loud parts throughout.
        let samples = vec![0.5; (phones.end() * 16_000.0) as usize];
        LipTrack::new(&phones, &Loudness::new(&samples), habits)
    }

    const PAP: &str = "0 0.3 sil\n0.3 0.4 P\n0.4 0.65 AA\n0.65 0.75 P\n0.75 1.1 sil";

    /// Lips close in the middle of each p, earlier by the lead.
    #[test]
    fn lips_close_for_p_and_open_for_a() {
        for lead in [-0.02, 0.0, 0.04, 0.08] {
            let habits = Habits { lead, ..Habits::default() };
            let lips = track(PAP, &habits);
            let press = |ms: u32| weight(&lips.at(f64::from(ms) / 1000.0), MOUTH_PRESS_LEFT);
            let jaw = |ms: u32| weight(&lips.at(f64::from(ms) / 1000.0), JAW_OPEN);
            let most = |from: u32, to: u32, of: &dyn Fn(u32) -> f32| {
                (from..to).max_by(|&a, &b| of(a).total_cmp(&of(b))).unwrap()
            };
            let shift = (lead * 1000.0) as i32;
            let first = most(150, 500, &press).cast_signed() + shift;
            let second = most(550, 900, &press).cast_signed() + shift;
            assert!((first - 350).abs() <= 15 && (second - 700).abs() <= 15, "{first} {second}");
            let open = most(150, 900, &jaw).cast_signed() + shift;
            assert!((open - 525).abs() <= 60, "{open}");
            let closed = |center: i32| jaw((center - shift).cast_unsigned());
            assert!(closed(350) < 0.05 && closed(700) < 0.05, "{} {}", closed(350), closed(700));
            assert!(closed(525) > 0.4, "{}", closed(525));
        }
    }

    #[test]
    fn mouth_rests_before_and_after() {
        let lips = track(PAP, &Habits::default());
        let rest = lips.at(-10.0);
        assert_eq!(rest, lips.at(1000.0));
        assert_eq!(drawn_lips(&rest), (0.0, 0.0));
    }

    #[test]
    fn rounding_begins_before_its_sound() {
        let lips = track("0 0.5 sil\n0.5 0.6 T\n0.6 0.8 UW\n0.8 1 sil", &Habits::default());
        let round = |seconds: f64| drawn_lips(&lips.at(seconds)).1;
        assert!(round(0.56) > 0.2, "{}", round(0.56));
        assert!(round(0.66) > 0.7, "{}", round(0.66));
        let spread = track("0 0.5 sil\n0.5 0.8 IY\n0.8 1 sil", &Habits::default());
        assert!(drawn_lips(&spread.at(0.62)).1 < -0.4);
    }

    /// A slower tempo moves every movement to the stretched time.
    #[test]
    fn faster_phones_move_the_lips_earlier() {
        let phones = PhoneTrack::parse(PAP).unwrap().faster(1.25);
        let samples = vec![0.5; 16_000];
        let lips = LipTrack::new(&phones, &Loudness::new(&samples), &Habits::default());
        let jaw = |seconds: f64| weight(&lips.at(seconds), JAW_OPEN);
        assert!(jaw(0.35 / 1.25 - 0.04) < 0.05 && jaw(0.525 / 1.25 - 0.04) > 0.35);
    }

    #[test]
    fn movements_vary_with_the_seed_alone() {
        let varied = |seed| {
            let habits = Habits { variation: 0.3, jitter: 0.01, seed, ..Habits::default() };
            track(PAP, &habits)
        };
        assert_eq!(varied(1), varied(1));
        assert_ne!(varied(1), varied(2));
        let same = Habits { seed: 9, ..Habits::default() };
        assert_eq!(track(PAP, &same), track(PAP, &Habits::default()));
    }

    #[test]
    fn weights_of_all_habits_are_within_range() {
        let text = "0 0.1 S\n0.1 0.2 IY\n0.2 0.25 M\n0.25 0.5 AE\n0.5 0.6 W\n0.6 0.9 OY\n0.9 1 F";
        for row in 0..60 {
            let key = RngKey { seed: 5, epoch: 0, row, occurrence: 0 };
            let habits = Habits::new(&mut key.rng(Purpose::Synth));
            let lips = track(text, &habits);
            let mut moved = 0.0_f32;
            for ms in -500..1600 {
                let weights = lips.at(f64::from(ms) / 1000.0);
                assert!(weights.iter().all(|value| (0.0..=1.0).contains(value)));
                moved = moved.max(drawn_lips(&weights).0);
                // The eyes and brows belong to other movements.
                assert!(weights.iter().take(22).all(|&value| value == 0.0));
            }
            assert!(moved > 0.08, "{habits:?}: {moved}");
        }
    }

    #[test]
    fn smoothing_keeps_the_sum() {
        let mut values = vec![0.0; 101];
        values[50] = 1.0;
        let smooth = gaussian(&values, 4.0);
        assert!((smooth.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(
            (smooth[50] - 0.0997).abs() < 1e-3 && (smooth[54] / smooth[50] - 0.6065).abs() < 1e-3
        );
        assert_eq!(gaussian(&[2.0; 5], 3.0).len(), 5);
        assert!((gaussian(&[2.0; 5], 3.0)[0] - 2.0).abs() < 1e-5);
        assert_eq!(gaussian(&[], 3.0), Vec::<f32>::new());
    }
}

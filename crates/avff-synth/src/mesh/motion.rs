//! How a person moves apart from speaking: head, torso, eyes, brows, smiles and pauses.

use avff_rng::Rng;

use super::{action::Action, posture::Posture};
use crate::pose::Oscillation;

/// The duration of a blink, in seconds.
const BLINK: f64 = 0.24;
/// The interval at which loudness is measured, in seconds.
const STEP: f64 = 0.02;
/// Below this loudness, a person is silent.
const QUIET: f32 = 0.06;
/// The least duration of a pause in which the mouth does something else, in seconds.
const PAUSE: f64 = 0.28;

/// The movements of a person during a clip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Motion {
    head: [Oscillation; 3],
    torso: [Oscillation; 3],
    place: [Oscillation; 3],
    /// How far yaw and pitch follow the loudness, in radians.
    nods: [f32; 2],
    /// The smoothed loudness, every [`STEP`] seconds from the start of the clip.
    loudness: Vec<f32>,
    /// Times of saccades, and the gaze after each, in radians.
    saccades: Vec<(f64, [f32; 2])>,
    blinks: Vec<f64>,
    expressions: Vec<Expression>,
    /// A turn of the head to the side.
    turn: Option<Span>,
    turn_angle: f32,
    /// Weights that stay during the whole clip.
    lasting: Vec<(Action, f32)>,
}

/// A time with a soft start and end.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    from: f64,
    to: f64,
    /// The duration of its start, and of its end, in seconds.
    ease: f64,
}

impl Span {
    /// Returns how much of the span is present at a time, from 0 to 1.
    fn at(&self, seconds: f64) -> f32 {
        let rise = ((seconds - self.from) / self.ease).min((self.to - seconds) / self.ease);
        let t = rise.clamp(0.0, 1.0);
        (t * t * (3.0 - 2.0 * t)) as f32
    }
}

/// Actions that come and go.
#[derive(Debug, Clone, PartialEq)]
struct Expression {
    span: Span,
    actions: &'static [(Action, f32)],
    strength: f32,
}

const SMILE: &[(Action, f32)] = &[
    (Action::MouthSmileLeft, 0.8),
    (Action::MouthSmileRight, 0.8),
    (Action::CheekSquintLeft, 0.5),
    (Action::CheekSquintRight, 0.5),
];
const RAISED: &[(Action, f32)] =
    &[(Action::BrowInnerUp, 0.8), (Action::BrowOuterUpLeft, 0.7), (Action::BrowOuterUpRight, 0.7)];
const ONE_RAISED: &[(Action, f32)] =
    &[(Action::BrowOuterUpLeft, 0.9), (Action::BrowDownRight, 0.3)];
const FROWN: &[(Action, f32)] = &[
    (Action::BrowDownLeft, 0.8),
    (Action::BrowDownRight, 0.8),
    (Action::EyeSquintLeft, 0.3),
    (Action::EyeSquintRight, 0.3),
];
const SNEER: &[(Action, f32)] = &[(Action::NoseSneerLeft, 0.7), (Action::NoseSneerRight, 0.6)];
const SQUINT: &[(Action, f32)] = &[(Action::EyeSquintLeft, 0.9), (Action::EyeSquintRight, 0.9)];
const SMIRK: &[(Action, f32)] = &[(Action::MouthSmileLeft, 0.7), (Action::MouthDimpleLeft, 0.4)];
/// What faces do while they speak or listen.
const FACES: [&[(Action, f32)]; 9] =
    [SMILE, SMILE, RAISED, RAISED, ONE_RAISED, FROWN, SNEER, SQUINT, SMIRK];
const PRESS: &[(Action, f32)] = &[
    (Action::MouthPressLeft, 0.7),
    (Action::MouthPressRight, 0.7),
    (Action::MouthRollLower, 0.3),
    (Action::MouthRollUpper, 0.3),
];
const PURSE: &[(Action, f32)] = &[(Action::MouthPucker, 0.6), (Action::MouthShrugLower, 0.3)];
const PART: &[(Action, f32)] = &[(Action::JawOpen, 0.14), (Action::MouthLowerDownLeft, 0.1)];
const LICK: &[(Action, f32)] =
    &[(Action::JawOpen, 0.16), (Action::TongueOut, 0.55), (Action::MouthRollLower, 0.4)];
const SWALLOW: &[(Action, f32)] = &[
    (Action::MouthShrugLower, 0.4),
    (Action::MouthPressLeft, 0.4),
    (Action::MouthPressRight, 0.4),
    (Action::JawForward, 0.1),
];
const CORNERS: &[(Action, f32)] = &[(Action::MouthFrownLeft, 0.5), (Action::MouthFrownRight, 0.5)];
const PUFF: &[(Action, f32)] = &[(Action::CheekPuff, 0.7), (Action::MouthPressLeft, 0.3)];
const ASIDE: &[(Action, f32)] = &[(Action::MouthLeft, 0.5), (Action::MouthPressRight, 0.3)];
const LAUGH: &[(Action, f32)] = &[
    (Action::MouthSmileLeft, 0.9),
    (Action::MouthSmileRight, 0.9),
    (Action::JawOpen, 0.22),
    (Action::MouthUpperUpLeft, 0.4),
    (Action::MouthUpperUpRight, 0.4),
    (Action::CheekSquintLeft, 0.8),
    (Action::CheekSquintRight, 0.8),
    (Action::EyeSquintLeft, 0.6),
    (Action::EyeSquintRight, 0.6),
];
/// What mouths do in pauses.
const PAUSES: [&[(Action, f32)]; 10] =
    [PRESS, PRESS, PURSE, PART, LICK, SWALLOW, CORNERS, PUFF, ASIDE, LAUGH];

impl Motion {
    /// Samples movements. `loudness` is that of the person's voice at a time in seconds.
    pub(super) fn new(rng: &mut Rng, seconds: f64, loudness: &dyn Fn(f64) -> f32) -> Self {
        let around = |rng: &mut Rng, mean: f64, amplitude: f64| {
            let mean = mean * rng.normal().clamp(-2.2, 2.2);
            Oscillation::new(rng, mean, amplitude)
        };
        let lively = rng.between(0.1, 1.4) * rng.between(0.3, 1.4);
        let wide = if rng.bernoulli(0.15) { 2.0 } else { 1.0 };
        let head = [(0.17 * wide, 0.07), (0.08, 0.035), (0.05, 0.03)]
            .map(|(mean, amplitude)| around(rng, mean, lively * amplitude));
        let torso = [(0.12 * wide, 0.03), (0.03, 0.012), (0.03, 0.012)]
            .map(|(mean, amplitude)| around(rng, mean, lively * amplitude));
        let place = [0; 3].map(|_| around(rng, 0.0, 0.07 * lively));
        let follows = rng.bernoulli(0.6);
        let nods = [0.05, 0.10].map(|most| {
            let angle = (most * rng.normal()) as f32;
            if follows { angle } else { 0.0 }
        });
        let measured: Vec<f32> =
            (0..(seconds / STEP) as usize + 2).map(|at| loudness(at as f64 * STEP)).collect();
        let mut expressions = faces(rng, seconds);
        expressions.extend(pauses(rng, &measured));
        let turns = rng.bernoulli(0.06);
        let (from, long, side) =
            (rng.between(-0.5, seconds), rng.between(0.6, 2.5), rng.between(0.5, 0.9));
        let side = if rng.bernoulli(0.5) { side } else { -side };
        Self {
            head,
            torso,
            place,
            nods,
            loudness: smoothed(&measured),
            saccades: saccades(rng, seconds),
            blinks: blinks(rng, seconds),
            expressions,
            turn: turns.then_some(Span { from, to: from + long, ease: 0.4 }),
            turn_angle: side as f32,
            lasting: lasting(rng),
        }
    }

    /// Returns the posture at a time in seconds, without the speaking mouth.
    pub(super) fn at(&self, seconds: f64) -> Posture {
        let three = |oscillations: &[Oscillation; 3]| {
            [oscillations[0].at(seconds), oscillations[1].at(seconds), oscillations[2].at(seconds)]
        };
        let nearest = self.blinks.iter().map(|blink| (blink - seconds).abs());
        let shut = 1.3 * (1.0 - nearest.fold(f64::MAX, f64::min) / (BLINK / 2.0));
        let shut = shut.clamp(0.0, 1.0) as f32;
        let mut head = three(&self.head);
        let step = (seconds.max(0.0) / STEP) as usize;
        let loud = self.loudness.get(step.min(self.loudness.len().saturating_sub(1)));
        let loud = loud.copied().unwrap_or(0.0);
        head[0] += self.nods[0] * loud;
        head[1] += self.nods[1] * loud;
        if let Some(turn) = self.turn {
            head[0] += self.turn_angle * turn.at(seconds);
        }
        head[0] = head[0].clamp(-0.95, 0.95);
        let mut posture = Posture {
            head,
            torso: three(&self.torso),
            place: three(&self.place),
            gaze: self.gaze(seconds),
            blink: [shut; 2],
            ..Posture::default()
        };
        for &(action, weight) in &self.lasting {
            posture.actions.add(action, weight);
        }
        for expression in &self.expressions {
            let share = expression.strength * expression.span.at(seconds);
            if share > 0.0 {
                for &(action, weight) in expression.actions {
                    posture.actions.add(action, share * weight);
                }
            }
        }
        posture
    }

    fn gaze(&self, seconds: f64) -> [f32; 2] {
        /// The duration of a saccade, in seconds.
        const JUMP: f64 = 0.05;
        let mut gaze = [0.0; 2];
        for &(at, target) in &self.saccades {
            let share = ((seconds - at) / JUMP).clamp(0.0, 1.0) as f32;
            gaze =
                [gaze[0] + share * (target[0] - gaze[0]), gaze[1] + share * (target[1] - gaze[1])];
        }
        gaze
    }
}

/// Returns a slow curve of the loudness, relative to its mean.
fn smoothed(loudness: &[f32]) -> Vec<f32> {
    let mean = loudness.iter().sum::<f32>() / loudness.len().max(1) as f32;
    let (mut slow, mut slower) = (0.0, 0.0);
    let smooth = |value: &f32| {
        slow += 0.12 * (value - mean - slow);
        slower += 0.12 * (slow - slower);
        slower
    };
    loudness.iter().map(smooth).collect()
}

fn blinks(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let pace = rng.between(0.6, 2.5);
    let mut blinks = Vec::new();
    let mut at = rng.between(-4.0, 2.0);
    while at < seconds + BLINK {
        blinks.push(at);
        at += pace * rng.between(0.3, 3.0).max(BLINK);
    }
    blinks
}

/// Samples where the eyes look: mostly at the camera, around, or along lines of text.
fn saccades(rng: &mut Rng, seconds: f64) -> Vec<(f64, [f32; 2])> {
    let kind = rng.unit();
    let spread = if kind < 0.5 { 0.03 } else { 0.14 };
    let center = if kind < 0.6 { [0.0; 2] } else { [0.12 * rng.normal(), 0.08 * rng.normal()] };
    let mut saccades = Vec::new();
    let mut at = -1.0;
    while at < seconds {
        let [left, up] =
            center.map(|middle| (middle + spread * rng.normal()).clamp(-0.4, 0.4) as f32);
        saccades.push((at, [left, 0.6 * up]));
        at += rng.between(0.15, 0.6) + rng.unit() * rng.unit() * 2.5;
    }
    saccades
}

/// Samples expressions that come and go.
fn faces(rng: &mut Rng, seconds: f64) -> Vec<Expression> {
    let pace = rng.between(0.6, 6.0);
    let strength = rng.between(0.1, 1.0);
    let mut faces = Vec::new();
    let mut at = -pace * rng.unit();
    while at < seconds {
        let long = rng.between(0.3, 2.5);
        faces.push(Expression {
            span: Span { from: at, to: at + long, ease: rng.between(0.12, 0.5) },
            actions: FACES[rng.index(FACES.len())],
            strength: (strength * rng.between(0.3, 1.0)) as f32,
        });
        at += pace * rng.between(0.3, 1.7);
    }
    faces
}

/// Samples what the mouth does in pauses of the voice.
fn pauses(rng: &mut Rng, loudness: &[f32]) -> Vec<Expression> {
    let often = rng.between(0.0, 0.9);
    let mut out = Vec::new();
    let mut start = 0;
    for at in 0..=loudness.len() {
        if loudness.get(at).is_some_and(|&value| value < QUIET) {
            continue;
        }
        let (from, to) = (start as f64 * STEP, at as f64 * STEP);
        start = at + 1;
        if to - from < PAUSE {
            continue;
        }
        let (used, kind) = (rng.bernoulli(often), rng.index(PAUSES.len()));
        let strength = rng.between(0.3, 1.0) as f32;
        let early = from + rng.between(0.04, 0.4) * (to - from - PAUSE).max(0.0);
        let late = to.min(early + rng.between(PAUSE, 1.2)) - 0.05;
        if used {
            let ease = (0.4 * (late - early)).min(0.15);
            out.push(Expression {
                span: Span { from: early, to: late, ease },
                actions: PAUSES[kind],
                strength,
            });
        }
    }
    out
}

/// Samples weights that stay: crooked mouths, lids that hang, corners that point up or down.
fn lasting(rng: &mut Rng) -> Vec<(Action, f32)> {
    use Action::{
        BrowInnerUp, EyeSquintLeft, EyeSquintRight, EyeWideLeft, EyeWideRight, JawForward, JawLeft,
        JawRight, MouthFrownLeft, MouthFrownRight, MouthLeft, MouthRight, MouthSmileLeft,
        MouthSmileRight,
    };
    let mut lasting = Vec::new();
    let mut pick = |probability: f64, most: f64, actions: &[Action]| {
        let (used, weight) = (rng.bernoulli(probability), most * rng.unit());
        if used {
            lasting.extend(actions.iter().map(|&action| (action, weight as f32)));
        }
    };
    pick(0.2, 0.3, &[MouthLeft]);
    pick(0.2, 0.3, &[MouthRight]);
    pick(0.12, 0.3, &[JawLeft]);
    pick(0.12, 0.3, &[JawRight]);
    pick(0.15, 0.4, &[JawForward]);
    pick(0.25, 0.5, &[MouthSmileLeft, MouthSmileRight]);
    pick(0.2, 0.4, &[MouthFrownLeft, MouthFrownRight]);
    pick(0.1, 0.3, &[MouthSmileLeft]);
    pick(0.3, 0.5, &[EyeSquintLeft, EyeSquintRight]);
    pick(0.2, 0.4, &[EyeWideLeft, EyeWideRight]);
    pick(0.2, 0.5, &[BrowInnerUp]);
    lasting
}

#[cfg(test)]
mod tests {
    use avff_datasets::layout::Split;

    use super::*;
    use crate::rng::{SynthPurpose, rng};

    fn motion(index: u64, loudness: &dyn Fn(f64) -> f32) -> Motion {
        Motion::new(&mut rng(5, Split::Train, index, SynthPurpose::MeshMotion), 3.0, loudness)
    }

    #[test]
    fn movements_are_bounded_and_smooth() {
        let (mut widest, mut blinked) = (0.0_f32, 0);
        for index in 0..120 {
            let motion = motion(index, &|_| 0.3);
            let mut last = motion.at(0.0);
            for step in 1..300 {
                let now = motion.at(f64::from(step) * 0.01);
                assert!(now.head[0].abs() <= 0.95 && now.head[1].abs() < 0.6, "{index}");
                assert!(now.gaze.iter().all(|angle| angle.abs() <= 0.4));
                assert!(now.actions.0.iter().all(|weight| (0.0..=1.0).contains(weight)));
                // No head turns faster than 5 radians a second.
                let speed = (now.head[0] - last.head[0]).abs() / 0.01;
                assert!(speed < 5.0, "{index}: {speed}");
                widest = widest.max(now.head[0].abs());
                blinked += usize::from(now.blink[0] > 0.9 && last.blink[0] <= 0.9);
                last = now;
            }
        }
        assert!(widest > 0.6, "{widest}");
        // Between one blink in five seconds and one a second.
        assert!((72..360).contains(&blinked), "{blinked}");
    }

    #[test]
    fn mouths_move_by_themselves_in_pauses_only() {
        let quiet = |seconds: f64| if (1.0..2.0).contains(&seconds) { 0.0 } else { 0.5 };
        let mut used = 0;
        for index in 0..80 {
            let measured: Vec<f32> = (0..150).map(|at| quiet(f64::from(at) * STEP)).collect();
            let mut random = rng(5, Split::Train, index, SynthPurpose::MeshMotion);
            for expression in pauses(&mut random, &measured) {
                used += 1;
                assert!(expression.span.from >= 1.0 && expression.span.to <= 2.0);
                assert_eq!((expression.span.at(0.99), expression.span.at(2.01)), (0.0, 0.0));
            }
        }
        assert!(used > 10, "{used}");
    }
}

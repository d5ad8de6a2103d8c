//! What mouth and throat do at every millisecond: the one source of picture and sound.

/// What is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Part {
    /// The mouth's opening, from 0 to 1.
    Open = 0,
    /// Lips from spread (-1) to rounded (1).
    Round = 1,
    /// Loudness of the vocal cords.
    Voice = 2,
    /// Loudness of breath through the throat.
    Breath = 3,
    /// Loudness of noise made in the mouth.
    Hiss = 4,
    /// Its middle, in Hz.
    HissAt = 5,
    /// The first formant, in Hz.
    First = 6,
    /// The second.
    Second = 7,
    /// The third.
    Third = 8,
    /// Pitch above the voice's own, in semitones.
    Pitch = 9,
}

/// How many things are moved.
const PARTS: usize = 10;
/// At every instant of a track.
pub(super) type Posture = [f32; PARTS];
/// How long a movement takes, in ms, by [`Part`]: half the length of the triangle that targets are
/// smoothed with. Lips are slower than the tongue, and nothing is slow in a burst.
const INERTIA: [usize; PARTS] = [36, 45, 9, 6, 3, 6, 24, 24, 24, 45];
/// How long one course of movements takes to become another, in ms.
const JOINT: f64 = 40.0;

/// Postures, one a millisecond.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    /// Time of the first, in ms.
    start: i32,
    postures: Vec<Posture>,
}

impl Track {
    /// A track of targets, and at least one of them; movements towards them are smooth.
    pub(super) fn new(start: i32, mut postures: Vec<Posture>) -> Self {
        for (part, &width) in INERTIA.iter().enumerate() {
            let mut line: Vec<f32> =
                postures.iter().filter_map(|posture| posture.get(part).copied()).collect();
            line = boxed(&boxed(&line, width), width);
            for (posture, value) in postures.iter_mut().zip(line) {
                if let Some(target) = posture.get_mut(part) {
                    *target = value;
                }
            }
        }
        Self { start, postures }
    }

    /// At a millisecond; before its start and after its end, as there.
    pub(super) fn at(&self, ms: i32) -> Posture {
        let last = self.postures.len().saturating_sub(1);
        let index = usize::try_from(ms.saturating_sub(self.start)).unwrap_or(0).min(last);
        self.postures.get(index).copied().unwrap_or_default()
    }

    /// At a time in seconds, on the line between the nearest milliseconds.
    pub(super) fn between(&self, seconds: f64) -> Posture {
        let ms = seconds * 1000.0;
        let share = (ms - ms.floor()) as f32;
        // Times are those of a clip of a minute at most.
        mixed(&self.at(ms.floor() as i32), &self.at(ms.floor() as i32 + 1), share)
    }

    /// The track, `late` ms later.
    pub(super) fn shifted(mut self, late: i32) -> Self {
        self.start = self.start.saturating_add(late);
        self
    }

    /// `other` from one time in seconds to another, this track before and after; the two pass into
    /// each other, so that there is no edge to be heard or seen.
    pub(super) fn spliced(&self, other: &Self, (from, to): (f64, f64)) -> Self {
        let postures = self.postures.iter().zip(self.start..).map(|(own, ms)| {
            let inside = (f64::from(ms) - from * 1000.0).min(to * 1000.0 - f64::from(ms));
            mixed(own, &other.at(ms), (inside / JOINT + 0.5).clamp(0.0, 1.0) as f32)
        });
        Self { start: self.start, postures: postures.collect() }
    }
}

fn mixed(a: &Posture, b: &Posture, share: f32) -> Posture {
    let mut out = *a;
    for (value, &other) in out.iter_mut().zip(b) {
        *value += share * (other - *value);
    }
    out
}

/// The mean over `width` values around each, fewer at the ends.
fn boxed(line: &[f32], width: usize) -> Vec<f32> {
    let mut sums = Vec::with_capacity(line.len() + 1);
    let mut sum = 0.0_f64;
    sums.push(sum);
    for &value in line {
        sum += f64::from(value);
        sums.push(sum);
    }
    let until = |at: usize| sums.get(at).copied().unwrap_or(sum);
    let mean = |at: usize| {
        let from = at.saturating_sub(width / 2);
        let to = (at + width.div_ceil(2)).min(line.len()).max(from + 1);
        ((until(to) - until(from)) / (to - from) as f64) as f32
    };
    (0..line.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> Track {
        let posture = |ms: usize| if ms < 500 { [0.0; PARTS] } else { [1.0; PARTS] };
        Track::new(-100, (0..1000).map(posture).collect())
    }

    #[test]
    fn movements_are_smooth_and_on_time() {
        let track = step();
        for (part, width) in INERTIA.into_iter().enumerate() {
            let width = width as i32;
            assert!((track.at(400)[part] - 0.5).abs() < 0.2, "{}", track.at(400)[part]);
            assert_eq!(track.at(400 - width - 2)[part], 0.0);
            assert_eq!(track.at(400 + width + 2)[part], 1.0);
        }
        assert_eq!((track.at(-5000)[0], track.at(5000)[0]), (0.0, 1.0));
        let middle = (track.at(400)[0] + track.at(401)[0]) / 2.0;
        assert!((track.between(0.4005)[0] - middle).abs() < 1e-4);
    }

    #[test]
    fn shifts_are_later_and_splices_have_no_edge() {
        let track = step();
        let late = track.clone().shifted(150);
        assert_eq!(late.at(560), track.at(410));
        let zero = Track { start: -100, postures: vec![[0.0; PARTS]; 1000] };
        let spliced = track.spliced(&zero, (0.6, 0.7));
        assert_eq!((spliced.at(570)[0], spliced.at(650)[0], spliced.at(730)[0]), (1.0, 0.0, 1.0));
        let steps = (500..800).map(|ms| (spliced.at(ms + 1)[0] - spliced.at(ms)[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 1.1 / JOINT as f32);
    }
}

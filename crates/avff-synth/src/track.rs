//! The articulation at every millisecond: the common source of frames and audio.

/// A parameter of the articulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Parameter {
    /// The opening of the mouth, from 0 to 1.
    MouthOpening = 0,
    /// The shape of the lips, from spread (-1) to rounded (1).
    LipRounding = 1,
    /// The loudness of the vocal cords.
    Voicing = 2,
    /// The loudness of aspiration through the vocal tract.
    Aspiration = 3,
    /// The loudness of noise that is created in the mouth.
    Frication = 4,
    /// The center frequency of that noise, in Hz.
    FricationFrequency = 5,
    /// The first formant, in Hz.
    Formant1 = 6,
    /// The second formant, in Hz.
    Formant2 = 7,
    /// The third formant, in Hz.
    Formant3 = 8,
    /// The pitch relative to the voice's base pitch, in semitones.
    Pitch = 9,
}

/// The number of parameters.
const PARAMETERS: usize = 10;
/// The value of every parameter at one time.
pub(super) type Posture = [f32; PARAMETERS];
/// The duration of a movement in ms, by [`Parameter`]: half the length of the triangle filter that
/// smooths the targets. Lips are slower than the tongue, and nothing is slow in a burst.
const SMOOTHING_MS: [usize; PARAMETERS] = [36, 45, 9, 6, 3, 6, 24, 24, 24, 45];
/// The duration of the crossfade between two tracks, in ms.
const CROSSFADE_MS: f64 = 40.0;

/// A sequence of postures, one per millisecond.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    /// The time of the first posture, in ms.
    start: i32,
    postures: Vec<Posture>,
}

impl Track {
    /// Creates a track from at least one target posture and smooths the movements between targets.
    pub(super) fn new(start: i32, mut postures: Vec<Posture>) -> Self {
        for (parameter, &width) in SMOOTHING_MS.iter().enumerate() {
            let mut line: Vec<f32> =
                postures.iter().filter_map(|posture| posture.get(parameter).copied()).collect();
            line = moving_average(&moving_average(&line, width), width);
            for (posture, value) in postures.iter_mut().zip(line) {
                if let Some(target) = posture.get_mut(parameter) {
                    *target = value;
                }
            }
        }
        Self { start, postures }
    }

    /// Returns the posture at a millisecond. Outside of the track, the first or last posture is
    /// held.
    pub(super) fn at(&self, ms: i32) -> Posture {
        let last = self.postures.len().saturating_sub(1);
        let index = usize::try_from(ms.saturating_sub(self.start)).unwrap_or(0).min(last);
        self.postures.get(index).copied().unwrap_or_default()
    }

    /// Returns the posture at a time in seconds, interpolated between milliseconds.
    pub(super) fn at_seconds(&self, seconds: f64) -> Posture {
        let ms = seconds * 1000.0;
        let share = (ms - ms.floor()) as f32;
        // Times lie within a clip of at most one minute, so the casts do not overflow.
        interpolated(&self.at(ms.floor() as i32), &self.at(ms.floor() as i32 + 1), share)
    }

    /// Returns the track, delayed by `delay` milliseconds.
    pub(super) fn shifted(mut self, delay: i32) -> Self {
        self.start = self.start.saturating_add(delay);
        self
    }

    /// Returns this track with the segment `(from, to)`, in seconds, replaced by `other`.
    /// Crossfades hide the edges in frames and audio.
    pub(super) fn spliced(&self, other: &Self, (from, to): (f64, f64)) -> Self {
        let postures = self.postures.iter().zip(self.start..).map(|(own, ms)| {
            let inside = (f64::from(ms) - from * 1000.0).min(to * 1000.0 - f64::from(ms));
            interpolated(own, &other.at(ms), (inside / CROSSFADE_MS + 0.5).clamp(0.0, 1.0) as f32)
        });
        Self { start: self.start, postures: postures.collect() }
    }
}

fn interpolated(a: &Posture, b: &Posture, share: f32) -> Posture {
    let mut out = *a;
    for (value, &other) in out.iter_mut().zip(b) {
        *value += share * (other - *value);
    }
    out
}

/// Returns the moving average over `width` values, fewer at the ends.
fn moving_average(line: &[f32], width: usize) -> Vec<f32> {
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
        let posture = |ms: usize| if ms < 500 { [0.0; PARAMETERS] } else { [1.0; PARAMETERS] };
        Track::new(-100, (0..1000).map(posture).collect())
    }

    #[test]
    fn movements_are_smooth_and_on_time() {
        let track = step();
        for (parameter, width) in SMOOTHING_MS.into_iter().enumerate() {
            let width = width as i32;
            assert!((track.at(400)[parameter] - 0.5).abs() < 0.2, "{}", track.at(400)[parameter]);
            assert_eq!(track.at(400 - width - 2)[parameter], 0.0);
            assert_eq!(track.at(400 + width + 2)[parameter], 1.0);
        }
        assert_eq!((track.at(-5000)[0], track.at(5000)[0]), (0.0, 1.0));
        let middle = (track.at(400)[0] + track.at(401)[0]) / 2.0;
        assert!((track.at_seconds(0.4005)[0] - middle).abs() < 1e-4);
    }

    #[test]
    fn shifts_delay_and_splices_have_no_edge() {
        let track = step();
        let late = track.clone().shifted(150);
        assert_eq!(late.at(560), track.at(410));
        let zero = Track { start: -100, postures: vec![[0.0; PARAMETERS]; 1000] };
        let spliced = track.spliced(&zero, (0.6, 0.7));
        assert_eq!((spliced.at(570)[0], spliced.at(650)[0], spliced.at(730)[0]), (1.0, 0.0, 1.0));
        let steps = (500..800).map(|ms| (spliced.at(ms + 1)[0] - spliced.at(ms)[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 1.1 / CROSSFADE_MS as f32);
    }
}

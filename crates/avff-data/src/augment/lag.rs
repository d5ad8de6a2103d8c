//! Audio that is a little early or late.

use avff_media::SettingError;
use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::AudioSpec;
use avff_rng::Rng;

/// Rolls the filterbank in time against the frames.
///
/// Files have offsets of some frames between their streams: encoders add a delay, and devices
/// record one stream late. A network that sees them in training learns that they are no evidence.
/// What leaves one end of the filterbank enters at the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lag {
    /// The smallest and the largest lag of the audio, in fbank frames; below 0 it is early.
    pub frames: (i32, i32),
}

impl Lag {
    pub(super) fn validate(&self, spec: &AudioSpec) -> Result<(), SettingError> {
        let (most, (from, to)) = (spec.frames as f64, self.frames);
        within("augment.lag.frames", f64::from(from), -most, most)?;
        within("augment.lag.frames", f64::from(to), f64::from(from), most)
    }

    /// Draws the lag, in fbank frames.
    pub(super) fn draw(self, rng: &mut Rng) -> i32 {
        let (from, to) = self.frames;
        from + rng.index((to - from) as usize + 1) as i32
    }
}

/// Rolls values of `[frames, mels]`.
pub(super) fn apply(rows: &mut [f32], mels: usize, lag: i32) {
    if !rows.is_empty() {
        let by = (lag.unsigned_abs() as usize * mels) % rows.len();
        if lag < 0 { rows.rotate_left(by) } else { rows.rotate_right(by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    #[test]
    fn every_lag_of_the_range_is_drawn() {
        let lag = Lag { frames: (-2, 3) };
        let mut drawn: Vec<i32> = (0..200)
            .map(|row| RngKey { seed: 1, epoch: 0, row, occurrence: 0 }.rng(Purpose::Lag))
            .map(|mut rng| lag.draw(&mut rng))
            .collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [-2, -1, 0, 1, 2, 3]);
    }

    #[test]
    fn late_audio_moves_to_later_frames() {
        let rows = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5];
        for (lag, expected) in [
            (0, rows),
            (1, [2.0, 2.5, 0.0, 0.5, 1.0, 1.5]),
            (-1, [1.0, 1.5, 2.0, 2.5, 0.0, 0.5]),
            (3, rows),
        ] {
            let mut rolled = rows;
            apply(&mut rolled, 2, lag);
            assert_eq!(rolled, expected, "lag {lag}");
        }
    }
}

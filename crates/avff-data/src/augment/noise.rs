//! The reference's `noise` augmentation: noise on the filterbank, and a circular shift in time.

use avff_media::SettingError;
use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::AudioSpec;
use avff_rng::Rng;

/// Adds uniform noise to the normalized filterbank, then rolls it along time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Noise level: every value gets `u * r * level`, with u uniform in `[0, 1)` per value and r
    /// per sample.
    pub level: f64,
    /// Whether to shift the fbank frames circularly by a uniform random number of frames. The shift
    /// misaligns audio and video.
    pub roll: bool,
}

impl Noise {
    /// The reference's settings: level 0.1 with a roll.
    #[must_use]
    pub fn open_avff() -> Self {
        Self { level: 0.1, roll: true }
    }

    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.noise.level", self.level, 0.0, 100.0)
    }

    pub(super) fn apply(self, rows: &mut [f32], spec: &AudioSpec, rng: &mut Rng) {
        let max = rng.unit() * self.level;
        // The shift is drawn first, whether it is used or not, so that runs with and without roll
        // differ in nothing else. Rolling by the negative count is equivalent.
        let roll = rng.index(2 * spec.frames) % spec.frames.max(1);
        for value in rows.iter_mut() {
            *value += (rng.unit() * max) as f32;
        }
        if self.roll && !rows.is_empty() {
            rows.rotate_right((roll * spec.mels) % rows.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    fn spec() -> AudioSpec {
        AudioSpec::kaldi(10, 4, [0.0, 1.0])
    }

    fn rng(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Noise)
    }

    /// All values of frame `i` are `i`.
    fn ramp() -> Vec<f32> {
        (0..40).map(|index| (index / 4) as f32).collect()
    }

    #[test]
    fn roll_shifts_frames_by_every_number() {
        let mut counts = [0; 10];
        for row in 0..5_000 {
            let mut rows = ramp();
            Noise { level: 0.0, roll: true }.apply(&mut rows, &spec(), &mut rng(row));
            let shift = (10 - rows[0] as usize) % 10;
            // As in numpy.roll, frame 0 moves to frame `shift`.
            for (index, &value) in rows.iter().enumerate() {
                assert_eq!(value, ((index / 4 + 10 - shift) % 10) as f32);
            }
            counts[shift] += 1;
        }
        // 500 each, standard deviation 21.2; the tolerance is five deviations.
        assert!(counts.iter().all(|count| (394..=606).contains(count)), "{counts:?}");
    }

    #[test]
    fn noise_is_uniform_up_to_a_random_level() {
        let spec = AudioSpec { frames: 500, ..spec() };
        let noise = |row| {
            let mut rows = vec![0.0; 2_000];
            Noise { level: 0.1, roll: false }.apply(&mut rows, &spec, &mut rng(row));
            let max = rows.iter().copied().fold(0.0, f32::max);
            let mean = rows.iter().sum::<f32>() / 2_000.0;
            assert!(rows.iter().all(|&value| (0.0..0.1).contains(&value)));
            // Uniform: the mean is half of the maximum; standard deviation of the mean 0.0065 of
            // the maximum.
            assert!((mean / max - 0.5).abs() < 0.035, "{mean} of {max}");
            f64::from(max)
        };
        let mean = (0..400).map(noise).sum::<f64>() / 400.0;
        // r is uniform in [0, 0.1): mean 0.05, standard deviation of the mean 0.00144.
        assert!((mean - 0.05).abs() < 0.0073, "{mean}");
    }

    #[test]
    fn disabling_roll_changes_nothing_else() {
        let run = |roll| {
            let mut rows = ramp();
            Noise { level: 0.1, roll }.apply(&mut rows, &spec(), &mut rng(3));
            rows
        };
        let (mut rolled, unrolled) = (run(true), run(false));
        assert!(unrolled.is_sorted_by(|a, b| a.floor() <= b.floor()));
        let shift = rolled.iter().position(|&value| value.floor() == 0.0).unwrap_or_default();
        rolled.rotate_left(shift);
        assert_eq!(rolled, unrolled);
    }
}

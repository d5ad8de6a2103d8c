//! The reference's `noise`: a little of it on the filterbank, and a roll of its time axis.

use avff_media::SettingError;
use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::AudioSpec;
use avff_rng::Rng;

/// Adds uniform noise to the normalised filterbank, then rolls it along time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The most that is added: every value gets `u * r * level`, u uniform in `[0, 1)` for each, r
    /// for the sample.
    pub level: f64,
    /// Whether the frames are then moved by a whole number, uniform from minus their count up to it,
    /// those that leave one end coming back in at the other. It tears the sound from the pictures.
    pub roll: bool,
}

impl Noise {
    /// The reference's: a tenth, rolled.
    #[must_use]
    pub fn open_avff() -> Self {
        Self { level: 0.1, roll: true }
    }

    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.noise.level", self.level, 0.0, 100.0)
    }

    pub(super) fn apply(self, rows: &mut [f32], spec: &AudioSpec, draws: &mut Rng) {
        let most = draws.unit() * self.level;
        // Drawn before the values' noise and whether it is used or not, so that runs with and
        // without the roll differ in nothing else. Rolling by a count less is rolling back.
        let roll = draws.index(2 * spec.frames) % spec.frames.max(1);
        for value in rows.iter_mut() {
            *value += (draws.unit() * most) as f32;
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

    fn draws(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Noise)
    }

    /// Frame `i` is all `i`.
    fn ramp() -> Vec<f32> {
        (0..40).map(|index| (index / 4) as f32).collect()
    }

    #[test]
    fn rolling_moves_whole_frames_and_by_every_number() {
        let mut counts = [0; 10];
        for row in 0..5_000 {
            let mut rows = ramp();
            Noise { level: 0.0, roll: true }.apply(&mut rows, &spec(), &mut draws(row));
            let shift = (10 - rows[0] as usize) % 10;
            // numpy.roll: what was at frame 0 is now at frame `shift`.
            for (index, &value) in rows.iter().enumerate() {
                assert_eq!(value, ((index / 4 + 10 - shift) % 10) as f32);
            }
            counts[shift] += 1;
        }
        // 500 each, deviation 21.2; five are allowed.
        assert!(counts.iter().all(|count| (394..=606).contains(count)), "{counts:?}");
    }

    #[test]
    fn noise_is_uniform_up_to_a_level_of_its_own() {
        let spec = AudioSpec { frames: 500, ..spec() };
        let noise = |row| {
            let mut rows = vec![0.0; 2_000];
            Noise { level: 0.1, roll: false }.apply(&mut rows, &spec, &mut draws(row));
            let most = rows.iter().copied().fold(0.0, f32::max);
            let mean = rows.iter().sum::<f32>() / 2_000.0;
            assert!(rows.iter().all(|&value| (0.0..0.1).contains(&value)));
            // Uniform: the mean is half of the most; deviation of the mean 0.0065 of the most.
            assert!((mean / most - 0.5).abs() < 0.035, "{mean} of {most}");
            f64::from(most)
        };
        let mean = (0..400).map(noise).sum::<f64>() / 400.0;
        // r is uniform in [0, 0.1): mean 0.05, deviation of the mean 0.00144.
        assert!((mean - 0.05).abs() < 0.0073, "{mean}");
    }

    #[test]
    fn the_roll_can_be_left_out_and_nothing_else_changes() {
        let run = |roll| {
            let mut rows = ramp();
            Noise { level: 0.1, roll }.apply(&mut rows, &spec(), &mut draws(3));
            rows
        };
        let (mut rolled, still) = (run(true), run(false));
        assert!(still.is_sorted_by(|a, b| a.floor() <= b.floor()));
        let shift = rolled.iter().position(|&value| value.floor() == 0.0).unwrap_or_default();
        rolled.rotate_left(shift);
        assert_eq!(rolled, still);
    }
}

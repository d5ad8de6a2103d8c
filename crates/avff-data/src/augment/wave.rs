//! Gain and noise augmentations of the waveform.

use serde::{Deserialize, Serialize};

use super::{range, within};
use avff_media::{Audio, SettingError};
use avff_rng::Rng;

/// Changes the volume of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// Maximum gain in either direction, in dB of amplitude; uniform in between.
    pub db: f64,
}

/// Adds white Gaussian noise to every channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhiteNoise {
    /// Minimum and maximum signal-to-noise ratio, in dB of power over all channels; uniform in
    /// between. Silence receives no noise.
    pub snr_db: (f64, f64),
}

impl Gain {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.gain.db", self.db, 0.0, 100.0)
    }

    /// Draws the amplitude factor.
    pub(super) fn draw(self, rng: &mut Rng) -> f32 {
        10.0_f64.powf(rng.between(-self.db, self.db) / 20.0) as f32
    }
}

impl WhiteNoise {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        range("augment.white_noise.snr_db", self.snr_db, -100.0, 200.0)
    }

    /// Draws the noise power relative to the signal power.
    pub(super) fn draw(self, rng: &mut Rng) -> f64 {
        10.0_f64.powf(-rng.between(self.snr_db.0, self.snr_db.1) / 10.0)
    }
}

pub(super) fn gain(audio: &mut Audio, factor: f32) {
    audio.channels.iter_mut().flatten().for_each(|sample| *sample *= factor);
}

pub(super) fn white_noise(audio: &mut Audio, ratio: f64, rng: &mut Rng) {
    let samples = || audio.channels.iter().flatten().map(|&sample| f64::from(sample));
    let count = samples().count().max(1) as f64;
    // A constant offset is inaudible, and the filterbank removes it.
    let mean = samples().sum::<f64>() / count;
    let power = samples().map(|sample| (sample - mean).powi(2)).sum::<f64>() / count;
    let deviation = (power * ratio).sqrt();
    for sample in audio.channels.iter_mut().flatten() {
        *sample += (deviation * rng.normal()) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    fn rng(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Gain)
    }

    #[test]
    fn gain_is_in_decibels() {
        let db = |row| 20.0 * f64::from(Gain { db: 6.0 }.draw(&mut rng(row))).log10();
        let all: Vec<f64> = (0..2_000).map(db).collect();
        assert!(all.iter().all(|db| db.abs() < 6.001));
        // Uniform: mean 0, standard deviation of the mean 0.078.
        assert!((all.iter().sum::<f64>() / 2_000.0).abs() < 0.4);
        assert!(all.iter().any(|&db| db > 5.9) && all.iter().any(|&db| db < -5.9));
        let mut audio = Audio { rate: 8_000, channels: vec![vec![0.5, -0.25], vec![1.0, 0.0]] };
        gain(&mut audio, 0.5);
        assert_eq!(audio.channels, [[0.25, -0.125], [0.5, 0.0]]);
    }

    #[test]
    fn noise_has_the_requested_power() {
        let ratio = WhiteNoise { snr_db: (20.0, 20.0) }.draw(&mut rng(0));
        assert!((ratio - 0.01).abs() < 1e-12);
        // A square wave of power 0.25 with an offset that must not count.
        let wave: Vec<f32> = (0..20_000).map(|i| if i % 2 == 0 { 1.0 } else { 0.0 }).collect();
        let clean = Audio { rate: 8_000, channels: vec![wave.clone(), wave] };
        let mut noisy = clean.clone();
        white_noise(&mut noisy, ratio, &mut rng(1));
        let pairs = noisy.channels.iter().flatten().zip(clean.channels.iter().flatten());
        let noise: Vec<f64> = pairs.map(|(a, b)| f64::from(a - b)).collect();
        let power = noise.iter().map(|value| value * value).sum::<f64>() / 40_000.0;
        // Chi-squared of 40,000: standard deviation 0.7 % of 0.0025.
        assert!((power / 0.002_5 - 1.0).abs() < 0.035, "{power}");
        let lagged = noise.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / 40_000.0;
        assert!((lagged / 0.002_5).abs() < 0.025, "not white: {lagged}");
        let mut silence = Audio { rate: 8_000, channels: vec![vec![0.25; 100]] };
        white_noise(&mut silence, ratio, &mut rng(1));
        assert_eq!(silence.channels, [[0.25; 100]]);
    }
}

//! How loud an utterance is at every time, as far as lips follow it.

use super::{lip_track::gaussian, recording::RATE};

/// The values a second.
pub(super) const HERTZ: f64 = 100.0;
/// The window of one value, in seconds.
const WINDOW: f64 = 0.025;
/// The range of levels below the loudest that lips follow, in dB.
const RANGE: f64 = 25.0;
/// The standard deviation of the smoothing, in seconds: lips do not follow single pulses.
const SMOOTHING: f64 = 0.03;

/// The loudness of an utterance: 0 is 25 dB below its loud parts, and 1 as loud as they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loudness {
    values: Vec<f32>,
}

impl Loudness {
    /// Measures audio at 16 kHz.
    #[must_use]
    pub fn new(samples: &[f32]) -> Self {
        let rate = f64::from(RATE);
        let half = (WINDOW * rate / 2.0) as usize;
        let count = (samples.len() as f64 / rate * HERTZ).ceil() as usize;
        let level = |at: usize| {
            let center = (at as f64 / HERTZ * rate) as usize;
            let window = samples
                .get(center.saturating_sub(half)..(center + half).min(samples.len()))
                .unwrap_or_default();
            let energy: f64 = window.iter().map(|&sample| f64::from(sample).powi(2)).sum();
            10.0 * libm::log10(energy / window.len().max(1) as f64 + 1e-10)
        };
        let levels: Vec<f64> = (0..count).map(level).collect();
        let mut sorted = levels.clone();
        sorted.sort_by(f64::total_cmp);
        let loud = sorted.get(sorted.len() * 95 / 100).copied().unwrap_or(0.0);
        let relative = |level: f64| (((level - loud + RANGE) / RANGE).clamp(0.0, 1.15)) as f32;
        let values = levels.into_iter().map(relative).collect::<Vec<_>>();
        Self { values: gaussian(&values, SMOOTHING * HERTZ) }
    }

    /// Returns the loudness at a time, in seconds. It is 0 before and after the utterance.
    #[must_use]
    pub fn at(&self, seconds: f64) -> f32 {
        if seconds < 0.0 {
            return 0.0;
        }
        self.values.get((seconds * HERTZ).round() as usize).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_parts_are_near_1_and_quiet_ones_near_0() {
        let wave = |at: usize| {
            let loud = if (8_000..16_000).contains(&at) { 0.5 } else { 0.001 };
            loud * libm::sinf(at as f32 * 0.3)
        };
        let samples: Vec<f32> = (0..24_000).map(wave).collect();
        let loudness = Loudness::new(&samples);
        assert!(loudness.at(0.75) > 0.95, "{}", loudness.at(0.75));
        assert!(loudness.at(0.25) < 0.01 && loudness.at(1.25) < 0.01);
        assert_eq!((loudness.at(-1.0), loudness.at(99.0)), (0.0, 0.0));
        assert_eq!(Loudness::new(&[]).at(0.0), 0.0);
    }
}

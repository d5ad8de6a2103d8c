//! The recording: a room, a microphone and their noise.

use std::f64::consts::TAU;

use avff_rng::Rng;

/// A room and a microphone in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Room {
    /// Delays in seconds and gains of early reflections.
    reflections: [(f64, f64); 4],
    /// The passband of the microphone, in Hz.
    band: (f64, f64),
    /// The standard deviation of the microphone's noise, relative to full scale.
    noise: f64,
    /// The low-pass coefficient of the noise, from 0 to 1.
    noise_low_pass: f64,
    gain: f64,
}

impl Room {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let wet = rng.between(0.0, 0.3);
        let reflection = |at: usize, rng: &mut Rng| {
            let delay = rng.between(0.003, 0.012) * (at + 1) as f64;
            (delay, wet * rng.between(-1.0, 1.0) / (at + 1) as f64)
        };
        Self {
            reflections: std::array::from_fn(|at| reflection(at, rng)),
            band: (rng.between(50.0, 160.0), rng.between(3500.0, 7500.0)),
            // -58 to -42 dB, uniform in dB.
            noise: libm::exp10(rng.between(-58.0, -42.0) / 20.0),
            noise_low_pass: rng.between(0.0, 0.8),
            gain: libm::exp10(rng.between(-6.0, 4.0) / 20.0),
        }
    }

    /// Records `speech` and drops its first `lead` samples.
    pub(super) fn record(&self, speech: &[f32], lead: usize, rate: u32, rng: &mut Rng) -> Vec<f32> {
        let rate = f64::from(rate);
        let taps = self.reflections.map(|(delay, gain)| ((delay * rate) as usize, gain));
        let (low, high) =
            ((TAU * self.band.0 / rate).min(1.0), (TAU * self.band.1 / rate).min(1.0));
        let (mut rumble, mut treble, mut noise) = (0.0, 0.0, 0.0);
        // The gain that preserves the standard deviation of the filtered noise.
        let noise_gain = self.noise * (1.0 - self.noise_low_pass * self.noise_low_pass).sqrt();
        let mut out = Vec::with_capacity(speech.len().saturating_sub(lead));
        for (at, &direct) in speech.iter().enumerate() {
            let echo = |&(delay, gain): &(usize, f64)| {
                let delayed = at.checked_sub(delay).and_then(|at| speech.get(at));
                gain * delayed.copied().map_or(0.0, f64::from)
            };
            let value = f64::from(direct) + taps.iter().map(echo).sum::<f64>();
            treble += high * (value - treble);
            rumble += low * (treble - rumble);
            noise = self.noise_low_pass * noise + noise_gain * rng.normal();
            if at >= lead {
                out.push(compressed_sample(self.gain * (treble - rumble) + noise));
            }
        }
        out
    }
}

/// Compresses values over half of full scale, so that none exceeds full scale.
fn compressed_sample(value: f64) -> f32 {
    let magnitude = value.abs();
    let compressed = if magnitude > 0.5 { 1.0 - 0.25 / magnitude } else { magnitude };
    compressed.copysign(value) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_audio_is_compressed_and_never_clipped() {
        for (value, expected) in [(0.3, 0.3), (-0.5, -0.5), (1.0, 0.75), (-10.0, -0.975)] {
            assert!((compressed_sample(value) - expected).abs() < 1e-6, "{value}");
        }
    }
}

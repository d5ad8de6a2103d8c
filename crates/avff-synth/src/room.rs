//! What lies between a mouth and a file: a room, a microphone and their noise.

use std::f64::consts::TAU;

use avff_rng::Rng;

/// A room and a microphone in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Room {
    /// Delays in seconds and shares of early reflections.
    reflections: [(f64, f64); 4],
    /// What the microphone lets pass, in Hz.
    band: (f64, f64),
    /// Deviation of its noise, of full scale.
    noise: f64,
    /// How dull the noise is, from 0 to 1.
    dull: f64,
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
            // -58 to -42 dB, even in dB.
            noise: libm::exp10(rng.between(-58.0, -42.0) / 20.0),
            dull: rng.between(0.0, 0.8),
            gain: libm::exp10(rng.between(-6.0, 4.0) / 20.0),
        }
    }

    /// What is recorded of `speech`, of which the first `lead` samples are not kept.
    pub(super) fn record(&self, speech: &[f32], lead: usize, rate: u32, rng: &mut Rng) -> Vec<f32> {
        let rate = f64::from(rate);
        let taps = self.reflections.map(|(delay, share)| ((delay * rate) as usize, share));
        let (low, high) =
            ((TAU * self.band.0 / rate).min(1.0), (TAU * self.band.1 / rate).min(1.0));
        let (mut rumble, mut treble, mut noise) = (0.0, 0.0, 0.0);
        // A filtered noise keeps its deviation.
        let even = self.noise * (1.0 - self.dull * self.dull).sqrt();
        let mut out = Vec::with_capacity(speech.len().saturating_sub(lead));
        for (at, &direct) in speech.iter().enumerate() {
            let echo = |&(delay, share): &(usize, f64)| {
                let heard = at.checked_sub(delay).and_then(|at| speech.get(at));
                share * heard.copied().map_or(0.0, f64::from)
            };
            let sound = f64::from(direct) + taps.iter().map(echo).sum::<f64>();
            treble += high * (sound - treble);
            rumble += low * (treble - rumble);
            noise = self.dull * noise + even * rng.normal();
            if at >= lead {
                out.push(limited(self.gain * (treble - rumble) + noise));
            }
        }
        out
    }
}

/// Bends what is over half of full scale, so that nothing is over full scale.
fn limited(value: f64) -> f32 {
    let size = value.abs();
    let bent = if size > 0.5 { 1.0 - 0.25 / size } else { size };
    bent.copysign(value) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_sound_is_bent_and_never_clipped() {
        for (value, want) in [(0.3, 0.3), (-0.5, -0.5), (1.0, 0.75), (-10.0, -0.975)] {
            assert!((limited(value) - want).abs() < 1e-6, "{value}");
        }
    }
}

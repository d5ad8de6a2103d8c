//! Noise behind a voice.

use std::f64::consts::TAU;

use avff_rng::Rng;

/// The noise behind a voice, all of it added.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Background {
    /// Noise: its level against the voice in dB, and its low-pass coefficient from white (0) to
    /// reddish (1).
    noise: (f64, f64),
    /// Hum of the mains: its level in dB and frequency in Hz.
    hum: Option<(f64, f64)>,
    /// Other people: their level in dB.
    babble: Option<f64>,
    /// Tones as of music: their level in dB.
    music: Option<f64>,
}

impl Background {
    pub(super) fn new(rng: &mut Rng) -> Self {
        // Most recordings are made in a quiet room.
        let noise = (rng.between(-58.0, -22.0), rng.between(0.0, 0.97));
        let hum = (rng.between(-50.0, -28.0), if rng.bernoulli(0.5) { 50.0 } else { 60.0 });
        let (babble, music) = (rng.between(-34.0, -12.0), rng.between(-34.0, -14.0));
        Self {
            noise,
            hum: rng.bernoulli(0.15).then_some(hum),
            babble: rng.bernoulli(0.15).then_some(babble),
            music: rng.bernoulli(0.12).then_some(music),
        }
    }

    /// Returns whether other people are needed.
    pub(super) fn has_babble(&self) -> bool {
        self.babble.is_some()
    }

    /// Adds the noise to samples whose speech has the root mean square `voice`.
    pub(super) fn add(
        &self,
        samples: &mut [f32],
        voice: f32,
        rate: f64,
        others: &[&[f32]],
        rng: &mut Rng,
    ) {
        let gain = |level: f64| f64::from(voice) * libm::exp10(level / 20.0);
        let (level, memory) = self.noise;
        // The gain that preserves the standard deviation of the filtered noise.
        let scale = gain(level) * (1.0 - memory * memory).sqrt();
        let mut noise = 0.0;
        for sample in samples.iter_mut() {
            noise = memory * noise + scale * rng.normal();
            *sample += noise as f32;
        }
        if let Some((level, hertz)) = self.hum {
            let amplitude = gain(level);
            for (sample, at) in samples.iter_mut().zip(0_u32..) {
                let angle = TAU * hertz * f64::from(at) / rate;
                let wave = libm::sin(angle) + 0.5 * libm::sin(3.0 * angle + 1.0);
                *sample += (amplitude * wave) as f32;
            }
        }
        if let Some(level) = self.babble {
            for &other in others {
                let power = root_mean_square(other).max(1e-6);
                let amplitude = gain(level) as f32 / power / (others.len() as f32).sqrt();
                // Others do not begin with the speaker.
                let skip = rng.index(other.len().max(1));
                let around = other.iter().skip(skip).chain(other.iter().take(skip)).cycle();
                for (sample, &value) in samples.iter_mut().zip(around) {
                    *sample += amplitude * value;
                }
            }
        }
        if let Some(level) = self.music {
            music(samples, gain(level), rate, rng);
        }
    }
}

/// Adds plucked tones of a pentatonic scale.
fn music(samples: &mut [f32], amplitude: f64, rate: f64, rng: &mut Rng) {
    const SCALE: [f64; 5] = [0.0, 2.0, 4.0, 7.0, 9.0];
    let base = rng.between(90.0, 300.0);
    let beat = rng.between(0.12, 0.5);
    let mut start = 0.0;
    while (start * rate) < samples.len() as f64 {
        let step = SCALE.get(rng.index(SCALE.len())).copied().unwrap_or(0.0);
        let hertz = base * libm::exp2((step + 12.0 * rng.index(3) as f64) / 12.0);
        let (decay, bright) = (rng.between(0.2, 1.2), rng.between(0.1, 0.6));
        let tone = samples.iter_mut().skip((start * rate) as usize);
        for (sample, at) in tone.zip(0..(3.0 * decay * rate) as u32) {
            let time = f64::from(at) / rate;
            let angle = TAU * hertz * time;
            let wave = libm::sin(angle)
                + bright * libm::sin(2.0 * angle)
                + bright * bright * libm::sin(3.0 * angle);
            // A tone starts within 5 ms, without a click.
            let rise = (time / 0.005).min(1.0);
            *sample += (amplitude * rise * libm::exp(-2.0 * time / decay) * wave) as f32;
        }
        start += beat * (1 + rng.index(3)) as f64;
    }
}

/// Returns the root mean square of samples.
pub(super) fn root_mean_square(samples: &[f32]) -> f32 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt() as f32
}

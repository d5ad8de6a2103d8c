//! The echoes of a room.

use avff_rng::Rng;

/// A room as seen from a microphone in it: echoes of the direct sound.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reverberation {
    /// Delays in samples and gains. Echoes are sparse: a few hundred a second sound like a dense
    /// tail, after Järveläinen and Karjalainen (2007), "Reverberation modeling using velvet noise".
    echoes: Vec<(usize, f32)>,
    /// The low-pass coefficient of the echoes: walls absorb high frequencies.
    absorption: f32,
}

impl Reverberation {
    /// Draws a room, from a padded one to a bathroom.
    pub(super) fn new(rate: f64, rng: &mut Rng) -> Self {
        // The time in which echoes fade by 60 dB, in seconds, and their level against the voice.
        let decay = 0.12 * libm::exp(rng.between(0.0, 1.8));
        let level = libm::exp10(rng.between(-34.0, -4.0) / 20.0);
        let mut echoes = Vec::new();
        for order in 1..=5_u32 {
            let delay = rng.between(0.002, 0.009) * f64::from(order);
            let gain = level * rng.between(-1.2, 1.2) / f64::from(order);
            echoes.push(((delay * rate) as usize, gain as f32));
        }
        // The density of echoes, and so their gain for the same level.
        let density = 900.0;
        let end = decay.min(0.5);
        let mut at = rng.between(0.008, 0.02);
        let gain = level * 2.2 / (density * decay / 13.8).sqrt();
        while at < end {
            let sign = if rng.bernoulli(0.5) { 1.0 } else { -1.0 };
            // exp(-6.9) is -60 dB.
            let faded = gain * libm::exp(-6.9 * at / decay);
            echoes.push(((at * rate) as usize, (sign * faded) as f32));
            at += rng.between(0.0, 2.0) / density;
        }
        Self { echoes, absorption: rng.between(0.3, 0.95) as f32 }
    }

    /// Returns the direct sound with its echoes.
    pub(super) fn apply(&self, samples: &[f32]) -> Vec<f32> {
        let mut dull = Vec::with_capacity(samples.len());
        let mut last = 0.0_f32;
        for &sample in samples {
            last += self.absorption * (sample - last);
            dull.push(last);
        }
        let mut out = samples.to_vec();
        for &(delay, gain) in &self.echoes {
            for (place, &echo) in out.iter_mut().skip(delay).zip(&dull) {
                *place += gain * echo;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use avff_rng::{Purpose, RngKey};

    use super::*;

    #[test]
    fn echoes_fade_and_the_direct_sound_stays_first() {
        for row in 0..50 {
            let key = RngKey { seed: 1, epoch: 0, row, occurrence: 0 };
            let room = Reverberation::new(16_000.0, &mut key.rng(Purpose::Synth));
            let mut click = vec![0.0; 16_000];
            click[0] = 1.0;
            let answer = room.apply(&click);
            let energy = |from: usize, to: usize| {
                answer[from..to].iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()
            };
            assert_eq!(answer[0], 1.0);
            assert!(energy(1, 16_000) < 3.0, "{row}: {}", energy(1, 16_000));
            assert!(energy(4800, 9600) <= energy(1, 4800), "{row}");
        }
    }
}

//! The way of a voice into a file: a room, a microphone, background noise and a recorder.

use avff_rng::Rng;

use super::{
    background::{Background, root_mean_square},
    microphone::Microphone,
    recording::RATE,
    reverberation::Reverberation,
};

/// A recording situation.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    room: Reverberation,
    background: Background,
    microphone: Microphone,
    /// The root mean square of the speech in the file, relative to full scale.
    level: f64,
    /// How strongly the recorder evens out loudness, from 0 to 1.
    leveling: f64,
    /// The amplitude at which the recorder clips, relative to the loudest sample; `None` for none.
    clipping: Option<f32>,
}

impl Channel {
    /// Draws a recording situation.
    #[must_use]
    pub fn new(rng: &mut Rng) -> Self {
        let rate = f64::from(RATE);
        let room = Reverberation::new(rate, rng);
        let background = Background::new(rng);
        let microphone = Microphone::new(rate, rng);
        // -34 to -14 dB, uniform in dB.
        let level = libm::exp10(rng.between(-34.0, -14.0) / 20.0);
        let leveling = rng.between(-0.7, 0.7).max(0.0);
        let clips = rng.bernoulli(0.06);
        let clipping = rng.between(0.3, 0.9) as f32;
        Self { room, background, microphone, level, leveling, clipping: clips.then_some(clipping) }
    }

    /// Returns whether [`record`](Self::record) adds the voices of other people.
    #[must_use]
    pub fn has_babble(&self) -> bool {
        self.background.has_babble()
    }

    /// Records speech at 16 kHz and drops the first `lead` samples, whose echoes stay. `others` are
    /// utterances of other people in the background.
    #[must_use]
    pub fn record(
        &self,
        speech: &[f32],
        lead: usize,
        others: &[&[f32]],
        rng: &mut Rng,
    ) -> Vec<f32> {
        let voice = root_mean_square(speech).max(1e-5);
        let mut samples = self.room.apply(speech);
        self.background.add(&mut samples, voice, f64::from(RATE), others, rng);
        self.microphone.apply(&mut samples);
        let gain = (self.level / f64::from(voice)) as f32;
        for sample in &mut samples {
            *sample *= gain;
        }
        self.even_out(&mut samples);
        let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        let limit = self.clipping.map_or(f32::MAX, |share| share * loudest);
        samples.drain(..lead.min(samples.len()));
        for sample in &mut samples {
            *sample = compressed(sample.clamp(-limit, limit));
        }
        samples
    }

    /// Amplifies soft passages, as recorders with automatic gain do.
    fn even_out(&self, samples: &mut [f32]) {
        if self.leveling <= 0.0 {
            return;
        }
        // The envelope rises within 5 ms and falls within 400 ms.
        let rate = f64::from(RATE);
        let (rise, fall) = (1.0 / (0.005 * rate), 1.0 / (0.4 * rate));
        let mut envelope = self.level;
        for sample in samples {
            let loud = f64::from(sample.abs());
            envelope += (if loud > envelope { rise } else { fall }) * (loud - envelope);
            // Noise in pauses is raised by 12 dB at most.
            let ratio = (1.6 * self.level / envelope.max(1e-6)).clamp(0.25, 4.0);
            *sample *= libm::pow(ratio, self.leveling) as f32;
        }
    }
}

/// Compresses values over 0.8 of full scale, so that none exceeds full scale.
fn compressed(value: f32) -> f32 {
    let magnitude = value.abs();
    if magnitude <= 0.8 {
        return value;
    }
    (1.0 - 0.04 / (magnitude - 0.6)).copysign(value)
}

#[cfg(test)]
mod tests {
    use avff_rng::{Purpose, RngKey};

    use super::*;

    fn rng(row: u64) -> Rng {
        RngKey { seed: 2, epoch: 0, row, occurrence: 0 }.rng(Purpose::Synth)
    }

    #[test]
    fn values_are_compressed_without_a_step() {
        for (value, expected) in [(0.3, 0.3), (-0.8, -0.8), (1.0, 0.9), (-100.0, -0.9996)] {
            assert!((compressed(value) - expected).abs() < 1e-3, "{value}");
        }
    }

    #[test]
    fn recordings_are_reproducible_and_within_range() {
        let wave = |at: u32| 0.3 * libm::sinf(at as f32 * 0.05) * libm::sinf(at as f32 * 0.0004);
        let speech: Vec<f32> = (0..32_000).map(wave).collect();
        let other: Vec<f32> = (0..9000).map(|at| libm::sinf(at as f32 * 0.11)).collect();
        let mut babble = 0;
        for row in 0..60 {
            let channel = Channel::new(&mut rng(row));
            babble += u32::from(channel.has_babble());
            let recorded = channel.record(&speech, 4000, &[&other], &mut rng(row + 1000));
            assert_eq!(recorded.len(), 28_000);
            assert!(recorded.iter().all(|sample| sample.abs() <= 1.0), "{row}");
            let power = root_mean_square(&recorded);
            assert!((0.005..0.5).contains(&power), "{row}: {power}");
            assert_eq!(recorded, channel.record(&speech, 4000, &[&other], &mut rng(row + 1000)));
        }
        assert!((2..20).contains(&babble), "{babble}");
        let channel = Channel::new(&mut rng(0));
        assert!(channel.record(&[], 100, &[], &mut rng(1)).is_empty());
        assert!(channel.record(&[0.0; 50], 10, &[], &mut rng(1)).iter().all(|x| x.is_finite()));
    }
}

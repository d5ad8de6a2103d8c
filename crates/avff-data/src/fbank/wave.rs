//! The wave a filterbank is made of: one channel of a sound.

use avff_media::{Audio, MediaError, Stream};

/// Samples that are checked at a time, which vectors can do.
const RUN: usize = 256;

/// Channel 0 of a sound, checked.
///
/// The reference subtracts the mean of the whole `[channels, samples]` array before it picks the
/// first channel. It makes no difference: every frame's own mean is taken from it, too.
#[derive(Debug, Clone, Copy)]
pub struct Wave<'a> {
    samples: &'a [f32],
}

impl<'a> Wave<'a> {
    /// Checks every sample of `sound`.
    ///
    /// # Errors
    /// [`MediaError::MissingStream`] without a channel, [`MediaError::Damaged`] when a sample is not
    /// finite (a float WAV can hold such) or the channels differ in length.
    pub fn new(sound: &'a Audio) -> Result<Self, MediaError> {
        let damaged = |what: String| MediaError::Damaged { stream: Stream::Audio, what };
        let Some(first) = sound.channels.first() else {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        };
        for (index, channel) in sound.channels.iter().enumerate() {
            if channel.len() != first.len() {
                return Err(damaged(format!(
                    "channel {index} has {} samples, channel 0 has {}",
                    channel.len(),
                    first.len()
                )));
            }
            if let Some(at) = not_finite(channel) {
                return Err(damaged(format!("sample {at} of channel {index} is not a number")));
            }
        }
        Ok(Self { samples: first })
    }

    /// Samples in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether the sound has no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The samples as they are.
    #[must_use]
    pub fn samples(&self) -> &'a [f32] {
        self.samples
    }
}

/// The place of the first sample that is no number.
fn not_finite(samples: &[f32]) -> Option<usize> {
    let odd = |sample: &f32| !sample.is_finite();
    let any_odd = |run: &[f32]| run.iter().fold(false, |any, sample| any | odd(sample));
    let start = samples.chunks(RUN).position(any_odd)? * RUN;
    samples.iter().skip(start).position(odd).map(|at| start + at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sound() -> Audio {
        Audio { rate: 16_000, channels: vec![vec![0.1; 800], vec![-0.3; 800]] }
    }

    #[test]
    fn the_wave_is_the_first_channel() {
        let sound = sound();
        let wave = Wave::new(&sound).unwrap();
        assert_eq!((wave.len(), wave.samples()), (800, &sound.channels[0][..]));
        let silent = Audio { rate: 1, channels: vec![vec![]] };
        assert!(Wave::new(&silent).unwrap().is_empty());
    }

    #[test]
    fn the_first_sample_that_is_no_number_is_named() {
        for at in [0, 255, 256, 700, 799] {
            let mut bad = sound();
            bad.channels[0][at] = f32::NAN;
            bad.channels[0][799] = f32::INFINITY;
            let error = Wave::new(&bad).unwrap_err().to_string();
            assert!(error.contains(&format!("sample {at} of channel 0")), "{error}");
        }
    }

    #[test]
    fn impossible_sounds_are_errors() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut bad = sound();
            bad.channels[1][799] = value;
            assert!(matches!(
                Wave::new(&bad),
                Err(MediaError::Damaged { stream: Stream::Audio, .. })
            ));
        }
        let mut uneven = sound();
        uneven.channels[1].pop();
        assert!(matches!(Wave::new(&uneven), Err(MediaError::Damaged { .. })));
        let none = Audio { rate: 16_000, channels: vec![] };
        assert!(matches!(Wave::new(&none), Err(MediaError::MissingStream { .. })));
    }
}

//! The wave a filterbank is made of: one channel of a sound, less the mean of all.

use crate::{
    error::{DataError, Stream},
    sound::Sound,
};

/// Channel 0 of a sound, checked, and the mean over all channels that is to be taken from it.
///
/// The reference subtracts the mean of the whole `[channels, samples]` array before it picks the
/// first channel.
#[derive(Debug, Clone, Copy)]
pub struct Centered<'a> {
    samples: &'a [f32],
    mean: f64,
}

impl<'a> Centered<'a> {
    /// Checks every sample of `sound` and takes the mean over all of them.
    ///
    /// # Errors
    /// [`DataError::MissingStream`] without a channel, [`DataError::Damaged`] when a sample is not
    /// finite (a float WAV can hold such) or the channels differ in length.
    pub fn new(sound: &'a Sound) -> Result<Self, DataError> {
        let damaged = |what: String| DataError::Damaged { stream: Stream::Audio, what };
        let Some(first) = sound.channels.first() else {
            return Err(DataError::MissingStream { stream: Stream::Audio });
        };
        let mut sum = 0.0;
        for (index, channel) in sound.channels.iter().enumerate() {
            if channel.len() != first.len() {
                return Err(damaged(format!(
                    "channel {index} has {} samples, channel 0 has {}",
                    channel.len(),
                    first.len()
                )));
            }
            if let Some(at) = channel.iter().position(|sample| !sample.is_finite()) {
                return Err(damaged(format!("sample {at} of channel {index} is not a number")));
            }
            sum += channel.iter().map(|&sample| f64::from(sample)).sum::<f64>();
        }
        let count = sound.channels.len() as f64 * first.len() as f64;
        Ok(Self { samples: first, mean: if count > 0.0 { sum / count } else { 0.0 } })
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

    /// The samples as they are; [`Centered::mean`] is still to be taken from them.
    #[must_use]
    pub fn samples(&self) -> &'a [f32] {
        self.samples
    }

    /// The mean over all channels and samples.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sound() -> Sound {
        Sound { rate: 16_000, channels: vec![vec![0.1; 800], vec![-0.3; 800]] }
    }

    #[test]
    fn the_mean_is_of_all_channels_and_the_wave_the_first() {
        let sound = sound();
        let wave = Centered::new(&sound).unwrap();
        assert_eq!((wave.len(), wave.samples()), (800, &sound.channels[0][..]));
        assert!((wave.mean() + 0.1).abs() < 1e-7);
        let silent = Sound { rate: 1, channels: vec![vec![]] };
        assert!(Centered::new(&silent).unwrap().is_empty());
    }

    #[test]
    fn impossible_sounds_are_errors() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut bad = sound();
            bad.channels[1][799] = value;
            assert!(matches!(
                Centered::new(&bad),
                Err(DataError::Damaged { stream: Stream::Audio, .. })
            ));
        }
        let mut uneven = sound();
        uneven.channels[1].pop();
        assert!(matches!(Centered::new(&uneven), Err(DataError::Damaged { .. })));
        let none = Sound { rate: 16_000, channels: vec![] };
        assert!(matches!(Centered::new(&none), Err(DataError::MissingStream { .. })));
    }
}

//! The waveform of a filterbank: one channel of audio.

use avff_media::{Audio, MediaError, Stream};

/// Number of samples checked at a time, for vectorization.
const BLOCK: usize = 256;

/// Channel 0 of audio, validated.
///
/// The reference subtracts the mean of the complete `[channels, samples]` array before selecting
/// the first channel. This has no effect, because the mean of each frame is subtracted too.
#[derive(Debug, Clone, Copy)]
pub struct Wave<'a> {
    samples: &'a [f32],
}

impl<'a> Wave<'a> {
    /// Validates every sample of `audio`.
    ///
    /// # Errors
    /// [`MediaError::MissingStream`] without channels. [`MediaError::Damaged`] if a sample is not
    /// finite (float WAV files permit this) or the channels differ in length.
    pub fn new(audio: &'a Audio) -> Result<Self, MediaError> {
        let Some(first) = audio.channels.first() else {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        };
        check(audio.channels.iter().map(Vec::as_slice), 0)?;
        Ok(Self { samples: first })
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Returns the samples.
    #[must_use]
    pub fn samples(&self) -> &'a [f32] {
        self.samples
    }
}

/// Checks that all channels are equally long and finite. `start` is the index of their first sample.
pub(super) fn check<'a>(
    channels: impl Iterator<Item = &'a [f32]>,
    start: usize,
) -> Result<(), MediaError> {
    let damaged = |what: String| MediaError::Damaged { stream: Stream::Audio, what };
    let mut len = None;
    for (index, channel) in channels.enumerate() {
        let len = *len.get_or_insert(channel.len());
        if channel.len() != len {
            return Err(damaged(format!(
                "channel {index} has {} samples, but channel 0 has {len}",
                channel.len()
            )));
        }
        if let Some(at) = not_finite(channel) {
            let at = start + at;
            return Err(damaged(format!("sample {at} of channel {index} is not finite")));
        }
    }
    Ok(())
}

/// Returns the index of the first sample that is not finite.
fn not_finite(samples: &[f32]) -> Option<usize> {
    let is_invalid = |sample: &f32| !sample.is_finite();
    let any_invalid =
        |block: &[f32]| block.iter().fold(false, |any, sample| any | is_invalid(sample));
    let start = samples.chunks(BLOCK).position(any_invalid)? * BLOCK;
    samples.iter().skip(start).position(is_invalid).map(|at| start + at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn audio() -> Audio {
        Audio { rate: 16_000, channels: vec![vec![0.1; 800], vec![-0.3; 800]] }
    }

    #[test]
    fn wave_is_the_first_channel() {
        let audio = audio();
        let wave = Wave::new(&audio).unwrap();
        assert_eq!((wave.len(), wave.samples()), (800, &audio.channels[0][..]));
        let silent = Audio { rate: 1, channels: vec![vec![]] };
        assert!(Wave::new(&silent).unwrap().is_empty());
    }

    #[test]
    fn error_names_the_first_invalid_sample() {
        for at in [0, 255, 256, 700, 799] {
            let mut damaged = audio();
            damaged.channels[0][at] = f32::NAN;
            damaged.channels[0][799] = f32::INFINITY;
            let error = Wave::new(&damaged).unwrap_err().to_string();
            assert!(error.contains(&format!("sample {at} of channel 0")), "{error}");
        }
    }

    #[test]
    fn invalid_audio_is_an_error() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut damaged = audio();
            damaged.channels[1][799] = value;
            assert!(matches!(
                Wave::new(&damaged),
                Err(MediaError::Damaged { stream: Stream::Audio, .. })
            ));
        }
        let mut uneven = audio();
        uneven.channels[1].pop();
        assert!(matches!(Wave::new(&uneven), Err(MediaError::Damaged { .. })));
        let none = Audio { rate: 16_000, channels: vec![] };
        assert!(matches!(Wave::new(&none), Err(MediaError::MissingStream { .. })));
    }
}

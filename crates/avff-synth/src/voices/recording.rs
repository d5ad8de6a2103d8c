//! An utterance: its audio and its phones.

use std::path::Path;

use avff_media::wav_bytes;

use super::{error::VoicesError, phone_track::PhoneTrack};

/// The sample rate of a folder of voices, in Hz.
pub const RATE: u32 = 16_000;
/// The limit on the size of a WAV file, in bytes: ten minutes.
const MAX_BYTES: u64 = 32 << 20;

/// The audio and the phones of an utterance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    /// One channel at 16 kHz, in `[-1, 1]`.
    pub samples: Vec<f32>,
    /// The phones.
    pub phones: PhoneTrack,
}

impl Recording {
    /// Reads a WAV file and the phone track beside it, which has the extension `txt`.
    ///
    /// # Errors
    /// [`VoicesError::Io`] and [`VoicesError::TooLarge`] for either file, [`VoicesError::Audio`] and
    /// [`VoicesError::Format`] for audio that does not decode or is not mono at 16 kHz, and
    /// [`VoicesError::Phones`] for a line of the track that is not valid.
    pub fn read(path: &Path) -> Result<Self, VoicesError> {
        let io = |source| VoicesError::Io { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(io)?.len();
        if size > MAX_BYTES {
            return Err(VoicesError::TooLarge { path: path.to_owned(), size, limit: MAX_BYTES });
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let audio = wav_bytes(bytes)
            .and_then(|mut stream| stream.whole())
            .map_err(|source| VoicesError::Audio { path: path.to_owned(), source })?;
        let (channels, rate) = (audio.channels.len(), audio.rate);
        match <[Vec<f32>; 1]>::try_from(audio.channels) {
            Ok([samples]) if rate == RATE => {
                Ok(Self { samples, phones: PhoneTrack::read(&path.with_extension("txt"))? })
            }
            _ => Err(VoicesError::Format { path: path.to_owned(), channels, rate, expected: RATE }),
        }
    }

    /// Returns the part from `from` to `to`, in seconds, cut to what exists.
    #[must_use]
    pub fn part(&self, from: f64, to: f64) -> Self {
        let rate = f64::from(RATE);
        // `as` saturates, so a negative time becomes the first sample.
        let first = ((from * rate).round() as usize).min(self.samples.len());
        let last = ((to * rate).round() as usize).clamp(first, self.samples.len());
        let start = first as f64 / rate;
        Self {
            samples: self.samples.get(first..last).unwrap_or_default().to_vec(),
            phones: self.phones.delayed(-start).before(last as f64 / rate - start),
        }
    }

    /// Returns the duration, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(RATE)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::phone::Phone, *};

    #[test]
    fn parts_keep_audio_and_phones_together() {
        let samples: Vec<f32> = (0..32_000).map(|at| at as f32).collect();
        let phones = PhoneTrack::parse("0 0.5 sil\n0.5 1 AA\n1 1.5 P\n1.5 2 IY").unwrap();
        let whole = Recording { samples, phones };
        let part = whole.part(0.75, 1.25);
        assert_eq!((part.samples.first(), part.samples.len()), (Some(&12_000.0), 8000));
        assert_eq!((part.phones.at(0.2), part.phones.at(0.3)), (Phone::Aa, Phone::P));
        assert_eq!((part.phones.segments().len(), part.phones.end()), (2, 0.5));
        assert_eq!(whole.part(-1.0, 9.0), whole);
        assert_eq!(whole.part(3.0, 1.0), Recording::default());
    }
}

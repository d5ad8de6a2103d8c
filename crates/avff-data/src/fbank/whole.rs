//! Computes the filterbank of a whole clip, in memory that does not grow with its length.
//!
//! The rows that the network needs depend on how many there are, and that is known at the end of the
//! audio only. So the samples are kept, as far as there is room. A longer clip is read twice: to count
//! its samples, then to compute the rows.

use std::{ops::ControlFlow, sync::Arc};

use super::{
    Fbank, Scratch,
    resample::StreamResampler,
    stretch::{concatenated_fbank, interpolated, needed_rows},
    wave,
};
use crate::{error::DataError, spec::AudioSpec};
use avff_media::{Audio, AudioStream, MediaError, Stream};

/// The limit on kept samples of the first channel: 64 MiB, or six minutes at 48 kHz.
const MAX_KEPT: usize = 1 << 24;

/// Computes the filterbank of all audio of a stream, stretched to the spec's frames, before
/// normalization: that of [`concatenated_fbank`] for the whole audio.
///
/// # Errors
/// The errors of the stream and of [`concatenated_fbank`].
pub fn whole_fbank(stream: &mut dyn AudioStream, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    within(stream, spec, MAX_KEPT)
}

/// Like [`whole_fbank`], and keeps at most `most` samples.
fn within(
    stream: &mut dyn AudioStream,
    spec: &AudioSpec,
    most: usize,
) -> Result<Vec<f32>, DataError> {
    let (mut rate, mut count, mut kept) = (None, 0, Vec::new());
    stream.try_blocks(|block_rate, channels| {
        wave::check(channels.iter().copied(), count)?;
        let first = channels.first().copied().unwrap_or_default();
        rate = Some(block_rate);
        count += first.len();
        if count <= most {
            if kept.capacity() < count {
                // Doubled, as a vector grows, but not beyond the limit.
                let capacity = (2 * kept.capacity()).min(most).max(count);
                kept.reserve_exact(capacity - kept.len());
            }
            kept.extend_from_slice(first);
        } else {
            kept = Vec::new();
        }
        Ok::<_, DataError>(ControlFlow::Continue(()))
    })?;
    let rate = rate.ok_or(MediaError::MissingStream { stream: Stream::Audio })?;
    if count <= most {
        return concatenated_fbank(&[Audio { rate, channels: vec![kept] }], spec);
    }
    let mut rows = Rows::new(spec, rate, count)?;
    stream.try_blocks(|_, channels| {
        rows.add(channels.first().copied().unwrap_or_default())?;
        Ok::<_, DataError>(ControlFlow::Continue(()))
    })?;
    rows.finish(spec)
}

/// The rows of a filterbank that are needed, computed from consecutive samples.
struct Rows {
    resampler: Option<StreamResampler>,
    needed: Needed,
    /// The number of all rows.
    count: usize,
}

struct Needed {
    fbank: Arc<Fbank>,
    scratch: Scratch,
    /// The indices of the rows, increasing.
    indices: Vec<usize>,
    /// The rows that are computed.
    rows: Vec<f32>,
    done: usize,
    /// Samples from `start` on.
    samples: Vec<f32>,
    start: usize,
}

impl Rows {
    /// Takes the rate and the number of samples.
    fn new(spec: &AudioSpec, rate: u32, samples: usize) -> Result<Self, DataError> {
        let resampler = match spec.rate.filter(|&wanted| wanted != rate) {
            Some(wanted) => Some(StreamResampler::new(rate, wanted, samples)?),
            None => None,
        };
        let samples = resampler.as_ref().map_or(samples, StreamResampler::len);
        let fbank = Fbank::shared(spec.rate.unwrap_or(rate), spec.mels, spec.framing())?;
        let count = fbank.frames_in(samples)?;
        let needed = Needed {
            scratch: fbank.scratch(),
            fbank,
            indices: needed_rows(count, spec.frames),
            rows: Vec::new(),
            done: 0,
            samples: Vec::new(),
            start: 0,
        };
        Ok(Self { resampler, needed, count })
    }

    /// Takes the next samples.
    fn add(&mut self, samples: &[f32]) -> Result<(), DataError> {
        match &mut self.resampler {
            Some(resampler) => resampler.add(samples, &mut |resampled| self.needed.add(resampled)),
            None => self.needed.add(samples),
        }
    }

    /// Returns the stretched filterbank after the last sample.
    fn finish(mut self, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(&mut |resampled| self.needed.add(resampled))?;
        }
        interpolated(self.count, spec.frames, spec.mels, |index, row| {
            let at = self.needed.indices.binary_search(&index).ok();
            let computed = at.and_then(|at| self.needed.rows.chunks_exact(spec.mels).nth(at));
            let computed = computed.ok_or_else(|| MediaError::Damaged {
                stream: Stream::Audio,
                what: "it changed while it was read".to_owned(),
            })?;
            row.copy_from_slice(computed);
            Ok(())
        })
    }
}

impl Needed {
    /// Computes the rows that the next samples complete.
    fn add(&mut self, samples: &[f32]) -> Result<(), DataError> {
        self.samples.extend_from_slice(samples);
        while let Some(&index) = self.indices.get(self.done) {
            let (from, len) = (index * self.fbank.shift, self.fbank.window_len());
            // Samples before the row are not needed any more.
            let unused = from.saturating_sub(self.start).min(self.samples.len());
            let at = from.saturating_sub(self.start);
            let Some(frame) = self.samples.get(at..at + len) else {
                self.samples.drain(..unused);
                self.start += unused;
                return Ok(());
            };
            let before = self.rows.len();
            self.rows.resize(before + self.fbank.mels(), 0.0);
            let row = self.rows.get_mut(before..).unwrap_or_default();
            self.fbank.row(frame, &mut self.scratch, row)?;
            self.done += 1;
        }
        self.samples.clear();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_media::testing::TestAudio;
    use proptest::prelude::*;

    use super::*;

    fn noise(rate: u32, samples: usize) -> Audio {
        let wave = (0..samples).map(|i| ((i * i) as f32 * 1e-3).sin()).collect();
        Audio { rate, channels: vec![wave, vec![0.25; samples]] }
    }

    fn spec(rate: Option<u32>, frames: usize) -> AudioSpec {
        AudioSpec { rate, ..AudioSpec::kaldi(frames, 8, [0.0, 1.0]) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Reading in blocks, once or twice, gives the same bits as reading the whole audio.
        #[test]
        fn blocks_give_the_same_bits(
            rate in prop::sample::select(vec![8_000, 11_025, 16_000, 44_100]),
            wanted in prop::sample::select(vec![None, Some(8_000), Some(16_000)]),
            samples in 1_200_usize..60_000,
            block in 1_usize..9_000,
            frames in prop::sample::select(vec![1, 7, 100]),
        ) {
            let audio = noise(rate, samples);
            let spec = spec(wanted, frames);
            let expected = concatenated_fbank(std::slice::from_ref(&audio), &spec).unwrap();
            for most in [0, usize::MAX] {
                let mut stream = TestAudio(audio.clone(), block);
                prop_assert_eq!(&within(&mut stream, &spec, most).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn faults_are_those_of_the_whole_audio() {
        let fault = |audio: &Audio, most| {
            let mut stream = TestAudio(audio.clone(), 300);
            within(&mut stream, &spec(None, 7), most).unwrap_err().to_string()
        };
        for most in [0, usize::MAX] {
            let short = fault(&noise(16_000, 399), most);
            assert_eq!(short, "audio too short: 399 samples, but one fbank frame needs 400");
            let mut damaged = noise(16_000, 1_000);
            damaged.channels[1][700] = f32::NAN;
            let error = fault(&damaged, most);
            assert!(error.contains("sample 700 of channel 1 is not finite"), "{error}");
            let none = fault(&noise(16_000, 0), most);
            assert_eq!(none, "audio too short: 0 samples, but one fbank frame needs 400");
        }
    }
}

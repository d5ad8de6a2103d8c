//! Resamples audio to the spec's rate, so that mel bins cover equal frequencies in every file.

use std::borrow::Cow;

use rubato::{Fft, FixedSync, Resampler, audioadapter_buffers::direct::InterleavedSlice};

use super::Wave;
use crate::error::DataError;
use crate::spec::{MAX_RATE, MIN_RATE};
use avff_media::{Audio, MediaError, Stream};

/// Approximate block size of the resampler, in samples. A smaller block has a lower cutoff
/// frequency, a larger one more delay at the ends.
const BLOCK: usize = 1024;
/// Maximum number of samples after resampling: four hours at 16 kHz.
const MAX_SAMPLES: u64 = 1 << 28;

/// Returns channel 0 of `audio`, which the filterbank uses, at `rate`. Audio with this rate, or
/// without a requested rate, is returned unchanged.
///
/// # Errors
/// See [`Wave::new`]; also [`DataError::SampleRate`] and [`MediaError::TooLarge`].
pub(super) fn at_rate(audio: &Audio, rate: Option<u32>) -> Result<Cow<'_, Audio>, DataError> {
    let Some(rate) = rate.filter(|&rate| rate != audio.rate) else {
        return Ok(Cow::Borrowed(audio));
    };
    let wave = Wave::new(audio)?;
    check_rates(audio.rate, rate)?;
    let (from, to) = (u64::from(audio.rate), u64::from(rate));
    let value = (wave.len() as u64).saturating_mul(to).div_ceil(from.max(1));
    if value > MAX_SAMPLES {
        return Err(
            MediaError::TooLarge { what: "resampled samples", value, limit: MAX_SAMPLES }.into()
        );
    }
    let mut resampler = resampler(audio.rate, rate)?;
    let samples = InterleavedSlice::new(wave.samples(), 1, wave.len()).map_err(failed)?;
    let resampled = resampler.process_all(&samples, wave.len(), None).map_err(failed)?;
    Ok(Cow::Owned(Audio { rate, channels: vec![resampled.take_data()] }))
}

/// Returns channel 0 of `audio` at `rate`, in Hz.
///
/// # Errors
/// The audio has no channel or no samples, or a rate is not supported.
pub(crate) fn resampled(audio: &Audio, rate: u32) -> Result<Cow<'_, Audio>, DataError> {
    at_rate(audio, Some(rate))
}

/// Checks the rates of the audio and of the result.
fn check_rates(from: u32, to: u32) -> Result<(), DataError> {
    for value in [from, to].map(u64::from) {
        if value > u64::from(MAX_RATE) {
            let limit = MAX_RATE.into();
            return Err(MediaError::TooLarge { what: "sample rate", value, limit }.into());
        }
    }
    if from < MIN_RATE {
        return Err(DataError::SampleRate { rate: from, reason: "too low for resampling" });
    }
    Ok(())
}

fn resampler(from: u32, to: u32) -> Result<Fft<f32>, DataError> {
    let reason = "not supported by the resampler";
    // An even multiple of the smallest block: the center of the filter then falls on a sample, and
    // the audio is not delayed by half a sample.
    let smallest = (from / gcd(from, to).max(1)).max(1) as usize;
    let block = smallest * BLOCK.div_ceil(smallest).next_multiple_of(2);
    Fft::<f32>::new(from as usize, to as usize, block, 1, FixedSync::Both)
        .map_err(|_| DataError::SampleRate { rate: from, reason })
}

fn failed(error: impl ToString) -> DataError {
    let what = format!("cannot be resampled: {}", error.to_string());
    MediaError::Damaged { stream: Stream::Audio, what }.into()
}

/// Resamples consecutive samples. The result is bit-identical to that of [`at_rate`]: both give the
/// resampler blocks of one size, and fill the last one with zeros.
pub(super) struct StreamResampler {
    resampler: Fft<f32>,
    /// Samples that do not fill a block.
    input: Vec<f32>,
    output: Vec<f32>,
    /// How many samples at the start of the output are the delay of the filter.
    delay: usize,
    /// The number of samples of the result.
    len: usize,
    /// How many of them are still to come.
    left: usize,
}

/// Receives resampled samples.
type Resampled<'a> = &'a mut dyn FnMut(&[f32]) -> Result<(), DataError>;

impl StreamResampler {
    /// Takes both rates and the number of samples.
    ///
    /// # Errors
    /// See [`at_rate`].
    pub(super) fn new(from: u32, to: u32, samples: usize) -> Result<Self, DataError> {
        check_rates(from, to)?;
        let resampler = resampler(from, to)?;
        let output = vec![0.0; resampler.output_frames_max()];
        let delay = resampler.output_delay();
        // As in the resampler's own arithmetic.
        let len = (resampler.resample_ratio() * samples as f64).ceil() as usize;
        Ok(Self { resampler, input: Vec::new(), output, delay, len, left: len })
    }

    /// Returns the number of samples of the result.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Resamples the next samples.
    pub(super) fn add(&mut self, samples: &[f32], sink: Resampled<'_>) -> Result<(), DataError> {
        self.input.extend_from_slice(samples);
        let block = self.resampler.input_frames_next().max(1);
        let input = std::mem::take(&mut self.input);
        let (blocks, rest) = input.split_at(input.len() - input.len() % block);
        for block in blocks.chunks_exact(block) {
            self.block(block, sink)?;
        }
        self.input = rest.to_vec();
        Ok(())
    }

    /// Gives the rest of the result after the last sample.
    pub(super) fn finish(&mut self, sink: Resampled<'_>) -> Result<(), DataError> {
        let mut block = std::mem::take(&mut self.input);
        while self.left > 0 {
            block.resize(self.resampler.input_frames_next(), 0.0);
            self.block(&block, sink)?;
            block.clear();
        }
        Ok(())
    }

    fn block(&mut self, input: &[f32], sink: Resampled<'_>) -> Result<(), DataError> {
        let size = self.output.len();
        let input = InterleavedSlice::new(input, 1, input.len()).map_err(failed)?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, size).map_err(failed)?;
        let (_, written) =
            self.resampler.process_into_buffer(&input, &mut output, None).map_err(failed)?;
        let skipped = self.delay.min(written);
        self.delay -= skipped;
        let end = written.min(skipped.saturating_add(self.left));
        let samples = self.output.get(skipped..end).unwrap_or_default();
        self.left -= samples.len();
        sink(samples)
    }
}

/// The greatest common divisor.
fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f64, seconds: f64) -> Audio {
        let samples = (f64::from(rate) * seconds) as usize;
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        let wave = (0..samples).map(|at| (at as f64 * step).sin() as f32 * 0.5).collect();
        Audio { rate, channels: vec![wave] }
    }

    #[test]
    fn tone_keeps_phase_and_amplitude() {
        for rate in [8_000, 22_050, 44_100, 48_000] {
            let audio = tone(rate, 440.0, 1.0);
            let actual = at_rate(&audio, Some(16_000)).unwrap();
            let expected = tone(16_000, 440.0, 1.0);
            assert_eq!((actual.rate, actual.len()), (16_000, expected.len()), "{rate}");
            // The ends are excluded, because the filter lacks context there.
            let pairs = actual.channels[0].iter().zip(&expected.channels[0]).skip(400).take(15_200);
            let worst =
                pairs.map(|(actual, expected)| (actual - expected).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{rate}: {worst}");
        }
    }

    #[test]
    fn frequencies_above_nyquist_are_removed() {
        let audio = tone(48_000, 10_000.0, 0.5);
        let actual = at_rate(&audio, Some(16_000)).unwrap();
        let worst =
            actual.channels[0][400..7_600].iter().fold(0.0_f32, |worst, x| worst.max(x.abs()));
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn matching_rate_borrows_the_input() {
        let audio = tone(16_000, 440.0, 0.1);
        for rate in [None, Some(16_000)] {
            assert!(matches!(at_rate(&audio, rate).unwrap(), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn invalid_rates_are_errors() {
        let mut audio = tone(16_000, 440.0, 1.0);
        for rate in [0, 1, MIN_RATE - 1] {
            audio.rate = rate;
            let result = at_rate(&audio, Some(48_000));
            assert!(matches!(result, Err(DataError::SampleRate { .. })), "{rate}");
        }
        audio.rate = u32::MAX;
        assert!(matches!(
            at_rate(&audio, Some(48_000)).unwrap_err().media(),
            Some(MediaError::TooLarge { .. })
        ));
        // Rates without a common divisor need the largest blocks.
        audio.rate = MAX_RATE - 1;
        assert_eq!(at_rate(&audio, Some(15_991)).unwrap().rate, 15_991);
    }
}

//! Kaldi's log-mel filterbank, as `torchaudio.compliance.kaldi.fbank` computes it.
//!
//! The options are the reference's: 25 ms frames every 10 ms by default, `snip_edges`, DC offset
//! removal per frame, pre-emphasis 0.97, symmetric Hann window, FFT of the next power of two, power
//! spectrum, mel bins from 20 Hz to Nyquist, natural logarithm with a floor, no energy, no dither.
//! `htk_compat` only moves the energy column, so it has no effect here.
//!
//! - [`mel`]: the mel filters.
//! - `spectrum`: the arithmetic before and after the FFT.
//! - `wave`: selection and validation of the samples.
//! - `stretch`: interpolation of any number of frames to the model's number.
//! - `resample`: resampling to the rate of the spec.
//! - `whole`: the filterbank of a whole clip, from blocks of samples.
//! - `cache`: process-wide tables.

mod cache;
pub mod mel;
mod resample;
mod spectrum;
mod stretch;
mod wave;
mod whole;

use std::{fmt, sync::Arc};

use pulp::Arch;
use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use self::mel::MelBanks;
pub(crate) use self::resample::resampled;
use self::spectrum::{After, Before};
pub use self::{stretch::concatenated_fbank, wave::Wave, whole::whole_fbank};
use crate::{
    error::DataError,
    spec::{Framing, MAX_RATE},
};
use avff_media::{Audio, MediaError, Stream};

/// Seconds in a millisecond. It is multiplied last, as in torchaudio: the product is truncated to
/// samples, so its rounding matters.
const SECONDS: f64 = 0.001;
/// Pre-emphasis coefficient: the fraction of the previous sample that is subtracted.
const PREEMPHASIS: f64 = 0.97;
/// Floor of an energy before the logarithm: `torch.finfo(torch.float).eps`.
const FLOOR: f64 = f32::EPSILON as f64;

/// Filterbank tables for one sample rate, shared between threads.
///
/// Arithmetic is f64, so no finite sample can overflow. torchaudio uses f32, but the noise of two
/// f32 FFTs would add up. Over all waveforms of `tests/fbank.rs`, f32 deviated from torchaudio by
/// up to 6.7e-4 (mean 6e-6), and f64 by up to 4.6e-4 (mean 2e-6).
pub struct Fbank {
    rate: u32,
    framing: Framing,
    shift: usize,
    window: Vec<f64>,
    fft: Arc<dyn RealToComplex<f64>>,
    banks: MelBanks,
}

/// Buffers for one frame at a time.
pub struct Scratch {
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    power: Vec<f64>,
    energies: Vec<f64>,
    fft: Vec<Complex<f64>>,
}

impl Fbank {
    /// Creates tables for `mels` bins at `rate` Hz with the reference's framing.
    ///
    /// # Errors
    /// See [`Fbank::with_framing`].
    pub fn new(rate: u32, mels: usize) -> Result<Self, DataError> {
        Self::with_framing(rate, mels, Framing::default())
    }

    /// Creates tables for `mels` bins with this framing at `rate` Hz.
    ///
    /// # Errors
    /// [`DataError::SampleRate`] for a rate so low that a frame has fewer than two samples or the
    /// lowest filter starts at or above Nyquist. [`MediaError::TooLarge`] for a rate above
    /// [`MAX_RATE`].
    pub fn with_framing(rate: u32, mels: usize, framing: Framing) -> Result<Self, DataError> {
        if rate > MAX_RATE {
            let (value, limit) = (u64::from(rate), u64::from(MAX_RATE));
            return Err(MediaError::TooLarge { what: "sample rate", value, limit }.into());
        }
        let size = samples(rate, framing.length_ms);
        let shift = samples(rate, framing.shift_ms);
        if size < 2 || shift < 1 || mel::LOW_HZ >= 0.5 * f64::from(rate) {
            let reason = "a frame or the lowest mel filter contains no samples";
            return Err(DataError::SampleRate { rate, reason });
        }
        let padded = size.next_power_of_two();
        Ok(Self {
            rate,
            framing,
            shift,
            window: hann(size),
            fft: RealFftPlanner::new().plan_fft_forward(padded),
            banks: MelBanks::new(rate, padded, mels),
        })
    }

    /// Returns the sample rate of the tables, in Hz.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Returns the number of mel bins per frame.
    #[must_use]
    pub fn mels(&self) -> usize {
        self.banks.len()
    }

    /// Returns the number of samples per frame.
    #[must_use]
    pub fn window_len(&self) -> usize {
        self.window.len()
    }

    /// Returns the number of complete frames in `samples` samples (`snip_edges`).
    ///
    /// # Errors
    /// [`DataError::TooShort`] if there is not one complete frame.
    pub fn frames_in(&self, samples: usize) -> Result<usize, DataError> {
        let needed = self.window.len();
        match samples.checked_sub(needed) {
            Some(rest) => Ok(rest / self.shift + 1),
            None => Err(DataError::TooShort { samples, needed }),
        }
    }

    /// Computes the log-mel energies of the complete audio, `[frames, mels]` in row-major order.
    ///
    /// # Errors
    /// See [`Wave::new`] and [`Fbank::frames_in`]; also [`MediaError::Damaged`] if the sample rate
    /// differs from the tables' rate.
    pub fn compute(&self, audio: &Audio) -> Result<Vec<f32>, DataError> {
        let wave = self.wave(audio)?;
        let frames = self.frames_in(wave.len())?;
        let mut scratch = self.scratch();
        let mut rows = vec![0.0; frames * self.mels()];
        for (index, row) in rows.chunks_exact_mut(self.mels()).enumerate() {
            self.frame(wave, index, &mut scratch, row)?;
        }
        Ok(rows)
    }

    fn wave<'a>(&self, audio: &'a Audio) -> Result<Wave<'a>, DataError> {
        if audio.rate == self.rate {
            return Ok(Wave::new(audio)?);
        }
        Err(MediaError::Damaged {
            stream: Stream::Audio,
            what: format!(
                "its rate is {} Hz, but the filterbank's rate is {} Hz",
                audio.rate, self.rate
            ),
        }
        .into())
    }

    /// Allocates buffers for [`Fbank::frame`].
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        let frame = self.fft.make_input_vec();
        let spectrum = self.fft.make_output_vec();
        let power = vec![0.0; spectrum.len()];
        let energies = vec![0.0; self.mels()];
        Scratch { frame, spectrum, power, energies, fft: self.fft.make_scratch_vec() }
    }

    /// Computes the log-mel energies of frame `index` of `wave` into `row`, which has
    /// [`Fbank::mels`] values.
    ///
    /// # Errors
    /// [`DataError::TooShort`] if the waveform ends before the frame.
    pub fn frame(
        &self,
        wave: Wave<'_>,
        index: usize,
        scratch: &mut Scratch,
        row: &mut [f32],
    ) -> Result<(), DataError> {
        let size = self.window.len();
        let needed = index.saturating_mul(self.shift).saturating_add(size);
        let Some(samples) = wave.samples().get(needed - size..needed) else {
            return Err(DataError::TooShort { samples: wave.len(), needed });
        };
        self.row(samples, scratch, row)
    }

    /// Computes the log-mel energies of one frame's samples.
    fn row(
        &self,
        samples: &[f32],
        scratch: &mut Scratch,
        row: &mut [f32],
    ) -> Result<(), DataError> {
        let Scratch { frame, spectrum, power, energies, fft } = scratch;
        let arch = Arch::new();
        arch.dispatch(Before { samples, window: &self.window, frame });
        self.fft.process_with_scratch(frame, spectrum, fft).map_err(|error| {
            MediaError::Damaged {
                stream: Stream::Audio,
                what: format!("cannot compute the spectrum: {error}"),
            }
        })?;
        arch.dispatch(After { spectrum, banks: &self.banks, power, energies, row });
        Ok(())
    }
}

impl fmt::Debug for Fbank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fbank").field("rate", &self.rate).field("mels", &self.mels()).finish()
    }
}

/// Returns the number of samples in `milliseconds`, truncated like `int(sample_frequency * ms *
/// 0.001)`.
fn samples(rate: u32, milliseconds: f64) -> usize {
    (f64::from(rate) * milliseconds * SECONDS) as usize
}

/// `torch.hann_window(size, periodic=False)`.
fn hann(size: usize) -> Vec<f64> {
    let step = std::f64::consts::TAU / (size - 1) as f64;
    (0..size).map(|i| 0.5 - 0.5 * (i as f64 * step).cos()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn audio(rate: u32, samples: usize, value: f32) -> Audio {
        Audio { rate, channels: vec![vec![value; samples]; 2] }
    }

    #[test]
    fn sizes_are_truncated_like_torchaudio() {
        for (rate, window, shift) in
            [(8_000, 200, 80), (11_025, 275, 110), (22_050, 551, 220), (44_100, 1_102, 441)]
        {
            let fbank = Fbank::new(rate, 128).unwrap();
            assert_eq!((fbank.window_len(), fbank.shift), (window, shift), "{rate} Hz");
        }
    }

    #[test]
    fn only_complete_frames_count() {
        let fbank = Fbank::new(16_000, 128).unwrap();
        assert!(matches!(
            fbank.frames_in(399),
            Err(DataError::TooShort { samples: 399, needed: 400 })
        ));
        let cases = [(400, 1), (559, 1), (560, 2), (64_512, 401)];
        for (samples, frames) in cases {
            assert_eq!(fbank.frames_in(samples).unwrap(), frames);
        }
    }

    #[test]
    fn unusable_rates_are_errors() {
        for rate in [0, 1, 40, 79] {
            let error = Fbank::new(rate, 128).unwrap_err();
            assert!(matches!(error, DataError::SampleRate { .. }), "{rate}: {error}");
        }
        assert!(matches!(
            Fbank::new(u32::MAX, 128).unwrap_err().media(),
            Some(MediaError::TooLarge { .. })
        ));
        for rate in [100, 101, 1_000, 7_919, MAX_RATE] {
            let rows = Fbank::new(rate, 128).unwrap().compute(&audio(rate, 100_000, 0.5)).unwrap();
            assert!(rows.iter().all(|value| value.is_finite()), "{rate}");
        }
    }

    #[test]
    fn silence_is_the_floor() {
        let rows = Fbank::new(16_000, 128).unwrap().compute(&audio(16_000, 800, 0.0)).unwrap();
        assert_eq!(rows, vec![f32::EPSILON.ln(); 128 * 3]);
    }

    #[test]
    fn rate_mismatch_is_an_error() {
        let fbank = Fbank::new(16_000, 128).unwrap();
        assert!(matches!(
            fbank.compute(&audio(8_000, 800, 0.1)).unwrap_err().media(),
            Some(MediaError::Damaged { .. })
        ));
    }

    #[test]
    fn extreme_samples_give_finite_energies() {
        let wave = (0..800).map(|i| if i % 3 == 0 { f32::MAX } else { f32::MIN }).collect();
        let audio = Audio { rate: 16_000, channels: vec![wave] };
        let rows = Fbank::new(16_000, 128).unwrap().stretched(&audio, 64).unwrap();
        assert!(rows.iter().all(|value| value.is_finite()));
    }
}

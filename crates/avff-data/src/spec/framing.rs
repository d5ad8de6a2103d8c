//! Framing of a waveform.

/// Maximum sample rate, in Hz; it bounds the tables. It is four times the maximum rate of AAC and
/// twice that of any studio interface.
pub const MAX_RATE: u32 = 384_000;
/// Minimum sample rate for resampling, in Hz: half the rate of telephony. A file of few samples can
/// declare a rate so low that resampling would create many samples.
pub const MIN_RATE: u32 = 4_000;

/// Frame length and shift in milliseconds, truncated to integer samples as in torchaudio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Framing {
    /// Frame length.
    pub length_ms: f64,
    /// Distance between the starts of consecutive frames.
    pub shift_ms: f64,
}

impl Default for Framing {
    /// The defaults of Kaldi and of the reference: 25 ms every 10 ms.
    fn default() -> Self {
        Self { length_ms: 25.0, shift_ms: 10.0 }
    }
}

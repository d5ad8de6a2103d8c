//! How a wave is cut into frames.

/// The highest sample rate that is accepted, in Hz; it bounds the tables. Four times the highest
/// rate of AAC, twice that of any studio interface.
pub const MAX_RATE: u32 = 384_000;
/// The lowest rate that sound is brought to another one from, or to, in Hz: half a telephone's. A file of few
/// samples can claim a rate so low that they would become many.
pub const MIN_RATE: u32 = 4_000;

/// Lengths in milliseconds; truncated to whole samples as torchaudio does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Framing {
    /// A frame.
    pub length_ms: f64,
    /// From the start of a frame to the start of the next.
    pub shift_ms: f64,
}

impl Default for Framing {
    /// Kaldi's, and the reference's: 25 ms every 10 ms.
    fn default() -> Self {
        Self { length_ms: 25.0, shift_ms: 10.0 }
    }
}

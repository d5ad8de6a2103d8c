//! How a wave is cut into frames.

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

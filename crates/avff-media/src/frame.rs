//! One decoded frame.

/// An 8-bit RGB frame, row by row from the top left, without padding: `rgb.len() == 3 * width *
/// height`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Interleaved R, G, B.
    pub rgb: Vec<u8>,
}

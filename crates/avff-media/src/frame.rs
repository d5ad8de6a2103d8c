//! One decoded picture.

/// 8-bit RGB, row by row from the top left, no padding: `rgb.len() == 3 * width * height`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Interleaved R, G, B.
    pub rgb: Vec<u8>,
}

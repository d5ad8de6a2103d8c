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

/// The luma of a pixel: ITU-R BT.601 in 16-bit fixed point, rounded, as Pillow's `L`.
#[must_use]
pub fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    // The weights sum to 2^16, so the result is at most 255.
    ((sum + 0x8000) >> 16) as u8
}

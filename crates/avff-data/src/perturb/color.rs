//! The color space of the published perturbations.
//!
//! Source: DeeperForensics-1.0 (L. Jiang et al., CVPR 2020), whose code converts 8-bit values with OpenCV's `BGR2YCrCb` for
//! floating-point images. That conversion expects values from 0 to 1, so its offset of 0.5 stands for half a level here
//! instead of half the range. The published perturbations have this quirk, and so has this file.

use avff_media::Frame;

/// Calls `change` on Y, Cb, Cr of every pixel as the published code scales them, and writes the result with `store`.
pub(super) fn in_ycbcr(
    frame: &mut Frame,
    mut change: impl FnMut([f32; 3]) -> [f32; 3],
    store: impl Fn(f32) -> u8,
) {
    for pixel in frame.rgb.as_chunks_mut::<3>().0 {
        let [red, green, blue] = pixel.map(f32::from);
        let y = 0.299 * red + 0.587 * green + 0.114 * blue;
        let (cb, cr) = ((blue - y) * 0.564 + 0.5, (red - y) * 0.713 + 0.5);
        let scaled = [to_range(y, 235.0), to_range(cb, 240.0), to_range(cr, 240.0)];
        let [y, cb, cr] = change(scaled);
        let (y, cb, cr) =
            (from_range(y, 235.0), from_range(cb, 240.0) - 0.5, from_range(cr, 240.0) - 0.5);
        let red = y + 1.403 * cr;
        let green = y - 0.714 * cr - 0.344 * cb;
        let blue = y + 1.773 * cb;
        *pixel = [red, green, blue].map(&store);
    }
}

fn to_range(value: f32, top: f32) -> f32 {
    (value * (top - 16.0) + 16.0) / 255.0
}

fn from_range(value: f32, top: f32) -> f32 {
    (value * 255.0 - 16.0) / (top - 16.0)
}

/// The low byte of a number that is cut to an integer: what NumPy's `astype(np.uint8)` gives on x86.
pub(super) fn wrapped(value: f32) -> u8 {
    (value as i32) as u8
}

/// A number cut to an integer from 0 to 255.
pub(super) fn clipped(value: f32) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

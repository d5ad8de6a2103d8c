//! Converts YUV to RGB, bit-identical to libswscale's x86 code and so to decord.
//!
//! libswscale multiplies 16-bit numbers and keeps the high half of each product. Each product is
//! therefore rounded down on its own, and no floating-point formula gives the same bytes. The
//! coefficients are libswscale's `ff_yuv2rgb_coeffs`, the scaling is that of
//! `ff_yuv2rgb_c_init_tables`. Chroma is taken from the nearest sample, not interpolated.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rusty_h264_common::YuvFrame;

use crate::frame::Frame;

/// The color space of decoded samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColorSpace {
    /// `matrix_coefficients` of ITU-T H.273: 1 is BT.709, 5 and 6 are BT.601, 2 is unspecified.
    pub(crate) matrix: u8,
    /// Whether luma spans 0 to 255 instead of 16 to 235.
    pub(crate) full_range: bool,
}

impl Default for ColorSpace {
    /// Unspecified matrix, limited range: converted as BT.601, as libswscale does.
    fn default() -> Self {
        Self { matrix: 2, full_range: false }
    }
}

/// The conversion coefficients of one color space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Coefficients {
    luma: i16,
    luma_offset: i16,
    red_v: i16,
    green_u: i16,
    green_v: i16,
    blue_u: i16,
}

impl Coefficients {
    fn new(color: ColorSpace) -> Self {
        // crv, cbu, cgu, cgv in 16.16 fixed point, from libswscale/yuv2rgb.c.
        let rows: [i64; 4] = match color.matrix {
            1 => [117_489, 138_438, 13_975, 34_925],
            4 => [104_448, 132_798, 24_759, 53_109],
            7 => [117_579, 136_230, 16_907, 35_559],
            9 | 10 => [110_013, 140_363, 12_277, 42_626],
            _ => [104_597, 132_201, 25_675, 53_279],
        };
        let (luma, offset) =
            if color.full_range { (1 << 16, 0) } else { ((1 << 16) * 255 / 219, 16 << 16) };
        let [crv, cbu, cgu, cgv] = rows.map(|c| if color.full_range { c * 224 / 255 } else { c });
        let fixed = |c: i64| round16(c << 13);
        Self {
            luma: fixed(luma),
            luma_offset: round16(offset << 3),
            red_v: fixed(crv),
            // Negated after the scaling to full range, whose division rounds towards zero for
            // either sign.
            green_u: fixed(-cgu),
            green_v: fixed(-cgv),
            blue_u: fixed(cbu),
        }
    }
}

/// libswscale's `roundToInt16`: the high half, clipped to the range of a 16-bit factor.
fn round16(value: i64) -> i16 {
    let high = (value + (1 << 15)) >> 16;
    i16::try_from(high.clamp(-0x7fff, 0x7fff)).unwrap_or_default()
}

/// 8-bit 4:2:0 planes in memory, each with the stride of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planes<'a> {
    /// Width and height of the luma plane; each chroma plane has half of both, rounded up.
    pub(crate) size: (usize, usize),
    /// Luma and its stride.
    pub(crate) y: (&'a [u8], usize),
    /// Blue difference and its stride.
    pub(crate) u: (&'a [u8], usize),
    /// Red difference and its stride.
    pub(crate) v: (&'a [u8], usize),
}

/// Converts the part of a decoded frame right of and below `origin`.
///
/// Returns `None` where the frame does not have the `expected` size of its parameter set.
pub(crate) fn to_rgb(
    frame: &YuvFrame,
    expected: (usize, usize),
    origin: (usize, usize),
    color: ColorSpace,
) -> Option<Frame> {
    let size = (frame.width, frame.height);
    let chroma = frame.width.div_ceil(2);
    let (y, u, v) = ((&*frame.y, frame.width), (&*frame.u, chroma), (&*frame.v, chroma));
    (size == expected).then(|| Planes { size, y, u, v }.to_rgb(origin, color))?
}

impl Planes<'_> {
    /// Converts the part right of and below `origin`.
    ///
    /// Returns `None` where a plane is smaller than the size requires.
    pub(crate) fn to_rgb(self, origin: (usize, usize), color: ColorSpace) -> Option<Frame> {
        let (left, top) = origin;
        let (right, bottom) = self.size;
        let (width, height) = (right.checked_sub(left)?, bottom.checked_sub(top)?);
        let k = Coefficients::new(color);
        let mut rgb = vec![0; width.checked_mul(height)?.checked_mul(3)?];
        Arch::new().dispatch(Conversion { planes: self, origin, k, rgb: &mut rgb })?;
        Some(Frame { width, height, rgb })
    }

    /// Fills the rows of `rgb`. Processes whole rows in 16 bits, one step at a time, so that each
    /// step compiles to vector instructions, among them the ones that libswscale uses.
    #[inline(always)]
    fn convert(self, (left, top): (usize, usize), k: Coefficients, rgb: &mut [u8]) -> Option<()> {
        let (right, bottom) = self.size;
        let chroma = left / 2..right.div_ceil(2);
        // The chroma contribution to the pixels of two luma rows.
        let mut tints = [const { Vec::new() }; 3];
        tints.iter_mut().for_each(|tint| tint.resize(2 * chroma.len(), 0_i16));
        let mut luma = vec![0_i16; right - left];
        let mut tinted = None;
        for (row, out) in (top..bottom).zip(rgb.chunks_exact_mut((3 * luma.len()).max(1))) {
            if tinted.replace(row / 2) != Some(row / 2) {
                let u = span(self.u, row / 2, chroma.clone())?;
                let v = span(self.v, row / 2, chroma.clone())?;
                let centered = |sample: u8| (i16::from(sample) << 3) - 1024;
                for (channel, tint) in tints.iter_mut().enumerate() {
                    let pairs = tint.as_chunks_mut::<2>().0.iter_mut().zip(u.iter().zip(v));
                    match channel {
                        0 => pairs
                            .for_each(|(pair, (_, &v))| *pair = [high(centered(v), k.red_v); 2]),
                        1 => pairs.for_each(|(pair, (&u, &v))| {
                            *pair =
                                [high(centered(u), k.green_u) + high(centered(v), k.green_v); 2];
                        }),
                        _ => pairs
                            .for_each(|(pair, (&u, _))| *pair = [high(centered(u), k.blue_u); 2]),
                    }
                }
            }
            let samples = span(self.y, row, left..right)?;
            for (luma, &y) in luma.iter_mut().zip(samples) {
                *luma = high((i16::from(y) << 3) - k.luma_offset, k.luma);
            }
            let [red, green, blue] = &tints;
            let tints = red.iter().zip(green).zip(blue);
            for ((pixel, &y), ((&r, &g), &b)) in
                out.as_chunks_mut::<3>().0.iter_mut().zip(&luma).zip(tints)
            {
                *pixel = [clip(y + r), clip(y + g), clip(y + b)];
            }
        }
        Some(())
    }
}

/// Runs the conversion with the best instruction set of the processor. A closure would not be
/// inlined there, so it would be compiled for the oldest instruction set.
struct Conversion<'a> {
    planes: Planes<'a>,
    origin: (usize, usize),
    k: Coefficients,
    rgb: &'a mut [u8],
}

impl WithSimd for Conversion<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Option<()> {
        self.planes.convert(self.origin, self.k, self.rgb)
    }
}

/// Returns the high half of a product, rounded down as the processor's instruction rounds it.
#[inline(always)]
fn high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// Returns the given columns of a row of a plane.
fn span((plane, stride): (&[u8], usize), row: usize, columns: Range<usize>) -> Option<&[u8]> {
    plane.get(row.checked_mul(stride)?..)?.get(columns)
}

#[inline(always)]
fn clip(value: i16) -> u8 {
    value.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn flat(y: u8, u: u8, v: u8, color: ColorSpace) -> [u8; 3] {
        let frame = YuvFrame { width: 2, height: 2, y: vec![y; 4], u: vec![u], v: vec![v] };
        let rgb_frame = to_rgb(&frame, (2, 2), (0, 0), color).unwrap();
        assert_eq!(rgb_frame.rgb[..3], rgb_frame.rgb[9..]);
        [rgb_frame.rgb[0], rgb_frame.rgb[1], rgb_frame.rgb[2]]
    }

    #[test]
    fn black_white_and_gray_of_both_ranges() {
        let limited = ColorSpace::default();
        let full = ColorSpace { matrix: 1, full_range: true };
        assert_eq!(flat(16, 128, 128, limited), [0; 3]);
        assert_eq!(flat(235, 128, 128, limited), [255; 3]);
        assert_eq!(flat(0, 128, 128, full), [0; 3]);
        assert_eq!(flat(255, 128, 128, full), [255; 3]);
        assert_eq!(flat(100, 128, 128, full), [100; 3]);
    }

    #[test]
    fn every_matrix_and_range_matches_libswscale() {
        // Expected values from FFmpeg 5.1: `scale=in_color_matrix=M:in_range=R,format=rgb24` of
        // flat 64 x 2 frames.
        let yuv = [(121, 66, 189), (242, 33, 6), (240, 132, 119), (203, 77, 118), (77, 199, 7)];
        for (matrix, full_range, rgb) in [
            (
                1,
                false,
                [[231, 102, 0], [44, 255, 62], [243, 255, 255], [199, 232, 109], [0, 119, 220]],
            ),
            (
                1,
                true,
                [[217, 103, 5], [49, 255, 65], [225, 243, 247], [187, 216, 108], [0, 119, 208]],
            ),
            (
                4,
                false,
                [[219, 95, 0], [68, 255, 70], [245, 255, 255], [201, 244, 113], [0, 142, 214]],
            ),
            (
                4,
                true,
                [[206, 97, 10], [71, 255, 72], [227, 244, 247], [188, 226, 112], [0, 139, 203]],
            ),
            (
                6,
                false,
                [[219, 96, 0], [68, 255, 71], [245, 255, 255], [201, 244, 114], [0, 141, 214]],
            ),
            (
                6,
                true,
                [[206, 98, 11], [70, 255, 73], [227, 244, 247], [188, 227, 112], [0, 138, 202]],
            ),
            (
                7,
                false,
                [[231, 103, 0], [44, 255, 65], [243, 255, 255], [199, 235, 110], [0, 117, 218]],
            ),
            (
                7,
                true,
                [[217, 105, 7], [49, 255, 68], [225, 243, 247], [187, 218, 109], [0, 117, 206]],
            ),
            (
                9,
                false,
                [[224, 93, 0], [58, 255, 59], [244, 255, 255], [200, 232, 107], [0, 135, 223]],
            ),
            (
                9,
                true,
                [[210, 96, 4], [62, 255, 63], [226, 244, 247], [188, 216, 107], [0, 134, 210]],
            ),
        ] {
            let color = ColorSpace { matrix, full_range };
            assert_eq!(yuv.map(|(y, u, v)| flat(y, u, v, color)), rgb, "{color:?}");
        }
        let unspecified = ColorSpace::default();
        assert_eq!(
            flat(121, 66, 189, unspecified),
            [219, 96, 0],
            "unspecified is converted as BT.601"
        );
    }

    #[test]
    fn left_and_top_are_cropped_and_sizes_checked() {
        let frame = YuvFrame {
            width: 4,
            height: 4,
            y: (0..16).map(|i| i * 10).collect(),
            u: vec![128; 4],
            v: vec![128; 4],
        };
        let full = ColorSpace { matrix: 2, full_range: true };
        let rgb_frame = to_rgb(&frame, (4, 4), (2, 2), full).unwrap();
        assert_eq!((rgb_frame.width, rgb_frame.height), (2, 2));
        assert_eq!(rgb_frame.rgb, [100, 100, 100, 110, 110, 110, 140, 140, 140, 150, 150, 150]);
        assert!(to_rgb(&frame, (6, 4), (0, 0), full).is_none());
        let short = YuvFrame { y: vec![0; 15], ..frame };
        assert!(to_rgb(&short, (4, 4), (0, 0), full).is_none());
    }
}

//! Pillow's antialiased bilinear resize, to the last bit.
//!
//! Open-AVFF trains on pictures that Pillow resized, so this repeats Pillow's 8-bit arithmetic
//! (`src/libImaging/Resample.c`): a triangle filter as wide as the scale, weights rounded to 22
//! fractional bits, along rows first and columns second, with rounding and clipping to 8 bits in
//! between. SIMD resizers round their weights to fewer bits: `fast_image_resize` 6.1 is off by one
//! level in 5 to 22 % of the pixels of the frames in `tests/resize.rs`.
//!
//! Pillow 13 turned the order round for pictures that shrink more in height than in width
//! (python-pillow/Pillow#9549), which moves a few per cent of their samples by a level. The released
//! checkpoints are older, so the older order stays.

use pulp::{Arch, Simd, WithSimd};

use crate::{
    error::{MediaError, Stream},
    frame::Frame,
};

/// Fractional bits of a weight: 32, less 8 for the sample and 2 for the sum's head room.
const PRECISION_BITS: u32 = 32 - 8 - 2;
/// Half a level, so that the final shift rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Rows that are resampled side by side: 32-bit sums of so many fill a register of AVX2.
const ROWS: usize = 8;

/// The longest side that is accepted, in pixels. Up to it no 32-bit sum can overflow: the rounding
/// of at most `2 * MAX_SIDE + 1` weights adds less than 2^26 to a sum below 2^30 + 2^21.
const MAX_SIDE: usize = 1 << 16;

/// Resizes to `width` by `height`, both at least 1; the aspect ratio is the caller's affair.
///
/// Needs memory for the result alone, about fifteen bytes a pixel, however large the source.
///
/// # Errors
/// [`MediaError::Damaged`] when the picture has no pixels or not `3 * width * height` bytes;
/// [`MediaError::TooLarge`] when a side of either size is zero or over 65,536.
pub fn resize(picture: &Frame, width: usize, height: usize) -> Result<Frame, MediaError> {
    check(picture)?;
    check_sides(picture.width, picture.height)?;
    check_sides(width, height)?;
    if (picture.width, picture.height) == (width, height) {
        return Ok(picture.clone());
    }
    let across = Axis::new(picture.width, width);
    let down = Axis::new(picture.height, height);
    let rgb = Arch::new().dispatch(Resampling { picture, across: &across, down: &down });
    Ok(Frame { width, height, rgb })
}

/// The same code for the best instructions that the processor has. A closure would be called there and
/// not inlined, and so be compiled for the oldest.
struct Resampling<'a> {
    picture: &'a Frame,
    across: &'a Axis,
    down: &'a Axis,
}

impl WithSimd for Resampling<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<u8> {
        resample(self.picture, self.across, self.down)
    }
}

/// Both passes at once. Each source row is resampled once and added to every output row that its
/// weight reaches: sums of integers do not depend on their order, so this equals Pillow's two passes
/// without their intermediate picture.
#[inline(always)]
fn resample(picture: &Frame, across: &Axis, down: &Axis) -> Vec<u8> {
    let stride = 3 * across.taps.len();
    let mut sums = vec![HALF; stride * down.taps.len()];
    let mut block = vec![[0; ROWS]; 3 * picture.width];
    let mut rows = vec![0; ROWS * stride];
    let mut reached = 0..0;
    for (index, sources) in picture.rgb.chunks(ROWS * 3 * picture.width).enumerate() {
        across.resample_rows(sources, &mut block, &mut rows);
        for (row, y) in rows.chunks_exact(stride).zip(index * ROWS..picture.height) {
            while down.taps.get(reached.end).is_some_and(|tap| tap.start <= y) {
                reached.end += 1;
            }
            while down.taps.get(reached.start).is_some_and(|tap| tap.start + tap.len <= y) {
                reached.start += 1;
            }
            for out in reached.clone() {
                let weight = down.weight(out, y);
                if let Some(sums) = sums.get_mut(out * stride..(out + 1) * stride) {
                    for (sum, &value) in sums.iter_mut().zip(row) {
                        *sum += weight * i32::from(value);
                    }
                }
            }
        }
    }
    sums.into_iter().map(to_level).collect()
}

/// Whether a frame of this size may be made or resized.
///
/// # Errors
/// [`MediaError::TooLarge`] where a side is zero or over 65,536.
pub fn check_sides(width: usize, height: usize) -> Result<(), MediaError> {
    for (what, side) in [("picture width", width), ("picture height", height)] {
        if !(1..=MAX_SIDE).contains(&side) {
            let (value, limit) = (side as u64, MAX_SIDE as u64);
            return Err(MediaError::TooLarge { what, value, limit });
        }
    }
    Ok(())
}

/// Whether a frame keeps its own promise: at least one pixel and three bytes for each.
///
/// # Errors
/// [`MediaError::Damaged`] where it does not.
pub fn check(picture: &Frame) -> Result<(), MediaError> {
    let &Frame { width, height, ref rgb } = picture;
    let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
    if bytes == Some(rgb.len()) && bytes != Some(0) {
        return Ok(());
    }
    Err(MediaError::Damaged {
        stream: Stream::Video,
        what: format!("a picture of {width} x {height} pixels came with {} bytes", rgb.len()),
    })
}

fn to_level(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// The source samples that make up one output sample.
struct Tap {
    start: usize,
    len: usize,
    /// Where the weights lie in [`Axis::weights`].
    offset: usize,
}

/// The weights of one direction: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
struct Axis {
    taps: Vec<Tap>,
    weights: Vec<i32>,
}

impl Axis {
    /// Both sizes are within `1..=MAX_SIDE`.
    fn new(input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        // Widening the triangle when shrinking is what antialiases; growing keeps it at one pixel.
        let support = scale.max(1.0);
        let shrink = 1.0 / support;
        let mut taps = Vec::with_capacity(output);
        let mut weights = Vec::new();
        let mut exact = Vec::new();
        for i in 0..output {
            let center = (i as f64 + 0.5) * scale;
            // Casts truncate and saturate, as Pillow's cast and its clip to the picture do.
            let start = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(input);
            exact.clear();
            exact.extend((start..end).map(|x| triangle((x as f64 - center + 0.5) * shrink)));
            let total: f64 = exact.iter().sum();
            taps.push(Tap { start, len: exact.len(), offset: weights.len() });
            weights.extend(exact.iter().map(|&weight| {
                let weight = if total == 0.0 { weight } else { weight / total };
                (0.5 + weight * f64::from(1 << PRECISION_BITS)) as i32
            }));
        }
        Self { taps, weights }
    }

    /// The weight of input sample `at` in output sample `out`; zero where it has none.
    fn weight(&self, out: usize, at: usize) -> i32 {
        self.taps
            .get(out)
            .filter(|tap| (tap.start..tap.start + tap.len).contains(&at))
            .and_then(|tap| self.weights.get(tap.offset + at - tap.start))
            .copied()
            .unwrap_or(0)
    }

    /// Resamples up to [`ROWS`] rows at once, so that one vector instruction works on a sample of
    /// each: within a row the three colours and the odd numbers of samples would be in the way.
    #[inline(always)]
    fn resample_rows(&self, sources: &[u8], block: &mut [[u8; ROWS]], rows: &mut [u8]) {
        for (lane, source) in sources.chunks_exact(block.len()).enumerate() {
            for (cell, &value) in block.iter_mut().zip(source) {
                if let Some(place) = cell.get_mut(lane) {
                    *place = value;
                }
            }
        }
        let (pixels, _) = block.as_chunks::<3>();
        let stride = 3 * self.taps.len();
        for (out, tap) in self.taps.iter().enumerate() {
            let weights = self.weights.get(tap.offset..tap.offset + tap.len).unwrap_or_default();
            let samples = pixels.get(tap.start..tap.start + tap.len).unwrap_or_default();
            let mut sums = [[HALF; ROWS]; 3];
            for (sample, &weight) in samples.iter().zip(weights) {
                for (sums, values) in sums.iter_mut().zip(sample) {
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum += weight * i32::from(value);
                    }
                }
            }
            for (colour, sums) in sums.into_iter().enumerate() {
                for (row, sum) in rows.chunks_exact_mut(stride).zip(sums) {
                    if let Some(place) = row.get_mut(3 * out + colour) {
                        *place = to_level(sum);
                    }
                }
            }
        }
    }
}

/// Pillow's `bilinear_filter`.
fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gray(width: usize, height: usize, level: u8) -> Frame {
        Frame { width, height, rgb: vec![level; 3 * width * height] }
    }

    #[test]
    fn impossible_pictures_are_errors() {
        let lying = Frame { width: usize::MAX, height: 2, rgb: vec![0; 6] };
        let empty = Frame { width: 0, height: usize::MAX, rgb: vec![] };
        for picture in [lying, empty] {
            assert!(matches!(resize(&picture, 2, 2), Err(MediaError::Damaged { .. })));
        }
        assert!(matches!(resize(&gray(1 << 17, 1, 0), 2, 2), Err(MediaError::TooLarge { .. })));
        assert!(matches!(resize(&gray(1, 1, 0), 0, 2), Err(MediaError::TooLarge { .. })));
    }

    #[test]
    fn longest_side_keeps_its_level() {
        // The worst case for the sum of rounded weights: 65,536 of them in one sample.
        for (width, height) in [(MAX_SIDE, 1), (1, MAX_SIDE)] {
            let small = resize(&gray(width, height, 255), 1, 1).unwrap();
            assert_eq!(small.rgb, [255; 3]);
        }
    }

    #[test]
    fn same_size_changes_nothing() {
        let picture = Frame { width: 2, height: 1, rgb: vec![0, 255, 7, 9, 1, 128] };
        assert_eq!(resize(&picture, 2, 1).unwrap(), picture);
        // One direction at a time: weights of the other must be exactly one.
        let tall = resize(&picture, 2, 5).unwrap();
        assert!(tall.rgb.chunks_exact(6).all(|row| row == picture.rgb));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_size_resizes_and_a_flat_picture_stays_flat(
            (width, height) in (1..600_usize, 1..600_usize),
            (to_width, to_height) in (1..600_usize, 1..600_usize),
            level: u8,
        ) {
            let out = resize(&gray(width, height, level), to_width, to_height).unwrap();
            prop_assert_eq!((out.width, out.height), (to_width, to_height));
            prop_assert_eq!(out, gray(to_width, to_height, level));
        }
    }
}

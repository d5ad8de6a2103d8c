//! Pillow's antialiased bilinear resize, bit-identical.
//!
//! Open-AVFF trains on frames that Pillow resized, so this module repeats Pillow's 8-bit arithmetic
//! (`src/libImaging/Resample.c`). The filter is a triangle as wide as the scale, with weights
//! rounded to 22 fractional bits. It is applied along rows first and columns second, with rounding
//! and clipping to 8 bits in between. SIMD resizers round their weights to fewer bits:
//! `fast_image_resize` 6.1 is off by one level in 5 to 22 % of the pixels of the frames in
//! `tests/resize.rs`.
//!
//! Pillow 13 reversed the order for images that shrink more in height than in width
//! (python-pillow/Pillow#9549), which changes a few percent of their samples by one level. The
//! released checkpoints are older, so this module keeps the older order.

use pulp::{Arch, Simd, WithSimd};

use crate::{
    allocate::reserve_exact,
    error::{MediaError, Stream},
    frame::Frame,
};

/// Fractional bits of a weight: 32, minus 8 for the sample and 2 for the headroom of the sum.
const PRECISION_BITS: u32 = 32 - 8 - 2;
/// Half a level, so that the final shift rounds to nearest.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Rows that are resampled in parallel: this many 32-bit sums fill a register of AVX2, and this many
/// bytes a `u64`.
const ROWS: usize = 8;

/// The longest accepted side, in pixels. Within it no 32-bit sum can overflow: the rounding of at
/// most `2 * MAX_SIDE + 1` weights adds less than 2^26 to a sum below 2^30 + 2^21.
const MAX_SIDE: usize = 1 << 16;

/// Resizes a frame to `width` by `height`, both at least 1, without preserving the aspect ratio.
///
/// Needs memory only for the result and for some rows of it, whatever the height of the source.
///
/// # Errors
/// [`MediaError::Damaged`] when the frame has no pixels or not `3 * width * height` bytes.
/// [`MediaError::TooLarge`] when a side of either size is zero or over 65,536.
/// [`MediaError::NoMemory`].
pub fn resize(frame: &Frame, width: usize, height: usize) -> Result<Frame, MediaError> {
    check(frame)?;
    check_sides(frame.width, frame.height)?;
    check_sides(width, height)?;
    if (frame.width, frame.height) == (width, height) {
        return Ok(frame.clone());
    }
    let across = Axis::new(frame.width, width);
    let down = Axis::new(frame.height, height);
    let mut rgb = Vec::new();
    reserve_exact(&mut rgb, 3 * width * height, "a resized frame")?;
    let mut sums = Vec::new();
    let open = down.open_rows();
    reserve_exact(&mut sums, 3 * width * open, "the open rows of a resized frame")?;
    sums.resize(3 * width * open, HALF);
    rgb.resize(3 * width * height, 0);
    let (across, down, target) = (&across, &down, rgb.as_mut_slice());
    Arch::new().dispatch(Resampling { frame, across, down, sums, rgb: target });
    Ok(Frame { width, height, rgb })
}

/// Runs the resampling with the best instruction set of the processor. Closures, also those of
/// [`array::map`] and of iterators, would not be inlined there: they would be compiled for the
/// oldest instruction set.
struct Resampling<'a> {
    frame: &'a Frame,
    across: &'a Axis,
    down: &'a Axis,
    /// Starts of the sums of as many output rows as are open at once.
    sums: Vec<i32>,
    /// Receives the result.
    rgb: &'a mut [u8],
}

impl WithSimd for Resampling<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        resample(self.frame, self.across, self.down, self.sums, self.rgb);
    }
}

/// Performs both passes at once. Each source row is resampled once and added to every output row
/// that its weight reaches; an output row is written when its last source row has been added.
/// Integer sums do not depend on their order, so the result equals Pillow's two passes without an
/// intermediate image.
#[inline(always)]
fn resample(frame: &Frame, across: &Axis, down: &Axis, mut sums: Vec<i32>, rgb: &mut [u8]) {
    let stride = 3 * across.taps.len();
    let mut results = rgb.chunks_exact_mut(stride);
    let open = sums.len() / stride;
    let mut columns = Columns::new(3 * frame.width, stride);
    let mut reached = 0..0;
    for (index, sources) in frame.rgb.chunks(ROWS * 3 * frame.width).enumerate() {
        columns.resample(across, sources);
        for (row, y) in columns.rows.chunks_exact(stride).zip(index * ROWS..frame.height) {
            while down.taps.get(reached.end).is_some_and(|tap| tap.start <= y) {
                reached.end += 1;
            }
            for out in reached.clone() {
                let weight = down.weight(out, y);
                let place = stride * (out % open);
                let Some(sums) = sums.get_mut(place..place + stride) else { continue };
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += weight * i32::from(value);
                }
                if down.taps.get(out).is_some_and(|tap| tap.start + tap.len <= y + 1) {
                    reached.start = out + 1;
                    let levels = results.next().unwrap_or_default();
                    for (level, sum) in levels.iter_mut().zip(sums) {
                        *level = to_level(*sum);
                        *sum = HALF;
                    }
                }
            }
        }
    }
}

/// Checks that a frame of this size can be resized or created.
///
/// # Errors
/// [`MediaError::TooLarge`] where a side is zero or over 65,536.
pub fn check_sides(width: usize, height: usize) -> Result<(), MediaError> {
    for (what, side) in [("frame width", width), ("frame height", height)] {
        if !(1..=MAX_SIDE).contains(&side) {
            let (value, limit) = (side as u64, MAX_SIDE as u64);
            return Err(MediaError::TooLarge { what, value, limit });
        }
    }
    Ok(())
}

/// Checks that a frame has at least one pixel and three bytes per pixel.
///
/// # Errors
/// [`MediaError::Damaged`] where it has not.
pub fn check(frame: &Frame) -> Result<(), MediaError> {
    let &Frame { width, height, ref rgb } = frame;
    let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
    if bytes == Some(rgb.len()) && bytes != Some(0) {
        return Ok(());
    }
    Err(MediaError::Damaged {
        stream: Stream::Video,
        what: format!("a frame of {width} x {height} pixels has {} bytes", rgb.len()),
    })
}

#[inline(always)]
fn to_level(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// The source samples of one output sample.
struct Tap {
    start: usize,
    len: usize,
    /// The index of the first weight in [`Axis::weights`].
    offset: usize,
}

/// The weights along one axis: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
struct Axis {
    taps: Vec<Tap>,
    weights: Vec<i32>,
}

impl Axis {
    /// Computes the weights. Both sizes are within `1..=MAX_SIDE`.
    fn new(input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        // A wider triangle when shrinking antialiases; when enlarging, the triangle stays one pixel
        // wide.
        let support = scale.max(1.0);
        let shrink = 1.0 / support;
        let mut taps = Vec::with_capacity(output);
        let mut weights = Vec::new();
        let mut exact = Vec::new();
        for i in 0..output {
            let center = (i as f64 + 0.5) * scale;
            // Casts truncate and saturate, as Pillow's cast and its clip to the image do.
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

    /// Returns the weight of input sample `at` in output sample `out`, or zero outside of its taps.
    fn weight(&self, out: usize, at: usize) -> i32 {
        self.taps
            .get(out)
            .filter(|tap| (tap.start..tap.start + tap.len).contains(&at))
            .and_then(|tap| self.weights.get(tap.offset + at - tap.start))
            .copied()
            .unwrap_or(0)
    }

    /// Returns how many output samples are open at once: begun and not yet complete.
    fn open_rows(&self) -> usize {
        let mut first = 0;
        let spans = self.taps.iter().enumerate().map(|(out, tap)| {
            while self.taps.get(first).is_some_and(|early| early.start + early.len <= tap.start) {
                first += 1;
            }
            out + 1 - first
        });
        spans.max().unwrap_or(1)
    }
}

/// Up to [`ROWS`] source rows and their resampled ones, column by column, so that one vector
/// instruction works on one sample of each row. Within a row, the three channels and the odd number
/// of samples would prevent that.
struct Columns {
    sources: Vec<[u8; ROWS]>,
    resampled: Vec<[u8; ROWS]>,
    /// The resampled rows, one after the other.
    rows: Vec<u8>,
    /// Bytes of a source row and of a resampled row.
    strides: (usize, usize),
}

impl Columns {
    /// Makes room for rows of `input` bytes that become rows of `output` bytes.
    fn new(input: usize, output: usize) -> Self {
        let cells = |bytes: usize| vec![[0; ROWS]; bytes.next_multiple_of(ROWS)];
        let rows = vec![0; ROWS * output];
        Self { sources: cells(input), resampled: cells(output), rows, strides: (input, output) }
    }

    /// Resamples `sources`, at most [`ROWS`] rows, along `axis` into [`rows`](Self::rows). Rows
    /// beyond those of `sources` keep what they held.
    #[inline(always)]
    fn resample(&mut self, axis: &Axis, sources: &[u8]) {
        let (input, output) = self.strides;
        let mut lines = [[].as_slice(); ROWS];
        for (line, source) in lines.iter_mut().zip(sources.chunks_exact(input)) {
            *line = source;
        }
        for (index, tile) in self.sources.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            let mut rows = [0; ROWS];
            for (row, line) in rows.iter_mut().zip(lines) {
                *row = eight_bytes(line, ROWS * index);
            }
            transpose(&mut rows);
            for (cell, row) in tile.iter_mut().zip(rows) {
                *cell = row.to_le_bytes();
            }
        }
        let pixels = self.sources.as_chunks::<3>().0;
        let results = self.resampled.as_chunks_mut::<3>().0;
        for (result, tap) in results.iter_mut().zip(&axis.taps) {
            let weights = axis.weights.get(tap.offset..tap.offset + tap.len).unwrap_or_default();
            let samples = pixels.get(tap.start..tap.start + tap.len).unwrap_or_default();
            let mut sums = [[HALF; ROWS]; 3];
            for (sample, &weight) in samples.iter().zip(weights) {
                for (sums, values) in sums.iter_mut().zip(sample) {
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum += weight * i32::from(value);
                    }
                }
            }
            for (levels, sums) in result.iter_mut().zip(sums) {
                for (level, sum) in levels.iter_mut().zip(sums) {
                    *level = to_level(sum);
                }
            }
        }
        for (index, tile) in self.resampled.as_chunks::<ROWS>().0.iter().enumerate() {
            let mut lines = [0; ROWS];
            for (line, cell) in lines.iter_mut().zip(tile) {
                *line = u64::from_le_bytes(*cell);
            }
            transpose(&mut lines);
            for (row, line) in self.rows.chunks_exact_mut(output).zip(lines) {
                let line = line.to_le_bytes();
                let places = row.get_mut(ROWS * index..).unwrap_or_default();
                match places.first_chunk_mut() {
                    Some(places) => *places = line,
                    None => places.copy_from_slice(line.get(..places.len()).unwrap_or_default()),
                }
            }
        }
    }
}

/// Returns eight bytes of a row from `start`, with zeros behind its end.
#[inline(always)]
fn eight_bytes(row: &[u8], start: usize) -> u64 {
    let rest = row.get(start..).unwrap_or_default();
    if let Some(&bytes) = rest.first_chunk() {
        return u64::from_le_bytes(bytes);
    }
    let mut padded = [0; ROWS];
    for (place, &byte) in padded.iter_mut().zip(rest) {
        *place = byte;
    }
    u64::from_le_bytes(padded)
}

/// Transposes eight rows of eight bytes. Halves, quarters and single bytes change places across the
/// diagonal, several at once.
#[inline(always)]
fn transpose(rows: &mut [u64; ROWS]) {
    const HALVES: u64 = 0x0000_0000_ffff_ffff;
    const QUARTERS: u64 = 0x0000_ffff_0000_ffff;
    const BYTES: u64 = 0x00ff_00ff_00ff_00ff;
    for (distance, mask) in [(4, HALVES), (2, QUARTERS), (1, BYTES)] {
        for pair in rows.chunks_exact_mut(2 * distance) {
            let (upper, lower) = pair.split_at_mut(distance);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let moved = ((*upper >> (8 * distance)) ^ *lower) & mask;
                *lower ^= moved;
                *upper ^= moved << (8 * distance);
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
    fn invalid_frames_are_errors() {
        let inconsistent = Frame { width: usize::MAX, height: 2, rgb: vec![0; 6] };
        let empty = Frame { width: 0, height: usize::MAX, rgb: vec![] };
        for frame in [inconsistent, empty] {
            assert!(matches!(resize(&frame, 2, 2), Err(MediaError::Damaged { .. })));
        }
        assert!(matches!(resize(&gray(1 << 17, 1, 0), 2, 2), Err(MediaError::TooLarge { .. })));
        assert!(matches!(resize(&gray(1, 1, 0), 0, 2), Err(MediaError::TooLarge { .. })));
    }

    #[test]
    fn longest_side_keeps_its_level() {
        // The worst case of the sum of rounded weights: 65,536 weights in one sample.
        for (width, height) in [(MAX_SIDE, 1), (1, MAX_SIDE)] {
            let small = resize(&gray(width, height, 255), 1, 1).unwrap();
            assert_eq!(small.rgb, [255; 3]);
        }
    }

    #[test]
    fn same_size_changes_nothing() {
        let frame = Frame { width: 2, height: 1, rgb: vec![0, 255, 7, 9, 1, 128] };
        assert_eq!(resize(&frame, 2, 1).unwrap(), frame);
        // Resizing along one axis: the weights of the other axis must be exactly one.
        let tall = resize(&frame, 2, 5).unwrap();
        assert!(tall.rgb.chunks_exact(6).all(|row| row == frame.rgb));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_size_resizes_and_a_flat_frame_stays_flat(
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

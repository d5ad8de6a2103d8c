//! Perturbations of single frames.

use avff_media::Frame;
use avff_rng::Rng;

use super::color::{clipped, in_ycbcr, wrapped};

/// Side of a block in pixels, and its gray level.
const BLOCK: usize = 8;
const GRAY: u8 = 128;

/// Scales both color differences by `factor` around 0.5, as published. The center is that of values from 0 to 1, but
/// the values are from 0 to 255, so colors shift, and levels beyond 8 bits wrap.
pub(super) fn published_saturation(frame: &mut Frame, factor: f32) {
    let change = |[y, cb, cr]: [f32; 3]| [y, 0.5 + (cb - 0.5) * factor, 0.5 + (cr - 0.5) * factor];
    in_ycbcr(frame, change, wrapped);
}

/// Scales both color differences by `factor` around gray.
pub(super) fn saturation(frame: &mut Frame, factor: f32) {
    for pixel in frame.rgb.as_chunks_mut::<3>().0 {
        let [red, green, blue] = pixel.map(f32::from);
        let y = 0.299 * red + 0.587 * green + 0.114 * blue;
        *pixel = [red, green, blue].map(|value| clipped((y + (value - y) * factor).round()));
    }
}

/// Scales all levels by `factor`, cut to integers. Frames get darker, too.
pub(super) fn contrast(frame: &mut Frame, factor: f32) {
    for value in &mut frame.rgb {
        *value = clipped(f32::from(*value) * factor);
    }
}

/// Puts gray blocks at random places: `count` for each whole 256 pixels of the shorter side, so none on smaller frames.
pub(super) fn published_blocks(frame: &mut Frame, count: usize, rng: &mut Rng) {
    blocks(frame, frame.width.min(frame.height) / 256 * count, rng);
}

/// Puts gray blocks at random places: `count` for an area of 256 x 256 pixels, and at least one.
pub(super) fn area_blocks(frame: &mut Frame, count: usize, rng: &mut Rng) {
    let area = (frame.width * frame.height) as f64 / f64::from(256 * 256);
    blocks(frame, ((area * count as f64).round() as usize).max(1), rng);
}

fn blocks(frame: &mut Frame, count: usize, rng: &mut Rng) {
    let (width, height) = (frame.width, frame.height);
    if width <= BLOCK || height <= BLOCK {
        return;
    }
    for _ in 0..count {
        let (left, top) = (rng.index(width - BLOCK), rng.index(height - BLOCK));
        for row in top..top + BLOCK {
            let start = 3 * (row * width + left);
            if let Some(pixels) = frame.rgb.get_mut(start..start + 3 * BLOCK) {
                pixels.fill(GRAY);
            }
        }
    }
}

/// Adds normal noise of `variance` to Y, Cb and Cr, as published; results are clipped. `normal` draws the numbers, three
/// for a pixel.
pub(super) fn noise(frame: &mut Frame, variance: f32, mut normal: impl FnMut() -> f64) {
    let deviation = f64::from(variance).sqrt();
    let change = |values: [f32; 3]| {
        values.map(|value| ((f64::from(value) / 255.0 + deviation * normal()) * 255.0) as f32)
    };
    in_ycbcr(frame, change, clipped);
}

/// Blurs with a Gaussian of an odd number of taps and a standard deviation of a sixth of it. Rows and columns beyond the
/// edge are mirrored without the edge itself.
pub(super) fn blur(frame: &mut Frame, taps: usize) {
    let sigma = taps as f64 / 6.0;
    let middle = (taps / 2) as f64;
    let weights: Vec<f64> =
        (0..taps).map(|at| (-(at as f64 - middle).powi(2) / (2.0 * sigma * sigma)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let weights: Vec<f32> = weights.iter().map(|weight| (weight / sum) as f32).collect();
    let (width, height) = (frame.width, frame.height);
    let values: Vec<f32> = frame.rgb.iter().map(|value| f32::from(*value)).collect();
    let half = taps / 2;
    let at = |row: usize, column: usize, channel: usize, values: &[f32]| {
        values.get(3 * (row * width + column) + channel).copied().unwrap_or_default()
    };
    let mut across = vec![0.0; values.len()];
    for row in 0..height {
        for column in 0..width {
            for channel in 0..3 {
                let sum = weights.iter().enumerate().map(|(tap, weight)| {
                    weight * at(row, mirrored(column + tap, half, width), channel, &values)
                });
                across[3 * (row * width + column) + channel] = sum.sum::<f32>();
            }
        }
    }
    for row in 0..height {
        for column in 0..width {
            for channel in 0..3 {
                let sum = weights.iter().enumerate().map(|(tap, weight)| {
                    weight * at(mirrored(row + tap, half, height), column, channel, &across)
                });
                frame.rgb[3 * (row * width + column) + channel] = clipped(sum.sum::<f32>().round());
            }
        }
    }
}

/// The index `shifted - by` mirrored at both ends of a line.
fn mirrored(shifted: usize, by: usize, length: usize) -> usize {
    let period = 2 * (length.max(2) - 1);
    let at = shifted.abs_diff(by) % period;
    at.min(period - at).min(length - 1)
}

/// Makes the frame smaller by a whole number and larger again, with bilinear interpolation without a filter: what the
/// published code calls JPEG.
pub(super) fn pixelate(frame: &mut Frame, factor: usize) {
    let small = [(frame.width / factor).max(1), (frame.height / factor).max(1)];
    let full = [frame.width, frame.height];
    *frame = bilinear(&bilinear(frame, small), full);
}

/// Resizes as OpenCV's `INTER_LINEAR`: pixel centers are aligned, and nothing is filtered.
fn bilinear(frame: &Frame, [width, height]: [usize; 2]) -> Frame {
    let columns = taps(frame.width, width);
    let rows = taps(frame.height, height);
    let mut rgb = Vec::with_capacity(3 * width * height);
    for (top, bottom, down) in &rows {
        for (left, right, along) in &columns {
            for channel in 0..3 {
                let at = |row: &usize, column: &usize| {
                    let value = frame.rgb.get(3 * (row * frame.width + column) + channel);
                    value.copied().map_or(0.0, f32::from)
                };
                let upper = at(top, left) * (1.0 - along) + at(top, right) * along;
                let lower = at(bottom, left) * (1.0 - along) + at(bottom, right) * along;
                rgb.push(clipped((upper * (1.0 - down) + lower * down + 0.5).floor()));
            }
        }
    }
    Frame { width, height, rgb }
}

/// For each target pixel: two source pixels, and the weight of the second.
fn taps(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let scale = from as f64 / to as f64;
    let tap = |at: usize| {
        let center = ((at as f64 + 0.5) * scale - 0.5).max(0.0);
        let first = (center as usize).min(from - 1);
        let weight = if first + 1 < from { center - first as f64 } else { 0.0 };
        (first, (first + 1).min(from - 1), weight as f32)
    };
    (0..to).map(tap).collect()
}

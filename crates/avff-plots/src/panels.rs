//! Arrays as images: value ranges, frames and frame differences.

use colorous::Gradient;
use image::{
    Rgb, RgbImage,
    imageops::{FilterType, resize},
};

use crate::color::Color;

/// Converts the natural logarithm of an energy to dB.
const DECIBEL: f32 = 10.0 / std::f32::consts::LN_10;

/// The values at both ends of a color map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Value at the lower end.
    pub low: f32,
    /// Value at the upper end.
    pub high: f32,
}

impl Range {
    /// Creates a range between two quantiles of the values, at least `min_width` wide.
    #[must_use]
    pub fn from_quantiles(
        values: impl Iterator<Item = f32>,
        [from, to]: [f64; 2],
        min_width: f32,
    ) -> Self {
        let mut sorted: Vec<f32> = values.collect();
        sorted.sort_by(f32::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let at =
            |quantile: f64| sorted.get((last * quantile).round() as usize).copied().unwrap_or(0.0);
        let low = at(from);
        Self { low, high: at(to).max(low + min_width) }
    }

    /// Creates a range from 0 to the 99.5 % quantile, at least `min_width` wide.
    #[must_use]
    pub fn for_errors(values: impl Iterator<Item = f32>, min_width: f32) -> Self {
        Self {
            low: 0.0,
            high: Self::from_quantiles(values, [0.0, 0.995], min_width).high.max(min_width),
        }
    }

    /// Returns the color of a value in a color map.
    #[must_use]
    pub fn color(self, map: Gradient, value: f32) -> Color {
        let fraction = f64::from((value - self.low) / (self.high - self.low));
        map.eval_continuous(fraction.clamp(0.0, 1.0)).into_array()
    }
}

/// Frames `[3, frames, height, width]` with levels from 0 to 255, not yet clipped to that range.
#[derive(Debug, Clone)]
pub struct Frames {
    /// Width of a frame, in pixels.
    pub width: usize,
    /// Height of a frame, in pixels.
    pub height: usize,
    /// Number of frames.
    pub frames: usize,
    /// The levels of all frames.
    pub levels: Vec<f32>,
}

impl Frames {
    /// Creates frames by inverting the normalization `(level / 255 - mean) / std` per channel.
    #[must_use]
    pub fn new(
        [frames, height, width]: [usize; 3],
        [mean, std]: [[f32; 3]; 2],
        normalized: &[f32],
    ) -> Self {
        let channel = (frames * height * width).max(1);
        let level = |(index, value): (usize, &f32)| {
            let channel = (index / channel).min(2);
            255.0 * (value * std[channel] + mean[channel])
        };
        let levels = normalized.iter().enumerate().map(level).collect();
        Self { width, height, frames, levels }
    }

    /// Returns the levels of one channel of one frame.
    fn plane(&self, channel: usize, frame: usize) -> &[f32] {
        let size = self.width * self.height;
        let at = (channel * self.frames + frame) * size;
        self.levels.get(at..at + size).unwrap_or_default()
    }

    /// Converts a frame to an image.
    #[must_use]
    pub fn image(&self, frame: usize) -> RgbImage {
        let planes = [0, 1, 2].map(|channel| self.plane(channel, frame));
        image([self.width, self.height], |x, y| {
            let level = |plane: &[f32]| plane.get(y * self.width + x).copied().unwrap_or_default();
            // The cast saturates at 0 and 255.
            planes.map(|plane| level(plane).round() as u8)
        })
    }

    /// Returns the mean absolute difference over channels, per pixel: `[frames, height, width]`.
    #[must_use]
    pub fn distance(&self, other: &Self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.levels.len() / 3);
        for frame in 0..self.frames {
            let pairs = [0, 1, 2].map(|c| (self.plane(c, frame), other.plane(c, frame)));
            out.extend(
                (0..self.width * self.height)
                    .map(|at| pairs.iter().map(|(a, b)| (a[at] - b[at]).abs()).sum::<f32>() / 3.0),
            );
        }
        out
    }
}

/// Creates an image of `[width, height]` pixels from a function.
pub(crate) fn image(
    [width, height]: [usize; 2],
    pixel: impl Fn(usize, usize) -> Color,
) -> RgbImage {
    RgbImage::from_fn(width as u32, height as u32, |x, y| Rgb(pixel(x as usize, y as usize)))
}

/// Resizes an image to the `[width, height]` of a cell. Integer multiples use nearest-neighbor
/// interpolation, other sizes a Catmull-Rom filter.
#[must_use]
pub fn fitted(image: &RgbImage, [width, height]: [usize; 2]) -> RgbImage {
    let (width, height) = (width as u32, height as u32);
    let is_multiple = width.is_multiple_of(image.width()) && height.is_multiple_of(image.height());
    let filter = if is_multiple { FilterType::Nearest } else { FilterType::CatmullRom };
    resize(image, width, height, filter)
}

/// Converts natural logarithms of energies, normalized to `(value - mean) / std`, to dB.
#[must_use]
pub fn decibels([mean, std]: [f32; 2], normalized: &[f32]) -> Vec<f32> {
    normalized.iter().map(|value| DECIBEL * (value * std + mean)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ENERGY;

    #[test]
    fn frames_invert_normalization() {
        let (mean, std) = ([0.4, 0.5, 0.6], [0.2, 0.3, 0.1]);
        let level = |at: usize| (at * 37 % 256) as f32;
        // 2 frames of 3 rows and 5 columns, channel by channel.
        let normalized: Vec<f32> =
            (0..90).map(|at| (level(at) / 255.0 - mean[at / 30]) / std[at / 30]).collect();
        let frames = Frames::new([2, 3, 5], [mean, std], &normalized);
        let pixel = frames.image(1).get_pixel(2, 1).0;
        assert_eq!(pixel, [22, 52, 82].map(|at| level(at) as u8));
        let mut other = frames.clone();
        // One channel of the last pixel of the last frame, 30 levels off.
        if let Some(level) = other.levels.last_mut() {
            *level += 30.0;
        }
        let distance = frames.distance(&other);
        assert_eq!((distance.len(), distance[28]), (30, 0.0));
        assert!((distance[29] - 10.0).abs() < 1e-4, "{}", distance[29]);
    }

    #[test]
    fn ranges_exclude_outliers_and_are_never_empty() {
        let values = (0..1000).map(|i| if i == 999 { 1e9 } else { i as f32 });
        assert_eq!(
            Range::from_quantiles(values.clone(), [0.01, 0.99], 1.0),
            Range { low: 10.0, high: 989.0 }
        );
        assert_eq!(Range::for_errors(values, 1.0).high, 994.0);
        assert_eq!(
            Range::from_quantiles([5.0; 3].into_iter(), [0.0, 1.0], 2.0),
            Range { low: 5.0, high: 7.0 }
        );
        assert_eq!(Range::for_errors([].into_iter(), 1.0), Range { low: 0.0, high: 1.0 });
        let range = Range { low: 0.0, high: 2.0 };
        assert_eq!(range.color(ENERGY, -4.0), range.color(ENERGY, 0.0));
        assert_ne!(range.color(ENERGY, 2.0), range.color(ENERGY, 0.0));
    }

    #[test]
    fn integer_multiples_repeat_pixels() {
        let small = image([2, 1], |x, _| [x as u8, 2, 3]);
        let large = fitted(&small, [4, 2]);
        let row = [[0, 2, 3], [0, 2, 3], [1, 2, 3], [1, 2, 3]].concat();
        assert_eq!(large.as_raw(), &[&*row, &*row].concat());
        assert_eq!(fitted(&small, [3, 3]).dimensions(), (3, 3));
    }
}

//! Arrays as pictures: ranges of values, frames, and how far two of them are apart.

use colorous::Gradient;
use image::{
    Rgb, RgbImage,
    imageops::{FilterType, resize},
};

use crate::colour::Colour;

/// dB of a natural logarithm of an energy.
const DECIBEL: f32 = 10.0 / std::f32::consts::LN_10;

/// The values of a colour map's two ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// At the lower end.
    pub low: f32,
    /// At the upper end.
    pub high: f32,
}

impl Range {
    /// From one quantile of some values to another, and at least `least` wide.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f32>, [from, to]: [f64; 2], least: f32) -> Self {
        let mut sorted: Vec<f32> = values.collect();
        sorted.sort_by(f32::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let at = |share: f64| sorted.get((last * share).round() as usize).copied().unwrap_or(0.0);
        let low = at(from);
        Self { low, high: at(to).max(low + least) }
    }

    /// From 0 to nearly the largest.
    #[must_use]
    pub fn of_errors(values: impl Iterator<Item = f32>, least: f32) -> Self {
        Self { low: 0.0, high: Self::of(values, [0.0, 0.995], least).high.max(least) }
    }

    /// The colour of a value in a map from the lower end to the upper.
    #[must_use]
    pub fn colour(self, map: Gradient, value: f32) -> Colour {
        let share = f64::from((value - self.low) / (self.high - self.low));
        map.eval_continuous(share.clamp(0.0, 1.0)).into_array()
    }
}

/// Frames `[3, frames, height, width]` of levels from 0 to 255, not yet cut to that range.
#[derive(Debug, Clone)]
pub struct Frames {
    /// Of a frame, in pixels.
    pub width: usize,
    /// Of a frame, in pixels.
    pub height: usize,
    /// How many there are.
    pub frames: usize,
    /// All levels.
    pub levels: Vec<f32>,
}

impl Frames {
    /// Undoes a normalization to `(level / 255 - mean) / std`, channel by channel.
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

    /// Where in `levels` a channel of a frame is.
    fn plane(&self, channel: usize, frame: usize) -> &[f32] {
        let size = self.width * self.height;
        let at = (channel * self.frames + frame) * size;
        self.levels.get(at..at + size).unwrap_or_default()
    }

    /// A frame as a picture.
    #[must_use]
    pub fn picture(&self, frame: usize) -> RgbImage {
        let planes = [0, 1, 2].map(|channel| self.plane(channel, frame));
        image([self.width, self.height], |x, y| {
            let level = |plane: &[f32]| plane.get(y * self.width + x).copied().unwrap_or_default();
            // The cast cuts to 0 and 255.
            planes.map(|plane| level(plane).round() as u8)
        })
    }

    /// The mean over channels of how far two are apart, pixel by pixel, `[frames, height, width]`.
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

/// A picture by its pixels, `[width, height]`.
pub(crate) fn image(
    [width, height]: [usize; 2],
    pixel: impl Fn(usize, usize) -> Colour,
) -> RgbImage {
    RgbImage::from_fn(width as u32, height as u32, |x, y| Rgb(pixel(x as usize, y as usize)))
}

/// A picture at the size `[width, height]` of a cell: whole pixels where that is a multiple, else
/// filtered.
#[must_use]
pub fn fitted(picture: &RgbImage, [width, height]: [usize; 2]) -> RgbImage {
    let (width, height) = (width as u32, height as u32);
    let whole = width.is_multiple_of(picture.width()) && height.is_multiple_of(picture.height());
    let filter = if whole { FilterType::Nearest } else { FilterType::CatmullRom };
    resize(picture, width, height, filter)
}

/// Natural logarithms of energies, normalized to `(value - mean) / std`, in dB.
#[must_use]
pub fn decibels([mean, std]: [f32; 2], normalized: &[f32]) -> Vec<f32> {
    normalized.iter().map(|value| DECIBEL * (value * std + mean)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ENERGY;

    #[test]
    fn frames_come_back_from_normalized_numbers() {
        let (mean, std) = ([0.4, 0.5, 0.6], [0.2, 0.3, 0.1]);
        let level = |at: usize| (at * 37 % 256) as f32;
        // 2 frames of 3 rows and 5 columns, channel by channel.
        let normalized: Vec<f32> =
            (0..90).map(|at| (level(at) / 255.0 - mean[at / 30]) / std[at / 30]).collect();
        let frames = Frames::new([2, 3, 5], [mean, std], &normalized);
        let pixel = frames.picture(1).get_pixel(2, 1).0;
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
    fn ranges_leave_out_a_few_and_are_never_empty() {
        let values = (0..1000).map(|i| if i == 999 { 1e9 } else { i as f32 });
        assert_eq!(Range::of(values.clone(), [0.01, 0.99], 1.0), Range { low: 10.0, high: 989.0 });
        assert_eq!(Range::of_errors(values, 1.0).high, 994.0);
        assert_eq!(Range::of([5.0; 3].into_iter(), [0.0, 1.0], 2.0), Range { low: 5.0, high: 7.0 });
        assert_eq!(Range::of_errors([].into_iter(), 1.0), Range { low: 0.0, high: 1.0 });
        let range = Range { low: 0.0, high: 2.0 };
        assert_eq!(range.colour(ENERGY, -4.0), range.colour(ENERGY, 0.0));
        assert_ne!(range.colour(ENERGY, 2.0), range.colour(ENERGY, 0.0));
    }

    #[test]
    fn small_pictures_grow_by_whole_pixels() {
        let picture = image([2, 1], |x, _| [x as u8, 2, 3]);
        let large = fitted(&picture, [4, 2]);
        let row = [[0, 2, 3], [0, 2, 3], [1, 2, 3], [1, 2, 3]].concat();
        assert_eq!(large.as_raw(), &[&*row, &*row].concat());
        assert_eq!(fitted(&picture, [3, 3]).dimensions(), (3, 3));
    }
}

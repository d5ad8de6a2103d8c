//! Locally assembled binary features: one bit for each of the eight neighbors of a 3 x 3 block, set
//! where the neighbor is no brighter than the block. The features feed the boosted classifiers, which
//! classify every window.

use super::WINDOW;
use crate::gray::Gray;

/// The side of a block, in pixels.
const BLOCK: usize = 3;
/// The number of blocks in a row of a feature.
const BLOCKS: usize = 3;
/// The last position of a feature in a window.
const LAST: usize = WINDOW - BLOCK * BLOCKS;
/// The number of features that are summed before the sum is compared with the threshold.
const GROUP: usize = 10;
/// A window with a smaller standard deviation of levels is flat.
const FLAT: f64 = 10.0;

/// The features of an image, and integral images for the standard deviation of a window.
pub(super) struct LabMap {
    width: usize,
    features: Vec<u8>,
    /// Sums of levels and of their squares above and left of each pixel, after a row and a column
    /// of zeros. The sums wrap. The sum of a window is a difference and fits 32 bits.
    sums: Vec<u32>,
    squares: Vec<u32>,
}

impl LabMap {
    pub(super) fn new(gray: &Gray) -> Self {
        let (width, height) = (gray.width, gray.height);
        let stride = width + 1;
        let mut sums = vec![0_u32; stride * (height + 1)];
        let mut squares = sums.clone();
        for (y, levels) in gray.levels.chunks_exact(width.max(1)).enumerate() {
            let (mut sum, mut square) = (0_u32, 0_u32);
            for (x, &level) in levels.iter().enumerate() {
                let (at, level) = (y * stride + x + 1, u32::from(level));
                sum = sum.wrapping_add(level);
                square = square.wrapping_add(level * level);
                let (above, square_above) = (get(&sums, at), get(&squares, at));
                set(&mut sums, at + stride, above.wrapping_add(sum));
                set(&mut squares, at + stride, square_above.wrapping_add(square));
            }
        }
        let mut map = Self { width, features: vec![0; width * height], sums, squares };
        map.fill(height);
        map
    }

    fn fill(&mut self, height: usize) {
        let size = BLOCK * BLOCKS;
        let (across, down) =
            ((self.width + 1).saturating_sub(BLOCK), (height + 1).saturating_sub(BLOCK));
        let mut blocks = Vec::with_capacity(across * down);
        for y in 0..down {
            blocks.extend((0..across).map(|x| self.sum(&self.sums, x, y, BLOCK)));
        }
        for y in 0..(height + 1).saturating_sub(size) {
            for x in 0..(self.width + 1).saturating_sub(size) {
                let block = |right: usize, below: usize| {
                    get(&blocks, (y + BLOCK * below) * across + x + BLOCK * right)
                };
                let middle = block(1, 1);
                let bit = |right, below, bit| if middle >= block(right, below) { bit } else { 0 };
                let feature = bit(0, 0, 0x80)
                    | bit(1, 0, 0x40)
                    | bit(2, 0, 0x20)
                    | bit(0, 1, 0x10)
                    | bit(2, 1, 0x08)
                    | bit(0, 2, 0x04)
                    | bit(1, 2, 0x02)
                    | bit(2, 2, 0x01);
                if let Some(place) = self.features.get_mut(y * self.width + x) {
                    *place = feature;
                }
            }
        }
    }

    /// Returns the sum over a square.
    fn sum(&self, sums: &[u32], x: usize, y: usize, side: usize) -> u32 {
        let stride = self.width + 1;
        let at = |x: usize, y: usize| get(sums, y * stride + x);
        at(x + side, y + side)
            .wrapping_sub(at(x, y + side))
            .wrapping_sub(at(x + side, y))
            .wrapping_add(at(x, y))
    }

    /// Returns the standard deviation of a window's levels.
    fn deviation(&self, x: usize, y: usize) -> f64 {
        let area = (WINDOW * WINDOW) as f64;
        let mean = f64::from(self.sum(&self.sums, x, y, WINDOW)) / area;
        let square = f64::from(self.sum(&self.squares, x, y, WINDOW)) / area;
        (square - mean * mean).sqrt()
    }
}

fn get(values: &[u32], at: usize) -> u32 {
    values.get(at).copied().unwrap_or(0)
}

fn set(values: &mut [u32], at: usize, value: u32) {
    if let Some(place) = values.get_mut(at) {
        *place = value;
    }
}

/// A boosted classifier: weights for each value of a feature, and minimum scores per group of
/// features.
pub(super) struct Boosted {
    features: Vec<Feature>,
}

/// A feature, by its position in the window.
pub(super) struct Feature {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) weights: Vec<f32>,
    /// The minimum score so far, used where this is the last feature of a group.
    pub(super) min_score: f32,
}

impl Boosted {
    /// Creates a classifier; returns `None` where a feature lies outside of the window.
    pub(super) fn new(features: Vec<Feature>) -> Option<Self> {
        let fits =
            |f: &Feature| f.x <= LAST && f.y <= LAST && f.weights.len() > usize::from(u8::MAX);
        (features.len().is_multiple_of(GROUP) && features.iter().all(fits))
            .then_some(Self { features })
    }

    /// Returns the score of the window at `(x, y)`, or `None` where it is no face.
    pub(super) fn score(&self, map: &LabMap, x: usize, y: usize) -> Option<f32> {
        let corner = y * map.width + x;
        let mut score = 0.0;
        for group in self.features.chunks_exact(GROUP) {
            let mut min_score = 0.0;
            for feature in group {
                let value = map.features.get(corner + feature.y * map.width + feature.x)?;
                score += feature.weights.get(usize::from(*value))?;
                min_score = feature.min_score;
            }
            if score < min_score {
                return None;
            }
        }
        (map.deviation(x, y) > FLAT).then_some(score)
    }
}

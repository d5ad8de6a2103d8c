//! Geometric augmentations: horizontal flip, crop, and downsampling.

use serde::{Deserialize, Serialize};

use super::{FrameStep, range, within};
use avff_media::{Frame, MediaError, SettingError, Stream, resize::resize};
use avff_rng::Rng;

/// Flips all frames of a sample horizontally.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// Probability of a flip.
    pub probability: f64,
}

/// Crops all frames of a sample to one box with the frames' aspect ratio, and resizes it back.
///
/// The crop applies to the fitted frame, not to the original, so it works with cached frames.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Minimum fraction of the frame's area. The fraction is uniform from here to 1, and the
    /// position uniform among all valid ones.
    pub min_area: f64,
}

/// Resizes all frames of a sample down and back up, like a clip that was rescaled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resample {
    /// Minimum and maximum scale of a side, up to 1; uniform in between.
    pub scale: (f64, f64),
}

/// A rectangle in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Flip {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.flip.probability", self.probability, 0.0, 1.0)
    }

    pub(super) fn draw(self, rng: &mut Rng) -> Option<FrameStep> {
        rng.bernoulli(self.probability).then_some(FrameStep::Flip)
    }
}

impl Crop {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.crop.min_area", self.min_area, 0.01, 1.0)
    }

    pub(super) fn draw(self, rng: &mut Rng, width: usize, height: usize) -> FrameStep {
        let side = rng.between(self.min_area, 1.0).sqrt();
        let (inner_width, inner_height) = (scaled(width, side), scaled(height, side));
        FrameStep::Crop(Area {
            left: rng.index(width - inner_width + 1),
            top: rng.index(height - inner_height + 1),
            width: inner_width,
            height: inner_height,
        })
    }
}

impl Resample {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        range("augment.resample.scale", self.scale, 0.01, 1.0)
    }

    pub(super) fn draw(self, rng: &mut Rng, width: usize, height: usize) -> FrameStep {
        let scale = rng.between(self.scale.0, self.scale.1);
        FrameStep::Resample { width: scaled(width, scale), height: scaled(height, scale) }
    }
}

/// Returns `side * scale`, rounded and clamped to 1 to `side`. Scales are at most 1.
fn scaled(side: usize, scale: f64) -> usize {
    ((side as f64 * scale).round() as usize).clamp(1, side.max(1))
}

impl Area {
    /// Crops a frame to the box and resizes it to the frame's size.
    pub(super) fn apply(self, frame: &Frame) -> Result<Frame, MediaError> {
        let columns = 3 * self.left..3 * (self.left + self.width);
        let rows = frame.rgb.chunks_exact(3 * frame.width.max(1)).skip(self.top);
        let rgb: Option<Vec<&[u8]>> =
            rows.take(self.height).map(|row| row.get(columns.clone())).collect();
        let Some(rgb) = rgb else {
            let what = "a frame is smaller than its crop box".into();
            return Err(MediaError::Damaged { stream: Stream::Video, what });
        };
        let inner = Frame { width: self.width, height: self.height, rgb: rgb.concat() };
        resize(&inner, frame.width, frame.height)
    }
}

/// Flips a frame horizontally in place.
pub(super) fn flip(frame: &mut Frame) {
    for row in frame.rgb.chunks_exact_mut(3 * frame.width.max(1)) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

/// Resizes a frame down and back up.
pub(super) fn resample(frame: &Frame, width: usize, height: usize) -> Result<Frame, MediaError> {
    resize(&resize(frame, width, height)?, frame.width, frame.height)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    fn rng(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Crop)
    }

    /// Each pixel encodes its position: red is the column, green the row.
    fn positions(width: usize, height: usize) -> Frame {
        let pixel = |i: usize| [(i % width) as u8, (i / width) as u8, 9];
        Frame { width, height, rgb: (0..width * height).flat_map(pixel).collect() }
    }

    #[test]
    fn flip_mirrors_columns_and_is_its_own_inverse() {
        let mut frame = positions(5, 3);
        flip(&mut frame);
        for (index, pixel) in frame.rgb.chunks_exact(3).enumerate() {
            assert_eq!(pixel, [(4 - index % 5) as u8, (index / 5) as u8, 9]);
        }
        flip(&mut frame);
        assert_eq!(frame, positions(5, 3));
        let count = (0..2_000)
            .filter(|&row| Flip { probability: 0.25 }.draw(&mut rng(row)).is_some())
            .count();
        // Standard deviation 19.4; the tolerance is five deviations.
        assert!((403..=597).contains(&count), "{count} of 2,000 at 1/4");
    }

    #[test]
    fn crop_is_resized_to_frame_size() {
        let area = Area { left: 20, top: 4, width: 12, height: 8 };
        let out = area.apply(&positions(48, 32)).unwrap();
        assert_eq!((out.width, out.height), (48, 32));
        // Scaled up by 4: column x shows 20 + (x + 0.5) / 4 - 0.5, clamped at the borders of the
        // box.
        for (index, pixel) in out.rgb.chunks_exact(3).enumerate() {
            let at = |index: usize, from: f64, len: f64| {
                from + ((index as f64 + 0.5) / 4.0 - 0.5).clamp(0.0, len - 1.0)
            };
            let expected = [at(index % 48, 20.0, 12.0), at(index / 48, 4.0, 8.0)];
            assert!(
                (f64::from(pixel[0]) - expected[0]).abs() <= 0.51,
                "{pixel:?} expected {expected:?}"
            );
            assert!(
                (f64::from(pixel[1]) - expected[1]).abs() <= 0.51,
                "{pixel:?} expected {expected:?}"
            );
        }
        assert!(area.apply(&positions(16, 16)).is_err());
    }

    #[test]
    fn crop_boxes_lie_inside_and_cover_the_frame() {
        let (mut smallest, mut corners) = (1.0_f64, [false; 4]);
        for row in 0..3_000 {
            let FrameStep::Crop(area) = Crop { min_area: 0.25 }.draw(&mut rng(row), 40, 20) else {
                unreachable!()
            };
            let (right, bottom) = (area.left + area.width, area.top + area.height);
            assert!(right <= 40 && bottom <= 20 && area.width >= 20 && area.height >= 10);
            smallest = smallest.min((area.width * area.height) as f64 / 800.0);
            corners[0] |= area.left == 0 && area.width < 30;
            corners[1] |= right == 40 && area.width < 30;
            corners[2] |= area.top == 0 && area.height < 15;
            corners[3] |= bottom == 20 && area.height < 15;
        }
        assert!(smallest < 0.27 && corners == [true; 4], "{smallest} {corners:?}");
    }

    #[test]
    fn resampling_blurs_detail_and_preserves_flat_areas() {
        let stripes = Frame { width: 16, height: 2, rgb: [[0; 3], [200; 3]].repeat(16).concat() };
        let out = resample(&stripes, 8, 2).unwrap();
        assert_eq!((out.width, out.height), (16, 2));
        assert!(out.rgb.iter().all(|&level| level.abs_diff(100) < 40), "{:?}", out.rgb);
        let flat = Frame { width: 16, height: 2, rgb: vec![77; 96] };
        assert_eq!(resample(&flat, 5, 1).unwrap(), flat);
        let FrameStep::Resample { width, height } =
            Resample { scale: (0.5, 0.5) }.draw(&mut rng(0), 16, 3)
        else {
            unreachable!()
        };
        assert_eq!((width, height), (8, 2));
    }
}

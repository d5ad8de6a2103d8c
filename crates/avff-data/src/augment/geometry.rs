//! Where the pixels of a picture come from: mirrored, a part of the picture, a coarser picture.

use serde::{Deserialize, Serialize};

use super::{FrameStep, range, within};
use avff_media::{Frame, MediaError, SettingError, Stream, resize::resize};
use avff_rng::Rng;

/// Mirrors all pictures of a sample, left to right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// How likely.
    pub probability: f64,
}

/// Cuts one box out of all pictures of a sample, of the pictures' aspect ratio, and resizes it back.
///
/// The box is cut out of the fitted picture and not the original, so that cached pictures will do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// The smallest share of the picture's area; the share is uniform from here to 1, the place
    /// uniform among all that hold the box.
    pub min_area: f64,
}

/// Resizes all pictures of a sample down and back up, as a clip that was scaled on its way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resample {
    /// The smallest and the largest scale of a side, up to 1; uniform in between.
    pub scale: (f64, f64),
}

/// A box in a picture.
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

    pub(super) fn draw(self, draws: &mut Rng) -> Option<FrameStep> {
        draws.chance(self.probability).then_some(FrameStep::Flip)
    }
}

impl Crop {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.crop.min_area", self.min_area, 0.01, 1.0)
    }

    pub(super) fn draw(self, draws: &mut Rng, width: usize, height: usize) -> FrameStep {
        let side = draws.between(self.min_area, 1.0).sqrt();
        let (inner_width, inner_height) = (scaled(width, side), scaled(height, side));
        FrameStep::Crop(Area {
            left: draws.index(width - inner_width + 1),
            top: draws.index(height - inner_height + 1),
            width: inner_width,
            height: inner_height,
        })
    }
}

impl Resample {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        range("augment.resample.scale", self.scale, 0.01, 1.0)
    }

    pub(super) fn draw(self, draws: &mut Rng, width: usize, height: usize) -> FrameStep {
        let scale = draws.between(self.scale.0, self.scale.1);
        FrameStep::Resample { width: scaled(width, scale), height: scaled(height, scale) }
    }
}

/// `side * scale` to the nearest, from 1 to `side`; scales are at most 1.
fn scaled(side: usize, scale: f64) -> usize {
    ((side as f64 * scale).round() as usize).clamp(1, side.max(1))
}

impl Area {
    /// What is in the box, at the size of the picture.
    pub(super) fn apply(self, picture: &Frame) -> Result<Frame, MediaError> {
        let columns = 3 * self.left..3 * (self.left + self.width);
        let rows = picture.rgb.chunks_exact(3 * picture.width.max(1)).skip(self.top);
        let rgb: Option<Vec<&[u8]>> =
            rows.take(self.height).map(|row| row.get(columns.clone())).collect();
        let Some(rgb) = rgb else {
            let what = "a picture is smaller than the box to be cut out of it".into();
            return Err(MediaError::Damaged { stream: Stream::Video, what });
        };
        let inner = Frame { width: self.width, height: self.height, rgb: rgb.concat() };
        resize(&inner, picture.width, picture.height)
    }
}

/// Mirrors a picture in place.
pub(super) fn flip(picture: &mut Frame) {
    for row in picture.rgb.chunks_exact_mut(3 * picture.width.max(1)) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

/// A picture that was smaller in between.
pub(super) fn resample(picture: &Frame, width: usize, height: usize) -> Result<Frame, MediaError> {
    resize(&resize(picture, width, height)?, picture.width, picture.height)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    fn draws(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Crop)
    }

    /// Every pixel tells its place: red the column, green the row.
    fn places(width: usize, height: usize) -> Frame {
        let pixel = |i: usize| [(i % width) as u8, (i / width) as u8, 9];
        Frame { width, height, rgb: (0..width * height).flat_map(pixel).collect() }
    }

    #[test]
    fn flipping_mirrors_columns_and_twice_is_nothing() {
        let mut picture = places(5, 3);
        flip(&mut picture);
        for (index, pixel) in picture.rgb.chunks_exact(3).enumerate() {
            assert_eq!(pixel, [(4 - index % 5) as u8, (index / 5) as u8, 9]);
        }
        flip(&mut picture);
        assert_eq!(picture, places(5, 3));
        let count = (0..2_000)
            .filter(|&row| Flip { probability: 0.25 }.draw(&mut draws(row)).is_some())
            .count();
        // Deviation 19.4; five are allowed.
        assert!((403..=597).contains(&count), "{count} of 2,000 at 1/4");
    }

    #[test]
    fn a_box_is_resized_to_the_whole() {
        let area = Area { left: 20, top: 4, width: 12, height: 8 };
        let out = area.apply(&places(48, 32)).unwrap();
        assert_eq!((out.width, out.height), (48, 32));
        // Scaled up by 4: column x shows 20 + (x + 0.5) / 4 - 0.5, held at the box's borders.
        for (index, pixel) in out.rgb.chunks_exact(3).enumerate() {
            let at = |place: usize, from: f64, len: f64| {
                from + ((place as f64 + 0.5) / 4.0 - 0.5).clamp(0.0, len - 1.0)
            };
            let want = [at(index % 48, 20.0, 12.0), at(index / 48, 4.0, 8.0)];
            assert!((f64::from(pixel[0]) - want[0]).abs() <= 0.51, "{pixel:?} for {want:?}");
            assert!((f64::from(pixel[1]) - want[1]).abs() <= 0.51, "{pixel:?} for {want:?}");
        }
        assert!(area.apply(&places(16, 16)).is_err());
    }

    #[test]
    fn boxes_lie_inside_and_reach_everywhere() {
        let (mut smallest, mut corners) = (1.0_f64, [false; 4]);
        for row in 0..3_000 {
            let FrameStep::Crop(area) = Crop { min_area: 0.25 }.draw(&mut draws(row), 40, 20)
            else {
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
    fn resampling_blurs_what_is_finer_and_keeps_what_is_flat() {
        let stripes = Frame { width: 16, height: 2, rgb: [[0; 3], [200; 3]].repeat(16).concat() };
        let out = resample(&stripes, 8, 2).unwrap();
        assert_eq!((out.width, out.height), (16, 2));
        assert!(out.rgb.iter().all(|&level| level.abs_diff(100) < 40), "{:?}", out.rgb);
        let flat = Frame { width: 16, height: 2, rgb: vec![77; 96] };
        assert_eq!(resample(&flat, 5, 1).unwrap(), flat);
        let FrameStep::Resample { width, height } =
            Resample { scale: (0.5, 0.5) }.draw(&mut draws(0), 16, 3)
        else {
            unreachable!()
        };
        assert_eq!((width, height), (8, 2));
    }
}

//! Pictures as if they had been saved as JPEG on their way.

use image::{ExtendedColorType, ImageFormat, codecs::jpeg::JpegEncoder};
use serde::{Deserialize, Serialize};

use super::{FrameStep, range};
use avff_media::{Frame, MediaError, SettingError, Stream};
use avff_rng::Rng;

/// Codes all pictures of a sample as JPEG of one quality, and decodes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jpeg {
    /// The lowest and the highest quality, of 1 to 100 as in libjpeg; each in between is as likely.
    pub quality: (u8, u8),
}

impl Jpeg {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        let (low, high) = self.quality;
        range("augment.jpeg.quality", (low.into(), high.into()), 1.0, 100.0)
    }

    pub(super) fn draw(self, draws: &mut Rng) -> FrameStep {
        let (low, high) = self.quality;
        // At most 100 steps.
        let step = draws.index(usize::from(high.saturating_sub(low)) + 1) as u8;
        FrameStep::Jpeg(low.saturating_add(step))
    }
}

/// What is left of a picture after JPEG.
pub(super) fn recode(picture: &Frame, quality: u8) -> Result<Frame, MediaError> {
    let fault = |what: String| MediaError::Damaged { stream: Stream::Video, what };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    if picture.rgb.len() != picture.width.saturating_mul(picture.height).saturating_mul(3) {
        return Err(fault("a picture has not as many bytes as pixels".into()));
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(&picture.rgb, side(picture.width), side(picture.height), ExtendedColorType::Rgb8)
        .map_err(|error| fault(format!("cannot be coded as JPEG: {error}")))?;
    let decoded = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg)
        .map_err(|error| fault(format!("does not survive JPEG: {error}")))?;
    Ok(Frame { rgb: decoded.into_rgb8().into_raw(), ..*picture })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    #[test]
    fn flat_pictures_survive_and_detail_goes_with_quality() {
        // Level 128 is zero after JPEG's shift: exact at any quality.
        let grey = Frame { width: 20, height: 12, rgb: vec![128; 720] };
        assert_eq!(recode(&grey, 10).unwrap(), grey);
        let rgb = (0..64 * 40 * 3).map(|i| ((i * i * 31 + i) % 256) as u8).collect();
        let noise = Frame { width: 64, height: 40, rgb };
        let error = |quality| {
            let out = recode(&noise, quality).unwrap();
            assert_eq!((out.width, out.height, out.rgb.len()), (64, 40, noise.rgb.len()));
            let sum: u32 =
                out.rgb.iter().zip(&noise.rgb).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            f64::from(sum) / noise.rgb.len() as f64
        };
        let errors = [5, 25, 50, 75, 95].map(error);
        assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
    }

    #[test]
    fn every_quality_of_the_range_comes_up() {
        let jpeg = Jpeg { quality: (98, 100) };
        let mut seen = [0; 101];
        for row in 0..300 {
            let mut draws = RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Jpeg);
            let FrameStep::Jpeg(quality) = jpeg.draw(&mut draws) else { unreachable!() };
            seen[usize::from(quality)] += 1;
        }
        // 100 each, deviation 8.2; five are allowed.
        assert!(seen[98..].iter().all(|count| (59..=141).contains(count)), "{seen:?}");
        assert_eq!(seen.iter().sum::<i32>(), 300);
    }
}

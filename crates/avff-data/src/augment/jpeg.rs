//! JPEG compression of frames.

use image::{ExtendedColorType, ImageFormat, codecs::jpeg::JpegEncoder};
use serde::{Deserialize, Serialize};

use super::{FrameStep, range};
use avff_media::{Frame, MediaError, SettingError, Stream};
use avff_rng::Rng;

/// Encodes all frames of a sample as JPEG with one quality, and decodes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jpeg {
    /// Minimum and maximum quality, from 1 to 100 as in libjpeg; uniform in between.
    pub quality: (u8, u8),
}

impl Jpeg {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        let (low, high) = self.quality;
        range("augment.jpeg.quality", (low.into(), high.into()), 1.0, 100.0)
    }

    pub(super) fn draw(self, rng: &mut Rng) -> FrameStep {
        let (low, high) = self.quality;
        // At most 100 values.
        let step = rng.index(usize::from(high.saturating_sub(low)) + 1) as u8;
        FrameStep::Jpeg(low.saturating_add(step))
    }
}

/// Encodes a frame as JPEG and decodes it.
pub(super) fn recode(frame: &Frame, quality: u8) -> Result<Frame, MediaError> {
    let damaged = |what: String| MediaError::Damaged { stream: Stream::Video, what };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    if frame.rgb.len() != frame.width.saturating_mul(frame.height).saturating_mul(3) {
        return Err(damaged("the byte count of a frame does not match its size".into()));
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(&frame.rgb, side(frame.width), side(frame.height), ExtendedColorType::Rgb8)
        .map_err(|error| damaged(format!("cannot encode as JPEG: {error}")))?;
    let decoded = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg)
        .map_err(|error| damaged(format!("cannot decode the JPEG: {error}")))?;
    Ok(Frame { rgb: decoded.into_rgb8().into_raw(), ..*frame })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    #[test]
    fn flat_frames_are_exact_and_error_falls_with_quality() {
        // Level 128 is zero after JPEG's level shift, so it is exact at any quality.
        let gray = Frame { width: 20, height: 12, rgb: vec![128; 720] };
        assert_eq!(recode(&gray, 10).unwrap(), gray);
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
    fn all_qualities_of_the_range_occur() {
        let jpeg = Jpeg { quality: (98, 100) };
        let mut seen = [0; 101];
        for row in 0..300 {
            let mut rng = RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Jpeg);
            let FrameStep::Jpeg(quality) = jpeg.draw(&mut rng) else { unreachable!() };
            seen[usize::from(quality)] += 1;
        }
        // 100 each, standard deviation 8.2; the tolerance is five deviations.
        assert!(seen[98..].iter().all(|count| (59..=141).contains(count)), "{seen:?}");
        assert_eq!(seen.iter().sum::<i32>(), 300);
    }
}

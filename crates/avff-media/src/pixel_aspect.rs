//! Pixels that are not square: their aspect ratio, and frames resized to square pixels.
//!
//! DVDs, DV and some broadcasts store frames that are shown wider or higher than they have pixels.
//! [`square_pixels`] resizes such a frame to the size at which it is shown.

use std::borrow::Cow;

use crate::{
    error::MediaError,
    frame::Frame,
    mp4::{Fields, MAX_DIMENSION},
    resize::{check, resize},
    sps::MAX_MACROBLOCKS,
};

/// The width and height of a square pixel.
pub const SQUARE: (u32, u32) = (1, 1);
/// The largest ratio of the sides of a pixel. Real ones stay below 3.
const MAX_RATIO: u64 = 16;
/// The limit on pixels of a frame in square pixels: the limit on the frames of a video.
const MAX_PIXELS: u64 = 256 * MAX_MACROBLOCKS;

/// Returns a ratio in lowest terms. A side of zero, or a ratio beyond 16 to 1, counts as square:
/// only damaged and hostile files have them.
#[must_use]
pub fn checked((width, height): (u32, u32)) -> (u32, u32) {
    let is_possible = |a: u32, b: u32| u64::from(a) <= MAX_RATIO * u64::from(b);
    if width == 0 || height == 0 || !is_possible(width, height) || !is_possible(height, width) {
        return SQUARE;
    }
    lowest_terms(width.into(), height.into()).unwrap_or(SQUARE)
}

/// Returns a ratio in lowest terms; `None` where a side is zero or does not fit.
pub(crate) fn lowest_terms(width: u64, height: u64) -> Option<(u32, u32)> {
    let (mut divisor, mut rest) = (width, height);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let side = |side: u64| u32::try_from(side.checked_div(divisor)?).ok().filter(|&side| side > 0);
    side(width).zip(side(height))
}

/// Returns the size at which a frame of `width` by `height` pixels of the ratio `aspect` is shown.
/// One side grows, none shrinks.
#[must_use]
pub fn square_size((width, height): (usize, usize), aspect: (u32, u32)) -> (usize, usize) {
    let (across, down) = checked(aspect);
    if across >= down {
        (scaled(width, across, down), height)
    } else {
        (width, scaled(height, down, across))
    }
}

/// Returns `side * to / from`, rounded to nearest.
fn scaled(side: usize, to: u32, from: u32) -> usize {
    // u128: the product cannot overflow.
    let (side, to, from) = (side as u128, u128::from(to), u128::from(from));
    usize::try_from((2 * side * to + from) / (2 * from)).unwrap_or(usize::MAX)
}

/// Resizes a frame whose pixels have the ratio `aspect` to square pixels, by Pillow's bilinear
/// filter. A frame of square pixels is returned as it is.
///
/// # Errors
/// [`MediaError::Damaged`] when the frame has no pixels or not `3 * width * height` bytes.
/// [`MediaError::TooLarge`] when the frame is shown wider or higher than 8192 pixels, or with more than
/// 37,748,736 pixels.
pub fn square_pixels(frame: &Frame, aspect: (u32, u32)) -> Result<Cow<'_, Frame>, MediaError> {
    check(frame)?;
    let size = (frame.width, frame.height);
    let (width, height) = square_size(size, aspect);
    if (width, height) == size {
        return Ok(Cow::Borrowed(frame));
    }
    for (what, side) in
        [("frame width in square pixels", width), ("frame height in square pixels", height)]
    {
        let value = side as u64;
        if value > MAX_DIMENSION {
            return Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION });
        }
    }
    // A frame that is resized takes five times the memory of a frame that is stored.
    let (what, value) = ("frame size in square pixels", width as u64 * height as u64);
    if value > MAX_PIXELS {
        return Err(MediaError::TooLarge { what, value, limit: MAX_PIXELS });
    }
    resize(frame, width, height).map(Cow::Owned)
}

/// Returns the ratio of a clip, in FFmpeg's order: the container's, else the codec's, else square.
/// A side of zero means that a ratio is unknown.
pub(crate) fn first_known(ratios: [Option<(u32, u32)>; 2]) -> (u32, u32) {
    let is_known = |ratio: &(u32, u32)| ratio.0 != 0 && ratio.1 != 0;
    ratios.into_iter().flatten().find(is_known).map_or(SQUARE, checked)
}

/// Reads a `pasp` box (ISO/IEC 14496-12 section 12.1.4). A box that ends early is ignored, as frames
/// decode without it.
pub(crate) fn of_pasp(body: &[u8]) -> Option<(u32, u32)> {
    let mut fields = Fields::new("pasp", body);
    fields.u32().ok().zip(fields.u32().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn sizes_are_those_that_players_show() {
        for (size, aspect, expected) in [
            ((720, 576), (64, 45), (1024, 576)),
            ((720, 576), (16, 15), (768, 576)),
            ((720, 480), (8, 9), (720, 540)),
            ((1440, 1080), (4, 3), (1920, 1080)),
            ((480, 720), (9, 8), (540, 720)),
            ((720, 576), (1, 1), (720, 576)),
            ((720, 576), (7, 7), (720, 576)),
            // 33 * 12 / 11 is 36; 1 * 12 / 11 is rounded.
            ((33, 5), (12, 11), (36, 5)),
            ((1, 5), (12, 11), (1, 5)),
        ] {
            assert_eq!(square_size(size, aspect), expected, "{size:?} {aspect:?}");
        }
    }

    #[test]
    fn absurd_ratios_count_as_square() {
        for aspect in [(0, 0), (0, 1), (1, 0), (17, 1), (1, 17), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(checked(aspect), SQUARE, "{aspect:?}");
            assert_eq!(square_size((9, 7), aspect), (9, 7));
        }
        assert_eq!(checked((32, 2)), (16, 1));
        assert_eq!(checked((1, 16)), (1, 16));
        assert_eq!(checked((u32::MAX, u32::MAX)), SQUARE);
        assert_eq!(checked((1_422_222, 1_000_000)), (711_111, 500_000));
    }

    #[test]
    fn frames_are_widened_or_heightened_by_the_bilinear_filter() {
        let frame = Frame { width: 2, height: 2, rgb: [0, 100, 40, 200].repeat(3) };
        for (aspect, size) in [((2, 1), (4, 2)), ((1, 3), (2, 6))] {
            let square = square_pixels(&frame, aspect).unwrap();
            assert_eq!(*square, resize(&frame, size.0, size.1).unwrap());
        }
        assert!(matches!(square_pixels(&frame, (5, 5)).unwrap(), Cow::Borrowed(_)));
        let wide = Frame { width: 8192, height: 1, rgb: vec![0; 3 * 8192] };
        let error = square_pixels(&wide, (4, 3)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "frame width in square pixels of 10923 is over the limit of 8192"
        );
        let high = Frame { width: 4096, height: 8192, rgb: vec![0; 3 * 4096 * 8192] };
        let error = square_pixels(&high, (2, 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "frame size in square pixels of 67108864 is over the limit of 37748736"
        );
        let broken = Frame { width: 2, height: 2, rgb: vec![0; 3] };
        assert!(matches!(square_pixels(&broken, (2, 1)), Err(MediaError::Damaged { .. })));
    }

    #[test]
    fn container_overrides_the_codec() {
        assert_eq!(first_known([Some((4, 3)), Some((16, 11))]), (4, 3));
        assert_eq!(first_known([Some((1, 1)), Some((16, 11))]), SQUARE);
        assert_eq!(first_known([None, Some((32, 22))]), (16, 11));
        assert_eq!(first_known([Some((0, 1)), Some((16, 11))]), (16, 11));
        assert_eq!(first_known([Some((99, 1)), Some((16, 11))]), SQUARE);
        assert_eq!(first_known([None, None]), SQUARE);
        assert_eq!(of_pasp(&[0, 0, 0, 64, 0, 0, 0, 45, 9]), Some((64, 45)));
        assert_eq!(of_pasp(&[0, 0, 0, 64, 0, 0, 0]), None);
    }
}

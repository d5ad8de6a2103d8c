//! Fits a frame to the spec's size: resize, center crop or letterbox.

use avff_media::{
    Frame, MediaError,
    pixel_aspect::square_pixels,
    resize::{check, check_sides, resize},
};

use crate::spec::FrameFit;

/// Fits `frame` to `width` by `height` with the given method.
///
/// Padding is black (zero bytes, before normalization).
///
/// # Errors
/// See [`resize`].
pub fn fit(frame: &Frame, fit: FrameFit, width: usize, height: usize) -> Result<Frame, MediaError> {
    match fit {
        FrameFit::Resize => resize(frame, width, height),
        FrameFit::CenterCrop => center_crop(frame, width, height),
        FrameFit::Letterbox => letterbox(frame, width, height),
    }
}

/// Fits a frame whose pixels have the width and height `aspect`, as [`fit`] fits a frame of square
/// pixels.
///
/// A crop and a letterbox preserve proportions, so the frame is first resized to square pixels.
/// [`FrameFit::Resize`] preserves none, and resizes the stored frame once.
///
/// # Errors
/// See [`resize`] and [`square_pixels`].
pub fn fit_displayed(
    frame: &Frame,
    aspect: (u32, u32),
    method: FrameFit,
    width: usize,
    height: usize,
) -> Result<Frame, MediaError> {
    match method {
        FrameFit::Resize => fit(frame, method, width, height),
        FrameFit::CenterCrop | FrameFit::Letterbox => {
            fit(&*square_pixels(frame, aspect)?, method, width, height)
        }
    }
}

/// Implements torchvision's `CenterCrop((height, width))` on an image: pads with black to at least
/// the target size, then crops.
///
/// # Errors
/// See [`resize`].
pub fn center_crop(frame: &Frame, width: usize, height: usize) -> Result<Frame, MediaError> {
    check(frame)?;
    check_sides(width, height)?;
    let mut out = Frame { width, height, rgb: vec![0; 3 * width * height] };
    copy(frame, &mut out, Span::new(frame.width, width), Span::new(frame.height, height));
    Ok(out)
}

/// Scales the frame to the largest size that fits, preserving its aspect ratio, and centers it on
/// black.
///
/// # Errors
/// See [`resize`].
pub fn letterbox(frame: &Frame, width: usize, height: usize) -> Result<Frame, MediaError> {
    check(frame)?;
    // u128: the product of two sides cannot overflow.
    let sides = [frame.width, frame.height, width, height].map(|side| side as u128);
    let [from_width, from_height, to_width, to_height] = sides;
    let (inner_width, inner_height) = if from_width * to_height >= from_height * to_width {
        (width, scaled(from_height, to_width, from_width).min(height))
    } else {
        (scaled(from_width, to_height, from_height).min(width), height)
    };
    let inner = resize(frame, inner_width, inner_height)?;
    center_crop(&inner, width, height)
}

/// Returns `side * to / from`, rounded and at least 1.
fn scaled(side: u128, to: u128, from: u128) -> usize {
    usize::try_from((2 * side * to + from) / (2 * from)).unwrap_or(usize::MAX).max(1)
}

/// The mapping of one axis: `len` samples from `from` in the source to `to` in the result.
struct Span {
    from: usize,
    to: usize,
    len: usize,
}

impl Span {
    /// Computes torchvision's offsets. Padding puts the odd sample after the frame. Cropping uses
    /// Python's `round`, which rounds halves to even.
    fn new(source: usize, target: usize) -> Self {
        match source.checked_sub(target) {
            None => Self { from: 0, to: (target - source) / 2, len: source },
            Some(excess) => {
                let half = excess / 2;
                Self { from: half + (excess % 2) * (half % 2), to: 0, len: target }
            }
        }
    }
}

fn copy(frame: &Frame, out: &mut Frame, across: Span, down: Span) {
    let (from_stride, to_stride) = (3 * frame.width, 3 * out.width);
    let rows = frame.rgb.chunks_exact(from_stride).skip(down.from).take(down.len);
    for (to, from) in out.rgb.chunks_exact_mut(to_stride).skip(down.to).zip(rows) {
        let to = to.get_mut(3 * across.to..3 * (across.to + across.len));
        let from = from.get(3 * across.from..3 * (across.from + across.len));
        if let (Some(to), Some(from)) = (to, from) {
            to.copy_from_slice(from);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A row whose red channel counts from 1.
    fn ramp(width: usize) -> Frame {
        let rgb = (1..=width).flat_map(|x| [x as u8, 0, 0]).collect();
        Frame { width, height: 1, rgb }
    }

    fn reds(frame: &Frame) -> Vec<u8> {
        frame.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn crop_offsets_match_torchvision() {
        // (width, crop, reds): `int(round((w - crop) / 2.0))`, after `(crop - w) // 2` of padding.
        let cases: [(usize, usize, &[u8]); 8] = [
            (4, 4, &[1, 2, 3, 4]),
            (5, 4, &[1, 2, 3, 4]),    // round(0.5) = 0
            (6, 4, &[2, 3, 4, 5]),    // round(1.0) = 1
            (7, 4, &[3, 4, 5, 6]),    // round(1.5) = 2
            (9, 4, &[3, 4, 5, 6]),    // round(2.5) = 2
            (3, 4, &[1, 2, 3, 0]),    // 0 before, 1 after
            (2, 5, &[0, 1, 2, 0, 0]), // 1 before, 2 after
            (1, 4, &[0, 1, 0, 0]),
        ];
        for (width, crop, expected) in cases {
            let across = center_crop(&ramp(width), crop, 1).unwrap();
            assert_eq!(reds(&across), expected, "{width} to {crop}");
            let column = Frame { width: 1, height: width, rgb: ramp(width).rgb };
            assert_eq!(
                reds(&center_crop(&column, 1, crop).unwrap()),
                expected,
                "{width} to {crop}"
            );
        }
    }

    #[test]
    fn crop_pads_one_axis_and_cuts_the_other() {
        let out = center_crop(&ramp(4), 2, 3).unwrap();
        assert_eq!(reds(&out), [0, 0, 2, 3, 0, 0]);
    }

    #[test]
    fn letterbox_preserves_aspect_ratio() {
        let white = |width, height| Frame { width, height, rgb: vec![255; 3 * width * height] };
        // (width, height, number of white rows of 224): 320 x 240 takes 168 rows.
        for (width, height, rows) in [(320, 240, 168), (640, 360, 126), (224, 224, 224)] {
            let out = letterbox(&white(width, height), 224, 224).unwrap();
            let white_rows: Vec<bool> =
                out.rgb.chunks_exact(672).map(|row| row[0] == 255).collect();
            assert_eq!(white_rows.iter().filter(|&&white_rows| white_rows).count(), rows);
            assert_eq!(
                white_rows.iter().position(|&white_rows| white_rows),
                Some((224 - rows) / 2)
            );
            assert!(out.rgb.chunks_exact(672).all(|row| row.iter().all(|&level| level == row[0])));
        }
        let tall = letterbox(&white(240, 320), 224, 224).unwrap();
        assert_eq!(reds(&tall)[..224].iter().filter(|&&level| level == 255).count(), 168);
    }

    #[test]
    fn pixels_are_square_before_a_crop_or_a_letterbox() {
        let rgb = (0..3 * 720 * 576).map(|level| (level / 97) as u8).collect();
        let frame = Frame { width: 720, height: 576, rgb };
        let square = resize(&frame, 1024, 576).unwrap();
        for method in [FrameFit::CenterCrop, FrameFit::Letterbox] {
            let fitted = fit_displayed(&frame, (64, 45), method, 224, 224).unwrap();
            assert!(fitted == fit(&square, method, 224, 224).unwrap(), "{method:?}");
            let unchanged = fit_displayed(&frame, (1, 1), method, 224, 224).unwrap();
            assert!(unchanged == fit(&frame, method, 224, 224).unwrap(), "{method:?}");
        }
        // 1024 x 576 takes 126 of 224 rows.
        let white = Frame { rgb: vec![255; 3 * 720 * 576], ..frame.clone() };
        let boxed = fit_displayed(&white, (64, 45), FrameFit::Letterbox, 224, 224).unwrap();
        assert_eq!(boxed.rgb.chunks_exact(672).filter(|row| row[0] == 255).count(), 126);
        let resized = fit_displayed(&frame, (64, 45), FrameFit::Resize, 224, 224).unwrap();
        assert!(resized == resize(&frame, 224, 224).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_fit_gives_the_size(
            (width, height) in (1..600_usize, 1..600_usize),
            (to_width, to_height) in (1..300_usize, 1..300_usize),
        ) {
            let frame = Frame { width, height, rgb: vec![200; 3 * width * height] };
            for &method in <FrameFit as strum::VariantArray>::VARIANTS {
                let out = fit(&frame, method, to_width, to_height).unwrap();
                prop_assert_eq!((out.width, out.height), (to_width, to_height));
                prop_assert_eq!(out.rgb.len(), 3 * to_width * to_height);
                prop_assert!(out.rgb.contains(&200), "the frame itself is missing");
            }
        }
    }
}

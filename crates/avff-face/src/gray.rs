//! Grayscale images, the input of the detector.

use crate::error::FaceError;
use avff_media::{Frame, frame::luma, resize::resize};

/// A grayscale image: rows from top to bottom, one byte per pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gray {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) levels: Vec<u8>,
}

impl Gray {
    /// Converts a frame to luma (ITU-R BT.601, as Pillow's `L`) and shrinks it until its shorter
    /// side is at most `shorter` pixels; never enlarges it. Also returns the factor that scales the
    /// result's coordinates to the frame's.
    ///
    /// # Errors
    /// The errors of [`resize`].
    pub(crate) fn from_frame(frame: &Frame, shorter: usize) -> Result<(Self, f64), FaceError> {
        let side = frame.width.min(frame.height);
        if side <= shorter {
            return Ok((Self::luma(frame), 1.0));
        }
        let factor = side as f64 / shorter as f64;
        let scaled = |length: usize| ((length as f64 / factor).round() as usize).max(1);
        let small = resize(frame, scaled(frame.width), scaled(frame.height))?;
        Ok((Self::luma(&small), factor))
    }

    fn luma(frame: &Frame) -> Self {
        let levels = frame.rgb.as_chunks::<3>().0.iter().copied().map(luma).collect();
        Self { width: frame.width, height: frame.height, levels }
    }

    /// Resizes by bilinear interpolation of the four nearest pixels, without antialiasing, as for
    /// the detector's training.
    pub(crate) fn resampled(&self, width: usize, height: usize) -> Self {
        if (self.width, self.height) == (width, height) {
            return self.clone();
        }
        let from = (self.width, self.height);
        sample(from, (width, height), |x, y| self.level(x as i64, y as i64))
    }

    /// Returns the square of `side` pixels from `(x, y)`, at least 2, resized to `size` pixels per
    /// side; black beyond the edges.
    pub(crate) fn window(&self, x: i32, y: i32, side: usize, size: usize) -> Self {
        let (left, top) = (i64::from(x), i64::from(y));
        let level = |x: usize, y: usize| self.level(left + x as i64, top + y as i64);
        sample((side, side), (size, size), level)
    }

    fn level(&self, x: i64, y: i64) -> u8 {
        let inside = |at: i64, length: usize| usize::try_from(at).ok().filter(|&at| at < length);
        let position = inside(x, self.width).zip(inside(y, self.height));
        position.and_then(|(x, y)| self.levels.get(y * self.width + x)).copied().unwrap_or(0)
    }
}

/// Samples bilinearly at the coordinates that rustface uses, which extrapolate past the last two
/// pixels. Both sides of `from` are at least 2.
fn sample(
    from: (usize, usize),
    (width, height): (usize, usize),
    level: impl Fn(usize, usize) -> u8,
) -> Gray {
    let axis = |from: usize, to: usize| {
        let step = from as f64 / to as f64;
        (0..to).map(move |at| {
            let position = step * at as f64;
            let first = (position as usize).min(from.saturating_sub(2));
            (first, position - first as f64)
        })
    };
    let mut levels = Vec::with_capacity(width * height);
    for (y, below) in axis(from.1, height) {
        for (x, right) in axis(from.0, width) {
            let at = |x, y| f64::from(level(x, y));
            let upper = (1.0 - right) * at(x, y) + right * at(x + 1, y);
            let lower = (1.0 - right) * at(x, y + 1) + right * at(x + 1, y + 1);
            levels.push(((1.0 - below) * upper + below * lower) as u8);
        }
    }
    Gray { width, height, levels }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn luma_matches_pillow() {
        // Expected values from PIL.Image.convert("L").
        for (rgb, expected) in [
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([255; 3], 255),
            ([1, 2, 3], 2),
        ] {
            let frame = Frame { width: 1, height: 1, rgb: rgb.to_vec() };
            assert_eq!(Gray::from_frame(&frame, 1).unwrap().0.levels, [expected]);
        }
    }

    #[test]
    fn frames_are_shrunk_but_never_enlarged() {
        let frame = |width, height| Frame { width, height, rgb: vec![9; 3 * width * height] };
        for ((width, height), expected, factor) in
            [((40, 30), (40, 30), 1.0), ((90, 60), (60, 40), 1.5), ((40, 400), (40, 400), 1.0)]
        {
            let (gray, by) = Gray::from_frame(&frame(width, height), 40).unwrap();
            assert_eq!((gray.width, gray.height), expected);
            assert_eq!(by, factor);
            assert!(gray.levels.iter().all(|&level| level == 9));
        }
    }

    #[test]
    fn windows_are_black_beyond_the_edges() {
        let gray = Gray { width: 2, height: 2, levels: vec![10, 20, 30, 40] };
        assert_eq!(
            gray.window(-1, -1, 4, 4).levels,
            [0, 0, 0, 0, 0, 10, 20, 0, 0, 30, 40, 0, 0, 0, 0, 0]
        );
        assert_eq!(gray.window(0, 0, 2, 4).levels[..4], [10, 15, 20, 25]);
        assert_eq!(gray.window(i32::MAX - 4, i32::MIN, 2, 2).levels, [0; 4]);
    }
}

//! Rotates and mirrors frames, as the display matrix of a track or the EXIF orientation of an image
//! requires.
//!
//! Phones store upright clips sideways, with a matrix that rotates them, and selfie cameras store
//! mirrored ones. FFmpeg's players and decord apply the matrix, so a network that processes faces
//! needs it too.

use crate::{error::MediaError, frame::Frame};

/// One of the eight orientations: an optional mirror from left to right, then quarter turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Turns {
    /// Whether the frame is mirrored, before it is turned.
    mirrored: bool,
    /// The number of clockwise quarter turns, 0 to 3.
    clockwise: u8,
}

impl Turns {
    /// Reads the upper left part `[a, b, c, d]` of a display matrix in 16.16 fixed point, row
    /// vectors times matrix (ISO/IEC 14496-12 section 8.3.2): `a = cos`, `b = sin` of the clockwise
    /// angle, and `a` and `b` negated for a mirrored frame. Some writers leave a matrix of zeros,
    /// which changes nothing. Scaling is ignored, as in FFmpeg.
    ///
    /// # Errors
    ///
    /// `UnsupportedContainer` for shear or an angle that is not a multiple of 90 degrees.
    pub(crate) fn from_matrix(matrix: [i32; 4]) -> Result<Self, MediaError> {
        let (mirrored, clockwise) = match matrix.map(i32::signum) {
            [0, 0, 0, 0] | [1, 0, 0, 1] => (false, 0),
            [0, 1, -1, 0] => (false, 1),
            [-1, 0, 0, -1] => (false, 2),
            [0, -1, 1, 0] => (false, 3),
            [-1, 0, 0, 1] => (true, 0),
            [0, -1, -1, 0] => (true, 1),
            [1, 0, 0, -1] => (true, 2),
            [0, 1, 1, 0] => (true, 3),
            _ => {
                return Err(MediaError::UnsupportedContainer {
                    container: "MP4 with a display matrix other than quarter turns and mirrors",
                });
            }
        };
        Ok(Self { mirrored, clockwise })
    }

    /// Reads the orientation of EXIF (tag 0x0112); unknown values change nothing.
    pub(crate) fn from_exif(orientation: u8) -> Self {
        let (mirrored, clockwise) = match orientation {
            2 => (true, 0),
            3 => (false, 2),
            4 => (true, 2),
            5 => (true, 3),
            6 => (false, 1),
            7 => (true, 1),
            8 => (false, 3),
            _ => (false, 0),
        };
        Self { mirrored, clockwise }
    }

    /// Returns the combination of this orientation and a following one.
    pub(crate) fn then(self, next: Self) -> Self {
        // A mirror after a turn equals the opposite turn after the mirror.
        let turned = if next.mirrored { 4 - self.clockwise } else { self.clockwise };
        Self { mirrored: self.mirrored != next.mirrored, clockwise: (turned + next.clockwise) % 4 }
    }

    /// Returns whether width and height are exchanged.
    pub(crate) fn exchanges_axes(self) -> bool {
        self.clockwise % 2 == 1
    }

    /// Returns a pair of a horizontal and a vertical quantity after the rotation, such as width and
    /// height.
    pub(crate) fn size<T>(self, (across, down): (T, T)) -> (T, T) {
        if self.exchanges_axes() { (down, across) } else { (across, down) }
    }

    /// Mirrors and rotates a frame.
    pub(crate) fn apply(self, frame: Frame) -> Frame {
        let (width, height) = self.size((frame.width, frame.height));
        let (pixels, _) = frame.rgb.as_chunks::<3>();
        let rows = || pixels.chunks(frame.width.max(1));
        let columns = 0..frame.width;
        let column =
            |x: usize| pixels.get(x..).unwrap_or_default().iter().step_by(frame.width.max(1));
        let mut rgb = Vec::new();
        if self != Self::default() {
            rgb.reserve_exact(frame.rgb.len());
        }
        match (self.mirrored, self.clockwise) {
            (false, 1) => columns.for_each(|x| rgb.extend(column(x).rev().flatten())),
            (false, 2) => rgb.extend(pixels.iter().rev().flatten()),
            (false, 3) => columns.rev().for_each(|x| rgb.extend(column(x).flatten())),
            (true, 0) => rows().for_each(|row| rgb.extend(row.iter().rev().flatten())),
            (true, 1) => columns.rev().for_each(|x| rgb.extend(column(x).rev().flatten())),
            (true, 2) => rows().rev().for_each(|row| rgb.extend(row.iter().flatten())),
            (true, 3) => columns.for_each(|x| rgb.extend(column(x).flatten())),
            _ => return frame,
        }
        Frame { width, height, rgb }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const ONE: i32 = 1 << 16;
    /// The eight matrices: four rotations, four mirrored rotations.
    const MATRICES: [[i32; 4]; 8] = [
        [ONE, 0, 0, ONE],
        [0, ONE, -ONE, 0],
        [-ONE, 0, 0, -ONE],
        [0, -ONE, ONE, 0],
        [-ONE, 0, 0, ONE],
        [0, -ONE, -ONE, 0],
        [ONE, 0, 0, -ONE],
        [0, ONE, ONE, 0],
    ];

    fn letters(text: &str, width: usize) -> Frame {
        let rgb: Vec<u8> = text.bytes().flat_map(|b| [b; 3]).collect();
        Frame { width, height: text.len() / width, rgb }
    }

    fn text(frame: &Frame) -> String {
        frame.rgb.chunks_exact(3).map(|pixel| char::from(pixel[0])).collect()
    }

    /// Maps the center of every pixel with the matrix and moves the result to the origin.
    fn mapped(frame: &Frame, [a, b, c, d]: [i32; 4]) -> Frame {
        let [a, b, c, d] = [a, b, c, d].map(i32::signum);
        let place = |x: usize, y: usize| {
            let (x, y) = (x as i32, y as i32);
            (a * x + c * y, b * x + d * y)
        };
        let places: Vec<(i32, i32)> = (0..frame.height)
            .flat_map(|y| (0..frame.width).map(move |x| (x, y)))
            .map(|(x, y)| place(x, y))
            .collect();
        let left = places.iter().map(|place| place.0).min().unwrap();
        let top = places.iter().map(|place| place.1).min().unwrap();
        let width = (places.iter().map(|place| place.0).max().unwrap() - left + 1) as usize;
        let height = (places.iter().map(|place| place.1).max().unwrap() - top + 1) as usize;
        let mut out = Frame { width, height, rgb: vec![0; 3 * width * height] };
        for (pixel, (x, y)) in frame.rgb.chunks_exact(3).zip(places) {
            let at = 3 * ((y - top) as usize * width + (x - left) as usize);
            out.rgb[at..at + 3].copy_from_slice(pixel);
        }
        out
    }

    #[test]
    fn every_matrix_maps_pixels_as_it_states() {
        for (width, height) in [(1, 1), (1, 4), (3, 2), (2, 3), (5, 4)] {
            let rgb = (0..3 * width * height).map(|level| level as u8).collect();
            let frame = Frame { width, height, rgb };
            for matrix in MATRICES {
                let turns = Turns::from_matrix(matrix).unwrap();
                let turned = turns.apply(frame.clone());
                assert_eq!(turned, mapped(&frame, matrix), "{matrix:?}");
                assert_eq!(turns.size((width, height)), (turned.width, turned.height));
            }
        }
    }

    #[test]
    fn rotations_and_mirrors_match_ffmpeg() {
        // abc
        // def, after the filters that FFmpeg's autorotate inserts for each matrix.
        for (matrix, expected, width) in [
            (MATRICES[0], "abcdef", 3), // none
            (MATRICES[1], "daebfc", 2), // transpose=clock
            (MATRICES[2], "fedcba", 3), // hflip, vflip
            (MATRICES[3], "cfbead", 2), // transpose=cclock
            (MATRICES[4], "cbafed", 3), // hflip
            (MATRICES[5], "fcebda", 2), // transpose=clock_flip
            (MATRICES[6], "defabc", 3), // vflip
            (MATRICES[7], "adbecf", 2), // transpose=cclock_flip
        ] {
            let turns = Turns::from_matrix(matrix).unwrap();
            assert_eq!(turns.apply(letters("abcdef", 3)), letters(expected, width), "{matrix:?}");
        }
    }

    #[test]
    fn orientations_match_pillow() {
        // The results of PIL.ImageOps.exif_transpose.
        for (orientation, expected) in [
            (0, "abcdef"),
            (1, "abcdef"),
            (2, "cbafed"),
            (3, "fedcba"),
            (4, "defabc"),
            (5, "adbecf"),
            (6, "daebfc"),
            (7, "fcebda"),
            (8, "cfbead"),
            (9, "abcdef"),
        ] {
            let turned = Turns::from_exif(orientation).apply(letters("abcdef", 3));
            assert_eq!(text(&turned), expected, "{orientation}");
        }
    }

    #[test]
    fn combinations_equal_one_after_the_other() {
        let frame = letters("abcdef", 3);
        for first in MATRICES.map(|matrix| Turns::from_matrix(matrix).unwrap()) {
            for next in MATRICES.map(|matrix| Turns::from_matrix(matrix).unwrap()) {
                let expected = next.apply(first.apply(frame.clone()));
                assert_eq!(first.then(next).apply(frame.clone()), expected);
            }
        }
    }

    #[test]
    fn other_matrices_are_refused_and_zeros_change_nothing() {
        assert_eq!(Turns::from_matrix([0; 4]).unwrap(), Turns::default());
        let known = |signs: [i32; 4]| {
            signs == [0; 4] || MATRICES.iter().any(|matrix| matrix.map(i32::signum) == signs)
        };
        // All combinations of signs.
        for number in 0..81 {
            let signs = [number / 27, number / 9 % 3, number / 3 % 3, number % 3].map(|n| n - 1);
            let read = Turns::from_matrix(signs.map(|sign| sign * ONE));
            assert_eq!(read.is_ok(), known(signs), "{signs:?}");
            if let Err(error) = read {
                assert!(error.to_string().contains("display matrix"), "{error}");
            }
        }
    }
}

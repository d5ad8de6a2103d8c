//! Rotates frames by quarter turns, as the display matrix of a track requires.
//!
//! Phones store upright clips sideways, with a matrix that rotates them. FFmpeg's players and
//! decord apply the matrix, so a network that processes faces needs it too.

use crate::{error::MediaError, frame::Frame};

/// A number of clockwise quarter turns, 0 to 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Turns(u8);

impl Turns {
    /// Reads the upper left part `[a, b, c, d]` of a display matrix in 16.16 fixed point, row
    /// vectors times matrix (ISO/IEC 14496-12 section 8.3.2): `a = cos`, `b = sin` of the clockwise
    /// angle. Some writers leave a matrix of zeros, which rotates nothing. Scaling is ignored, as
    /// in FFmpeg.
    ///
    /// # Errors
    ///
    /// `UnsupportedContainer` for mirroring, shear or an angle that is not a multiple of 90
    /// degrees.
    pub(crate) fn from_matrix(matrix: [i32; 4]) -> Result<Self, MediaError> {
        let turns = match matrix.map(i32::signum) {
            [0, 0, 0, 0] | [1, 0, 0, 1] => 0,
            [0, 1, -1, 0] => 1,
            [-1, 0, 0, -1] => 2,
            [0, -1, 1, 0] => 3,
            _ => {
                return Err(MediaError::UnsupportedContainer {
                    container: "MP4 with mirrored frames or a rotation other than quarter turns",
                });
            }
        };
        Ok(Self(turns))
    }

    /// Returns the combination of this rotation and a following one.
    pub(crate) fn then(self, next: Self) -> Self {
        Self((self.0 + next.0) % 4)
    }

    /// Returns width and height after the rotation.
    pub(crate) fn size(self, (width, height): (usize, usize)) -> (usize, usize) {
        if self.0.is_multiple_of(2) { (width, height) } else { (height, width) }
    }

    /// Rotates a frame.
    pub(crate) fn apply(self, frame: Frame) -> Frame {
        let (width, height) = (frame.width, frame.height);
        let (pixels, _) = frame.rgb.as_chunks::<3>();
        let column = |x: usize| pixels.get(x..).unwrap_or_default().iter().step_by(width.max(1));
        match self.0 {
            0 => frame,
            2 => {
                let rgb = pixels.iter().rev().flatten().copied().collect();
                Frame { width, height, rgb }
            }
            turns => {
                let mut rgb = Vec::with_capacity(frame.rgb.len());
                if turns == 1 {
                    (0..width).for_each(|x| rgb.extend(column(x).rev().flatten()));
                } else {
                    (0..width).rev().for_each(|x| rgb.extend(column(x).flatten()));
                }
                Frame { width: height, height: width, rgb }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const ONE: i32 = 1 << 16;

    fn letters(text: &str, width: usize) -> Frame {
        let rgb: Vec<u8> = text.bytes().flat_map(|b| [b; 3]).collect();
        Frame { width, height: text.len() / width, rgb }
    }

    #[test]
    fn rotation_is_clockwise() {
        // abc   da
        // def   eb
        //       fc
        for (matrix, text, width) in [
            ([ONE, 0, 0, ONE], "abcdef", 3),
            ([0, ONE, -ONE, 0], "daebfc", 2),
            ([-ONE, 0, 0, -ONE], "fedcba", 3),
            ([0, -ONE, ONE, 0], "cfbead", 2),
        ] {
            let turns = Turns::from_matrix(matrix).unwrap();
            assert_eq!(turns.apply(letters("abcdef", 3)), letters(text, width));
        }
    }

    #[test]
    fn rotations_add_and_mirroring_is_refused() {
        let quarter = Turns::from_matrix([0, ONE, -ONE, 0]).unwrap();
        let half = quarter.then(quarter);
        assert_eq!(half, Turns::from_matrix([-ONE, 0, 0, -ONE]).unwrap());
        assert_eq!(half.then(half), Turns::default());
        for matrix in [[-ONE, 0, 0, ONE], [0, ONE, ONE, 0], [ONE, ONE, -ONE, ONE]] {
            assert!(Turns::from_matrix(matrix).is_err());
        }
    }
}

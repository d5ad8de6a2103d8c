//! The motion of the lower face between frames.

use avff_media::{Frame, MediaError, frame::luma, resize::resize};

/// The side to which crops are resized, in pixels.
const SIDE: usize = 128;
/// The part around the mouth in a face crop, as shares of its side: left, right, top, bottom.
const LOWER: [f64; 4] = [0.3, 0.7, 0.6, 0.85];
/// The part above the nose, which moves with the head and not with speech.
const UPPER: [f64; 4] = [0.2, 0.8, 0.1, 0.45];
/// Added to the mean difference of gray levels, so that the noise of a still picture does not matter.
const FLOOR: f64 = 0.3;
/// How much of the upper face's motion is taken from the lower face's, in logarithms. A head that
/// moves, a camera that shakes and a new key frame change both.
const UPPER_WEIGHT: f64 = 0.5;

/// The motion of the lower face, without half of that of the upper face.
#[derive(Debug, Default)]
pub(super) struct Motion {
    before: Option<Vec<u8>>,
    changes: Vec<f64>,
}

impl Motion {
    /// Adds the next frame, which is cropped to the face.
    ///
    /// # Errors
    /// The errors of [`resize`].
    pub(super) fn add(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let pixels = resize(frame, SIDE, SIDE)?.rgb;
        let gray: Vec<u8> = pixels.as_chunks::<3>().0.iter().copied().map(luma).collect();
        if let Some(before) = &self.before {
            let change = |part| (difference(before, &gray, part) + FLOOR).ln();
            self.changes.push(change(LOWER) - UPPER_WEIGHT * change(UPPER));
        }
        self.before = Some(gray);
        Ok(())
    }

    /// Returns the motion between each pair of successive frames.
    pub(super) fn into_changes(self) -> Vec<f64> {
        self.changes
    }
}

/// Returns the mean absolute difference of gray levels in a part of two images.
fn difference(a: &[u8], b: &[u8], part: [f64; 4]) -> f64 {
    let [left, right, top, bottom] = part.map(|share| (share * SIDE as f64).round() as usize);
    let rows = |image: &'_ [u8]| {
        let rows = image.chunks_exact(SIDE).skip(top).take(bottom - top);
        rows.flat_map(move |row| row.iter().skip(left).take(right - left))
            .copied()
            .collect::<Vec<u8>>()
    };
    let (a, b) = (rows(a), rows(b));
    let sum: u64 = a.iter().zip(&b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len().max(1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A gray frame in which a part has another level.
    fn frame(part: [f64; 4], level: u8) -> Frame {
        let [left, right, top, bottom] = part.map(|share| (share * SIDE as f64) as usize);
        let pixel = |at: usize| {
            let (x, y) = (at % SIDE, at / SIDE);
            let inside = (left..right).contains(&x) && (top..bottom).contains(&y);
            [if inside { level } else { 100 }; 3]
        };
        let rgb = (0..SIDE * SIDE).flat_map(pixel).collect();
        Frame { width: SIDE, height: SIDE, rgb }
    }

    fn changes(part: [f64; 4]) -> Vec<f64> {
        let mut motion = Motion::default();
        for level in [100, 140, 140] {
            motion.add(&frame(part, level)).unwrap();
        }
        motion.into_changes()
    }

    #[test]
    fn mouth_counts_for_and_forehead_against() {
        let mouth = changes(LOWER);
        assert_eq!(mouth.len(), 2);
        assert!(mouth[0] > mouth[1] + 3.0, "{mouth:?}");
        let forehead = changes(UPPER);
        assert!(forehead[0] < forehead[1] - 1.0, "{forehead:?}");
        let all = changes([0.0, 1.0, 0.0, 1.0]);
        let expected = 0.5 * ((40.0 + FLOOR) / FLOOR).ln();
        assert!((all[0] - all[1] - expected).abs() < 1e-9, "{all:?}");
    }
}

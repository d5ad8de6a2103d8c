//! Computes crop squares: one size for all frames, and a center that follows the face smoothly.
//!
//! A crop that jitters or changes its size adds a cue that comes from the detector's noise, not
//! from the face. So all squares of a sample have one size, the median of the face's sizes, because
//! sizes are the least reliable output of the detector. All frames are thus resampled alike. The
//! center is averaged over time. A square moves by whole pixels, so the crop consists of decoded
//! pixels.

use serde::{Deserialize, Serialize};

use super::track::Face;
use avff_media::Frame;

/// The standard deviation of the Gaussian that smooths the centers, in seconds. Heads turn in about
/// half a second; the detector's noise is independent in every frame.
const SMOOTHING: f64 = 0.2;
/// The cutoff of the Gaussian in standard deviations; weights beyond it are below 0.0004.
const CUTOFF: f64 = 4.0;

/// A square part of a frame, in pixels; black where it extends past the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Square {
    /// Distance of the left side from the left edge.
    pub x: i64,
    /// Distance of the top side from the top edge.
    pub y: i64,
    /// Side length; at least 1.
    pub side: usize,
}

/// Computes a square for each of `times` (seconds, never decreasing) around a detected face.
///
/// `detections` are pairs of an index into `times` and the face, with increasing indices. Between
/// two detections the center moves evenly. Before the first and after the last detection it stays
/// fixed.
///
/// The side is `margin` times the median of the face's sides, at most the longer side of the
/// `(width, height)` frame. A square that would extend past an edge is moved inside. If the frame
/// is smaller than the square, the square contains the whole frame.
///
/// The centers are those of the faces, moved down by `down` times the same median.
#[must_use]
pub fn squares(
    detections: &[(usize, Face)],
    times: &[f64],
    (margin, down): (f64, f64),
    (width, height): (usize, usize),
) -> Vec<Square> {
    let face = median(detections.iter().map(|(_, face)| face.side));
    let side = (margin * face).round() as usize;
    let side = side.clamp(1, width.max(height).max(1));
    let centers = smoothed(&interpolated(detections, times), times);
    let start_of = |center: f64, length: usize| {
        let room = length as i64 - side as i64;
        let start = (center - side as f64 / 2.0).round() as i64;
        start.clamp(room.min(0), room.max(0))
    };
    centers
        .into_iter()
        .map(|(x, y)| Square { x: start_of(x, width), y: start_of(y + down * face, height), side })
        .collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { at(half) } else { (at(half.saturating_sub(1)) + at(half)) / 2.0 }
}

/// Returns the center at every time.
fn interpolated(detections: &[(usize, Face)], times: &[f64]) -> Vec<(f64, f64)> {
    let time = |index: usize| times.get(index).copied().unwrap_or(0.0);
    let mut centers = Vec::with_capacity(times.len());
    let mut next = 0;
    for (index, &now) in times.iter().enumerate() {
        while detections.get(next).is_some_and(|(at, _)| *at < index) {
            next += 1;
        }
        let before = next.checked_sub(1).and_then(|last| detections.get(last));
        let center = match (before, detections.get(next)) {
            (Some((from, a)), Some((to, b))) => {
                let span = time(*to) - time(*from);
                let share = if span > 0.0 { (now - time(*from)) / span } else { 1.0 };
                (a.x + share * (b.x - a.x), a.y + share * (b.y - a.y))
            }
            (Some((_, face)), None) | (None, Some((_, face))) => (face.x, face.y),
            (None, None) => (0.0, 0.0),
        };
        centers.push(center);
    }
    centers
}

/// Averages over time with a Gaussian whose weights are normalized to a sum of one at every time.
fn smoothed(centers: &[(f64, f64)], times: &[f64]) -> Vec<(f64, f64)> {
    let mut first = 0;
    let mut out = Vec::with_capacity(centers.len());
    for &now in times {
        while times.get(first).is_some_and(|time| now - time > CUTOFF * SMOOTHING) {
            first += 1;
        }
        let near = times.iter().zip(centers).skip(first);
        let (mut total, mut x, mut y) = (0.0, 0.0, 0.0);
        for (time, center) in near.take_while(|(time, _)| **time - now <= CUTOFF * SMOOTHING) {
            let weight = (-0.5 * ((time - now) / SMOOTHING).powi(2)).exp();
            total += weight;
            x += weight * center.0;
            y += weight * center.1;
        }
        out.push((x / total, y / total));
    }
    out
}

/// Crops a frame to a square.
#[must_use]
pub fn crop(frame: &Frame, square: Square) -> Frame {
    let Square { x, y, side } = square;
    let mut rgb = vec![0; 3 * side * side];
    // The columns that the square and the frame share.
    let from = x.max(0) as usize;
    let to = (x + side as i64).clamp(0, frame.width as i64) as usize;
    for (row, out) in rgb.chunks_exact_mut(3 * side.max(1)).enumerate() {
        let Ok(source) = usize::try_from(y + row as i64) else { continue };
        if source >= frame.height || from >= to {
            continue;
        }
        let start = 3 * source * frame.width;
        let pixels = frame.rgb.get(start + 3 * from..start + 3 * to);
        let left = 3 * (from as i64 - x) as usize;
        let target = out.get_mut(left..left + 3 * (to - from));
        if let (Some(pixels), Some(target)) = (pixels, target) {
            target.copy_from_slice(pixels);
        }
    }
    Frame { width: side, height: side, rgb }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn face(x: f64, y: f64, side: f64) -> Face {
        Face { x, y, side, score: 1.0 }
    }

    #[test]
    fn squares_move_down_by_shares_of_the_face() {
        let at =
            |down| squares(&[(0, face(100.0, 90.0, 40.0))], &[0.0], (0.5, down), (200, 200))[0];
        assert_eq!(at(0.0), Square { x: 90, y: 80, side: 20 });
        assert_eq!(at(0.25), Square { x: 90, y: 90, side: 20 });
        assert_eq!(at(-0.5), Square { x: 90, y: 60, side: 20 });
    }

    #[test]
    fn all_squares_have_the_median_size() {
        let times = [0.0, 10.0, 20.0, 30.0];
        let detections: Vec<_> = [40.0, 90.0, 44.0, 42.0]
            .into_iter()
            .enumerate()
            .map(|(index, side)| (index, face(100.0, 100.0, side)))
            .collect();
        // The median of 40, 42, 44, 90 is 43.
        let crops = squares(&detections, &times, (2.0, 0.0), (200, 200));
        assert_eq!(crops, [Square { x: 57, y: 57, side: 86 }; 4]);
    }

    #[test]
    fn gaps_are_interpolated_and_ends_stay_fixed() {
        // The times are far enough apart that smoothing has no effect.
        let times = [0.0, 10.0, 20.0, 50.0, 60.0, 70.0];
        let detections = [(1, face(100.0, 80.0, 20.0)), (4, face(150.0, 130.0, 20.0))];
        let centers: Vec<_> = squares(&detections, &times, (1.0, 0.0), (400, 300))
            .iter()
            .map(|square| (square.x + 10, square.y + 10))
            .collect();
        let expected = [(100, 80), (100, 80), (110, 90), (140, 120), (150, 130), (150, 130)];
        assert_eq!(centers, expected);
    }

    #[test]
    fn smoothing_is_a_gaussian_average() {
        let times: Vec<f64> = (0..101).map(|index| f64::from(index) / 25.0).collect();
        let mut centers = vec![(0.0, 7.0); times.len()];
        centers[50] = (1.0, 7.0);
        let smooth = smoothed(&centers, &times);
        // A Gaussian of standard deviation s sampled every d weights the center sample about d / (s
        // sqrt(2 pi)).
        let peak = 0.04 / (0.2 * (2.0 * std::f64::consts::PI).sqrt());
        assert!((smooth[50].0 - peak).abs() < 1e-4, "{}", smooth[50].0);
        // Five samples are one standard deviation.
        assert!((smooth[55].0 - peak * (-0.5_f64).exp()).abs() < 1e-4);
        assert_eq!(smooth[20].0, 0.0);
        assert!((smooth.iter().map(|center| center.0).sum::<f64>() - 1.0).abs() < 1e-3);
        assert!(
            smooth.iter().all(|center| (center.1 - 7.0).abs() < 1e-12),
            "a still face stays still"
        );
    }

    #[test]
    fn jitter_is_smoothed() {
        // A face that jumps by 8 pixels in alternating directions.
        let times: Vec<f64> = (0..100).map(|index| f64::from(index) / 25.0).collect();
        let detections: Vec<_> = (0..100)
            .map(|index| {
                (index, face(200.0 + if index % 2 == 0 { 8.0 } else { -8.0 }, 100.0, 60.0))
            })
            .collect();
        let crops = squares(&detections, &times, (1.3, 0.0), (400, 300));
        let spread = |crops: &[Square]| {
            let xs = crops.iter().map(|square| square.x);
            xs.clone().max().unwrap() - xs.min().unwrap()
        };
        assert!(spread(&crops[10..90]) <= 1, "{}", spread(&crops[10..90]));
    }

    #[test]
    fn squares_are_moved_inside_and_limited_to_the_frame() {
        let at = |x, y, side, size| squares(&[(0, face(x, y, side))], &[0.0], (1.0, 0.0), size)[0];
        assert_eq!(at(5.0, 95.0, 20.0, (100, 100)), Square { x: 0, y: 80, side: 20 });
        // The frame is wider than high: the square contains its full height.
        assert_eq!(at(50.0, 10.0, 80.0, (100, 60)), Square { x: 10, y: -20, side: 80 });
        assert_eq!(at(50.0, 50.0, 80.0, (100, 60)), Square { x: 10, y: 0, side: 80 });
        assert_eq!(at(50.0, 50.0, 500.0, (100, 60)), Square { x: 0, y: 0, side: 100 });
        assert_eq!(at(0.0, 0.0, 0.0, (100, 60)).side, 1);
    }

    #[test]
    fn crop_keeps_pixels_and_pads_with_black() {
        let frame = Frame { width: 3, height: 2, rgb: (1..=18).collect() };
        let whole = crop(&frame, Square { x: 0, y: -1, side: 3 });
        assert_eq!(whole.rgb[..9], [0; 9]);
        assert_eq!(whole.rgb[9..], frame.rgb);
        assert_eq!(
            crop(&frame, Square { x: 1, y: 0, side: 2 }).rgb,
            [4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18]
        );
        assert_eq!(crop(&frame, Square { x: 2, y: 1, side: 2 }).rgb[..6], [16, 17, 18, 0, 0, 0]);
        assert_eq!(crop(&frame, Square { x: 9, y: 9, side: 1 }).rgb, [0; 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn squares_contain_as_much_of_the_frame_as_fits(
            (width, height) in (1..60_usize, 1..60_usize),
            faces in prop::collection::vec((-50.0..150.0, -50.0..150.0, 0.0..90.0), 1..6),
            margin in 1.0..4.0,
        ) {
            let detections: Vec<_> = faces.iter().enumerate()
                .map(|(index, &(x, y, side))| (2 * index, face(x, y, side))).collect();
            let times: Vec<f64> = (0..12).map(|index| f64::from(index) * 0.1).collect();
            let frame = Frame { width, height, rgb: vec![255; 3 * width * height] };
            let crops = squares(&detections, &times, (margin, 0.0), (width, height));
            prop_assert_eq!(crops.len(), times.len());
            for square in crops {
                let lit = crop(&frame, square).rgb.iter().filter(|&&level| level == 255).count();
                prop_assert_eq!(lit, 3 * square.side.min(width) * square.side.min(height));
            }
        }
    }
}

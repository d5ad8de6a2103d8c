//! Where to cut: one square size for all pictures, a middle that follows the face smoothly.
//!
//! A crop that jitters or breathes is a cue that has nothing to do with the face, and one that a
//! detector's noise puts there. So all squares of a sample have one size - the median of the face's,
//! as sizes are what the detector is least sure of - and every picture is resampled alike; and the
//! middle is averaged over time. A square moves by whole pixels: what is cut are the decoded pixels.

use serde::{Deserialize, Serialize};

use super::track::Face;
use avff_media::Frame;

/// Standard deviation of the Gaussian that middles are averaged with, in seconds. Heads turn in about
/// half a second; the detector's noise is new in every picture.
const SMOOTH: f64 = 0.2;
/// Beyond this many deviations a weight is below 0.0004 and left out.
const REACH: f64 = 4.0;

/// A part of a picture, in pixels; black where it reaches over the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Square {
    /// From the left edge.
    pub x: i64,
    /// From the top edge.
    pub y: i64,
    /// Pixels a side; at least 1.
    pub side: usize,
}

/// A square for each of `times` (seconds, never decreasing) around a face that was found at some:
/// pairs of an index into `times` and the face, indices increasing. Between two finds the middle moves evenly,
/// before the first and after the last it stands still.
///
/// The side is `margin` times the median of the face's, at most the longer side of the `(width,
/// height)` picture. A square that would reach over an edge is moved in; where the picture is smaller
/// than the square, the picture lies wholly inside.
#[must_use]
pub fn squares(
    found: &[(usize, Face)],
    times: &[f64],
    margin: f64,
    (width, height): (usize, usize),
) -> Vec<Square> {
    let side = (margin * median(found.iter().map(|(_, face)| face.side))).round() as usize;
    let side = side.clamp(1, width.max(height).max(1));
    let middles = smoothed(&filled(found, times), times);
    let place = |middle: f64, length: usize| {
        let room = length as i64 - side as i64;
        let start = (middle - side as f64 / 2.0).round() as i64;
        start.clamp(room.min(0), room.max(0))
    };
    middles
        .into_iter()
        .map(|(x, y)| Square { x: place(x, width), y: place(y, height), side })
        .collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { at(half) } else { (at(half.saturating_sub(1)) + at(half)) / 2.0 }
}

/// The middle at every time.
fn filled(found: &[(usize, Face)], times: &[f64]) -> Vec<(f64, f64)> {
    let time = |index: usize| times.get(index).copied().unwrap_or(0.0);
    let mut middles = Vec::with_capacity(times.len());
    let mut next = 0;
    for (index, &now) in times.iter().enumerate() {
        while found.get(next).is_some_and(|(at, _)| *at < index) {
            next += 1;
        }
        let before = next.checked_sub(1).and_then(|last| found.get(last));
        let middle = match (before, found.get(next)) {
            (Some((from, a)), Some((to, b))) => {
                let span = time(*to) - time(*from);
                let share = if span > 0.0 { (now - time(*from)) / span } else { 1.0 };
                (a.x + share * (b.x - a.x), a.y + share * (b.y - a.y))
            }
            (Some((_, face)), None) | (None, Some((_, face))) => (face.x, face.y),
            (None, None) => (0.0, 0.0),
        };
        middles.push(middle);
    }
    middles
}

/// Averages over time with a Gaussian, whose weights are brought to a sum of one at every place.
fn smoothed(middles: &[(f64, f64)], times: &[f64]) -> Vec<(f64, f64)> {
    let mut first = 0;
    let mut out = Vec::with_capacity(middles.len());
    for &now in times {
        while times.get(first).is_some_and(|time| now - time > REACH * SMOOTH) {
            first += 1;
        }
        let near = times.iter().zip(middles).skip(first);
        let (mut total, mut x, mut y) = (0.0, 0.0, 0.0);
        for (time, middle) in near.take_while(|(time, _)| **time - now <= REACH * SMOOTH) {
            let weight = (-0.5 * ((time - now) / SMOOTH).powi(2)).exp();
            total += weight;
            x += weight * middle.0;
            y += weight * middle.1;
        }
        out.push((x / total, y / total));
    }
    out
}

/// Cuts the square out of a picture.
#[must_use]
pub fn cut(picture: &Frame, square: Square) -> Frame {
    let Square { x, y, side } = square;
    let mut rgb = vec![0; 3 * side * side];
    // The part of a row that both share.
    let from = x.max(0) as usize;
    let to = (x + side as i64).clamp(0, picture.width as i64) as usize;
    for (row, out) in rgb.chunks_exact_mut(3 * side.max(1)).enumerate() {
        let Ok(source) = usize::try_from(y + row as i64) else { continue };
        if source >= picture.height || from >= to {
            continue;
        }
        let start = 3 * source * picture.width;
        let pixels = picture.rgb.get(start + 3 * from..start + 3 * to);
        let left = 3 * (from as i64 - x) as usize;
        let place = out.get_mut(left..left + 3 * (to - from));
        if let (Some(pixels), Some(place)) = (pixels, place) {
            place.copy_from_slice(pixels);
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
    fn all_squares_have_the_median_size() {
        let times = [0.0, 10.0, 20.0, 30.0];
        let found: Vec<_> = [40.0, 90.0, 44.0, 42.0]
            .into_iter()
            .enumerate()
            .map(|(index, side)| (index, face(100.0, 100.0, side)))
            .collect();
        // The median of 40, 42, 44, 90 is 43.
        let cuts = squares(&found, &times, 2.0, (200, 200));
        assert_eq!(cuts, [Square { x: 57, y: 57, side: 86 }; 4]);
    }

    #[test]
    fn gaps_are_interpolated_in_time_and_ends_held() {
        // Far enough apart that nothing is smoothed.
        let times = [0.0, 10.0, 20.0, 50.0, 60.0, 70.0];
        let found = [(1, face(100.0, 80.0, 20.0)), (4, face(150.0, 130.0, 20.0))];
        let middles: Vec<_> = squares(&found, &times, 1.0, (400, 300))
            .iter()
            .map(|square| (square.x + 10, square.y + 10))
            .collect();
        let want = [(100, 80), (100, 80), (110, 90), (140, 120), (150, 130), (150, 130)];
        assert_eq!(middles, want);
    }

    #[test]
    fn smoothing_is_a_gaussian_average() {
        let times: Vec<f64> = (0..101).map(|index| f64::from(index) / 25.0).collect();
        let mut middles = vec![(0.0, 7.0); times.len()];
        middles[50] = (1.0, 7.0);
        let smooth = smoothed(&middles, &times);
        // Of a Gaussian of deviation s sampled every d, a single sample keeps about d / (s sqrt(2 pi)).
        let peak = 0.04 / (0.2 * (2.0 * std::f64::consts::PI).sqrt());
        assert!((smooth[50].0 - peak).abs() < 1e-4, "{}", smooth[50].0);
        // Five samples on is one deviation.
        assert!((smooth[55].0 - peak * (-0.5_f64).exp()).abs() < 1e-4);
        assert_eq!(smooth[20].0, 0.0);
        assert!((smooth.iter().map(|middle| middle.0).sum::<f64>() - 1.0).abs() < 1e-3);
        assert!(smooth.iter().all(|middle| (middle.1 - 7.0).abs() < 1e-12), "a still face stays");
    }

    #[test]
    fn noise_is_smoothed_by_what_a_gaussian_leaves_of_it() {
        // A face that jumps by 8 pixels each way in every picture.
        let times: Vec<f64> = (0..100).map(|index| f64::from(index) / 25.0).collect();
        let found: Vec<_> = (0..100)
            .map(|index| {
                (index, face(200.0 + if index % 2 == 0 { 8.0 } else { -8.0 }, 100.0, 60.0))
            })
            .collect();
        let cuts = squares(&found, &times, 1.3, (400, 300));
        let spread = |cuts: &[Square]| {
            let xs = cuts.iter().map(|square| square.x);
            xs.clone().max().unwrap() - xs.min().unwrap()
        };
        assert!(spread(&cuts[10..90]) <= 1, "{}", spread(&cuts[10..90]));
    }

    #[test]
    fn squares_are_moved_in_and_never_larger_than_the_picture() {
        let at = |x, y, side, size| squares(&[(0, face(x, y, side))], &[0.0], 1.0, size)[0];
        assert_eq!(at(5.0, 95.0, 20.0, (100, 100)), Square { x: 0, y: 80, side: 20 });
        // Wider than high: the picture lies wholly inside, at the end that the face is nearer to.
        assert_eq!(at(50.0, 10.0, 80.0, (100, 60)), Square { x: 10, y: -20, side: 80 });
        assert_eq!(at(50.0, 50.0, 80.0, (100, 60)), Square { x: 10, y: 0, side: 80 });
        assert_eq!(at(50.0, 50.0, 500.0, (100, 60)), Square { x: 0, y: 0, side: 100 });
        assert_eq!(at(0.0, 0.0, 0.0, (100, 60)).side, 1);
    }

    #[test]
    fn cutting_keeps_pixels_and_pads_with_black() {
        let picture = Frame { width: 3, height: 2, rgb: (1..=18).collect() };
        let whole = cut(&picture, Square { x: 0, y: -1, side: 3 });
        assert_eq!(whole.rgb[..9], [0; 9]);
        assert_eq!(whole.rgb[9..], picture.rgb);
        assert_eq!(
            cut(&picture, Square { x: 1, y: 0, side: 2 }).rgb,
            [4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18]
        );
        assert_eq!(cut(&picture, Square { x: 2, y: 1, side: 2 }).rgb[..6], [16, 17, 18, 0, 0, 0]);
        assert_eq!(cut(&picture, Square { x: 9, y: 9, side: 1 }).rgb, [0; 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_square_within_the_picture_is_cut_without_black(
            (width, height) in (1..60_usize, 1..60_usize),
            finds in prop::collection::vec((-50.0..150.0, -50.0..150.0, 0.0..90.0), 1..6),
            margin in 1.0..4.0,
        ) {
            let found: Vec<_> = finds.iter().enumerate()
                .map(|(index, &(x, y, side))| (2 * index, face(x, y, side))).collect();
            let times: Vec<f64> = (0..12).map(|index| f64::from(index) * 0.1).collect();
            let picture = Frame { width, height, rgb: vec![255; 3 * width * height] };
            let cuts = squares(&found, &times, margin, (width, height));
            prop_assert_eq!(cuts.len(), times.len());
            for square in cuts {
                let lit = cut(&picture, square).rgb.iter().filter(|&&level| level == 255).count();
                prop_assert_eq!(lit, 3 * square.side.min(width) * square.side.min(height));
            }
        }
    }
}

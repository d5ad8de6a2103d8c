//! The area under the part of the ROC curve where few reals are called fake.

use crate::{error::MetricError, ranking::Ranking};

/// The area under the ROC curve over false-positive rates from 0 to `max_fpr`.
///
/// It lies in `[0, max_fpr]` and equals [`roc_auc`](super::roc_auc) at `max_fpr` 1. The curve is that
/// of the trapezoid rule, so a tie is a straight line, and where `max_fpr` falls between two points the
/// line between them is cut there, as in scikit-learn. O(n log n).
///
/// # Errors
///
/// [`MetricError::MaxFpr`] where `max_fpr` is not within `(0, 1]`; else [`MetricError`] where the lists
/// are empty or of unequal length, a score is not finite, or one class is absent.
pub fn partial_auc<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
    max_fpr: f64,
) -> Result<f64, MetricError> {
    if !(max_fpr > 0.0 && max_fpr <= 1.0) {
        return Err(MetricError::MaxFpr { value: max_fpr });
    }
    let ranking = Ranking::new(scores, is_fake)?;
    let (fakes, reals) = (ranking.fakes as f64, ranking.reals as f64);
    // Twice the area of all segments that end by then, in pairs of clips: whole numbers.
    let mut twice_whole = 0_u128;
    for (above, reached) in ranking.segments() {
        let (start, end) = (above.reals as f64 / reals, reached.reals as f64 / reals);
        if end > max_fpr {
            let (low, high) = (above.fakes as f64 / fakes, reached.fakes as f64 / fakes);
            let width = max_fpr - start;
            let at_cut = low + (high - low) * (width / (end - start));
            let whole = twice_whole as f64 / (2.0 * fakes * reals);
            return Ok(whole + width * (low + at_cut) / 2.0);
        }
        let wide = (reached.reals - above.reals) as u128;
        twice_whole += wide * (above.fakes as u128 + reached.fakes as u128);
    }
    let pairs = ranking.fakes as u128 * ranking.reals as u128;
    Ok(twice_whole as f64 / (2 * pairs) as f64)
}

/// [`partial_auc`] on a scale where 1 is perfect and 0.5 is chance whatever `max_fpr` is.
///
/// McClish's correction (1989, "Analyzing a Portion of the ROC Curve"): with `least = max_fpr^2 / 2`, the
/// area under the diagonal, it is `(1 + (area - least) / (max_fpr - least)) / 2`. This is what
/// scikit-learn's `roc_auc_score(max_fpr=)` returns. A curve below the diagonal falls below 0.5, but to
/// 0 at `max_fpr` 1 only.
///
/// # Errors
///
/// As [`partial_auc`].
pub fn standardised_partial_auc<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
    max_fpr: f64,
) -> Result<f64, MetricError> {
    let area = partial_auc(scores, is_fake, max_fpr)?;
    let least = max_fpr * max_fpr / 2.0;
    Ok((1.0 + (area - least) / (max_fpr - least)) / 2.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    #[test]
    fn known_areas() {
        let half = [true, false, true, false];
        let cases: [(&[f64], &[bool], f64, f64); 6] = [
            // Points (0, .5), (.5, .5), (.5, 1), (1, 1).
            (&[0.9, 0.8, 0.7, 0.6], &half, 0.25, 0.125),
            (&[0.9, 0.8, 0.7, 0.6], &half, 0.5, 0.25),
            (&[0.9, 0.8, 0.7, 0.6], &half, 0.75, 0.5),
            (&[0.9, 0.8, 0.7, 0.6], &half, 1.0, 0.75),
            // All tied: the diagonal.
            (&[0.5; 4], &half, 0.5, 0.125),
            // Inverted: nothing until every real is called fake.
            (&[0.1, 0.9, 0.2, 0.8], &half, 0.5, 0.0),
        ];
        for (scores, labels, max_fpr, area) in cases {
            let got = partial_auc(scores, labels, max_fpr).unwrap();
            assert!((got - area).abs() < 1e-15, "{scores:?} to {max_fpr}: {got}, not {area}");
        }
    }

    #[test]
    fn chance_is_one_half_and_perfect_is_one_on_the_standard_scale() {
        for max_fpr in [0.01, 0.1, 0.5, 1.0] {
            let labels = [true, false, true, false];
            let chance = standardised_partial_auc(&[0.5; 4], &labels, max_fpr).unwrap();
            assert!((chance - 0.5).abs() < 1e-15, "{max_fpr}: {chance}");
            let perfect = standardised_partial_auc(&[0.9, 0.1, 0.8, 0.2], &labels, max_fpr);
            assert!((perfect.unwrap() - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn ends_outside_the_curve_are_refused() {
        for value in [0.0, -0.1, 1.0 + 1e-9, f64::INFINITY] {
            let got = partial_auc(&[0.1, 0.2], &[true, false], value);
            assert_eq!(got, Err(MetricError::MaxFpr { value }));
        }
        let nan = standardised_partial_auc(&[0.1, 0.2], &[true, false], f64::NAN);
        assert!(matches!(nan, Err(MetricError::MaxFpr { .. })));
    }
}

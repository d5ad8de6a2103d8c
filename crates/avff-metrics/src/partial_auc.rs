//! The partial AUC: the area under the ROC curve at low false-positive rates.

use crate::{error::MetricError, ranking::Ranking};

/// Computes the area under the ROC curve over false-positive rates from 0 to `max_fpr`.
///
/// The area lies in `[0, max_fpr]` and equals [`roc_auc`](super::roc_auc) if `max_fpr` is 1. The
/// curve follows the trapezoidal rule, so a tie is a straight line. If `max_fpr` falls between two
/// points, the line between them is cut there, as in scikit-learn. O(n log n).
///
/// # Errors
///
/// [`MetricError::MaxFpr`] if `max_fpr` is not in `(0, 1]`. [`MetricError`] if the lists are empty
/// or differ in length, a score is not finite, or one class is absent.
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
    // Twice the area of all segments that end at or before `max_fpr`, in pairs of clips: an
    // integer.
    let mut twice_complete = 0_u128;
    for (above, reached) in ranking.segments() {
        let (start, end) = (above.reals as f64 / reals, reached.reals as f64 / reals);
        if end > max_fpr {
            let (low, high) = (above.fakes as f64 / fakes, reached.fakes as f64 / fakes);
            let width = max_fpr - start;
            let at_cut = low + (high - low) * (width / (end - start));
            let complete = twice_complete as f64 / (2.0 * fakes * reals);
            return Ok(complete + width * (low + at_cut) / 2.0);
        }
        let new_reals = (reached.reals - above.reals) as u128;
        twice_complete += new_reals * (above.fakes as u128 + reached.fakes as u128);
    }
    let pairs = ranking.fakes as u128 * ranking.reals as u128;
    Ok(twice_complete as f64 / (2 * pairs) as f64)
}

/// Rescales [`partial_auc`] so that 1 is perfect and 0.5 is chance for every `max_fpr`.
///
/// McClish's correction (1989, "Analyzing a Portion of the ROC Curve") is `(1 + (area - minimum) /
/// (max_fpr - minimum)) / 2`, where `minimum = max_fpr^2 / 2` is the area under the diagonal.
/// scikit-learn's `roc_auc_score(max_fpr=)` returns this value. A curve below the diagonal gives
/// less than 0.5, and reaches 0 only if `max_fpr` is 1.
///
/// # Errors
///
/// See [`partial_auc`].
pub fn standardized_partial_auc<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
    max_fpr: f64,
) -> Result<f64, MetricError> {
    let area = partial_auc(scores, is_fake, max_fpr)?;
    let minimum = max_fpr * max_fpr / 2.0;
    Ok((1.0 + (area - minimum) / (max_fpr - minimum)) / 2.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
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
            // All scores tied: the diagonal.
            (&[0.5; 4], &half, 0.5, 0.125),
            // Inverted: no fake is detected until every real is called fake.
            (&[0.1, 0.9, 0.2, 0.8], &half, 0.5, 0.0),
        ];
        for (scores, labels, max_fpr, area) in cases {
            let got = partial_auc(scores, labels, max_fpr).unwrap();
            assert!((got - area).abs() < 1e-15, "{scores:?} to {max_fpr}: {got}, expected {area}");
        }
    }

    #[test]
    fn standardized_scale_maps_chance_to_half_and_perfect_to_one() {
        for max_fpr in [0.01, 0.1, 0.5, 1.0] {
            let labels = [true, false, true, false];
            let chance = standardized_partial_auc(&[0.5; 4], &labels, max_fpr).unwrap();
            assert!((chance - 0.5).abs() < 1e-15, "{max_fpr}: {chance}");
            let perfect = standardized_partial_auc(&[0.9, 0.1, 0.8, 0.2], &labels, max_fpr);
            assert!((perfect.unwrap() - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn invalid_max_fpr_is_an_error() {
        for value in [0.0, -0.1, 1.0 + 1e-9, f64::INFINITY] {
            let got = partial_auc(&[0.1, 0.2], &[true, false], value);
            assert_eq!(got, Err(MetricError::MaxFpr { value }));
        }
        let nan = standardized_partial_auc(&[0.1, 0.2], &[true, false], f64::NAN);
        assert!(matches!(nan, Err(MetricError::MaxFpr { .. })));
    }
}

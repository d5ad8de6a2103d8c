//! The equal error rate.

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, IntervalMethod, Metric, Needs, Stage},
    ranking::{Ranking, Step},
};

/// Computes the equal error rate: the false-positive rate where FPR equals FNR.
///
/// The ROC points (FPR, TPR) at every distinct score and at threshold +inf are joined by straight
/// lines. The EER is the FPR at the point where FPR = FNR = 1 - TPR. Exactly one point qualifies,
/// because FPR + TPR strictly increases from 0 to 2 fraction the curve.
///
/// 0 is perfect and 0.5 is chance. Between two ROC points, the rate results from mixing their
/// thresholds at random, so a single threshold may not reach it. O(n log n).
///
/// # Errors
///
/// [`MetricError`] if the lists are empty or differ in length, a score is not finite, or one class
/// is absent.
pub fn equal_error_rate<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
) -> Result<f64, MetricError> {
    let ranking = Ranking::new(scores, is_fake)?;
    let (fakes, reals) = (ranking.fakes as i128, ranking.reals as i128);
    // (FPR - FNR) * fakes * reals in integers, so that the crossing is located without rounding.
    let excess =
        |step: &Step| step.reals as i128 * fakes + step.fakes as i128 * reals - fakes * reals;
    let crossing = ranking.steps.partition_point(|step| excess(step) < 0);
    let above = crossing.checked_sub(1).and_then(|before| ranking.steps.get(before));
    let above = above.copied().unwrap_or_default();
    // The last step holds every clip and lies past the crossing, so it is the fallback.
    let everything = Step { fakes: ranking.fakes, reals: ranking.reals };
    let reached = ranking.steps.get(crossing).copied().unwrap_or(everything);

    let (before, after) = (excess(&above), excess(&reached));
    let fraction = -before as f64 / (after - before) as f64;
    let start = above.reals as f64;
    Ok((start + fraction * (reached.reals as f64 - start)) / reals as f64)
}

impl Metric {
    /// [`equal_error_rate`] of the fake output.
    pub const EER: Self = Self {
        key: "eer",
        title: "EER",
        meaning: "the equal error rate: the false-positive rate where FPR equals FNR, with linear interpolation between ROC points",
        better: Better::Lower,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::FakeOutput(equal_error_rate),
        interval: Some(IntervalMethod::Bootstrap),
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn known_curves() {
        let cases: [(&[f64], &[bool], f64); 6] = [
            (&[0.9, 0.8, 0.2, 0.1], &[true, true, false, false], 0.0),
            (&[0.1, 0.2, 0.8, 0.9], &[true, true, false, false], 1.0),
            (&[0.5; 5], &[true, false, false, true, true], 0.5),
            // ROC (0, .5), (.5, .5), (.5, 1): crosses at (.5, .5).
            (&[0.9, 0.8, 0.7, 0.6], &[true, false, true, false], 0.5),
            // One of three fakes is missed and one of three reals is called fake: a point of the
            // curve.
            (&[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], &[true, true, false, true, false, false], 1.0 / 3.0),
            // A tied pair after one fake: the line from (0, .5) to (1, 1) crosses at FPR 1/3.
            (&[0.9, 0.4, 0.4], &[true, true, false], 1.0 / 3.0),
        ];
        for (scores, labels, eer) in cases {
            let got = equal_error_rate(scores, labels).unwrap();
            assert!((got - eer).abs() < 1e-15, "{scores:?}: {got}, expected {eer}");
        }
    }

    #[test]
    fn one_class_is_an_error() {
        let got = equal_error_rate(&[0.5, 0.4], &[false; 2]);
        assert!(matches!(got, Err(MetricError::OneClass { count: 2, .. })));
    }
}

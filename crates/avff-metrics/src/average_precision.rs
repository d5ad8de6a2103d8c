//! Average precision: the step-wise area under the precision-recall curve.

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, IntervalMethod, Metric, Needs, Stage},
    ranking::Ranking,
};

/// Average precision: `sum over n of (R_n - R_(n-1)) * P_n`.
///
/// `R_n` and `P_n` are the recall and the precision at the n-th distinct score from the top. The
/// sum equals scikit-learn's `average_precision_score`: it does not interpolate, and tied clips
/// enter together.
///
/// The value lies in `(0, 1]`. Unlike [`roc_auc`](super::roc_auc), its chance level is the fraction
/// of fakes, so values from sets with different fractions are not comparable. O(n log n).
///
/// # Errors
///
/// [`MetricError`] if the lists are empty or differ in length, a score is not finite, or one class
/// is absent: without reals every score would have precision 1.
pub fn average_precision<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
) -> Result<f64, MetricError> {
    let ranking = Ranking::new(scores, is_fake)?;
    let area: f64 = ranking
        .segments()
        .map(|(above, reached)| {
            let new_fakes = (reached.fakes - above.fakes) as f64;
            new_fakes * reached.fakes as f64 / (reached.fakes + reached.reals) as f64
        })
        .sum();
    // A perfect ranking sums integers only, so the result is exactly 1.
    Ok(area / ranking.fakes as f64)
}

/// mAP: the mean of two average precisions, of class fake by `fake` and of class real by `real`.
///
/// The reference implementation reports this metric and selects its best epoch by it.
///
/// # Errors
///
/// See [`average_precision`]; the errors of either output apply.
pub fn mean_average_precision<S: Copy + Into<f64>>(
    fake: &[S],
    real: &[S],
    is_fake: &[bool],
) -> Result<f64, MetricError> {
    let is_real: Vec<bool> = is_fake.iter().map(|fake| !fake).collect();
    Ok((average_precision(fake, is_fake)? + average_precision(real, &is_real)?) / 2.0)
}

impl Metric {
    /// [`average_precision`] of class fake, computed from the fake output.
    pub const AP: Self = Self {
        key: "ap",
        title: "average precision",
        meaning: "the step-wise area under the precision-recall curve; its chance level is the fraction of fakes",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::FakeOutput(average_precision),
        interval: Some(IntervalMethod::Bootstrap),
    };

    /// [`mean_average_precision`] of both outputs.
    pub const MAP: Self = Self {
        key: "map",
        title: "mAP (both outputs)",
        meaning: "the mean of the average precision of both outputs, each for its own class, as the reference reports it",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::BothOutputs(mean_average_precision),
        interval: None,
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::{super::error::Class, *};

    #[test]
    fn known_rankings() {
        let cases: [(&[f64], &[bool], f64); 5] = [
            (&[0.9, 0.8, 0.1], &[true, true, false], 1.0),
            // Recall 1/2 at precision 1, then 1 at 2/3.
            (&[0.9, 0.8, 0.7], &[true, false, true], 5.0 / 6.0),
            // The only fake comes last of four.
            (&[0.9, 0.8, 0.7, 0.1], &[false, false, false, true], 0.25),
            // All scores tied: the fraction of fakes.
            (&[0.5; 4], &[true, false, false, false], 0.25),
            // A tie at the top includes its real.
            (&[0.9, 0.9, 0.1], &[true, false, true], 0.5 * 0.5 + 0.5 * (2.0 / 3.0)),
        ];
        for (scores, labels, ap) in cases {
            let got = average_precision(scores, labels).unwrap();
            assert!((got - ap).abs() < 1e-15, "{scores:?}: {got}, expected {ap}");
        }
    }

    #[test]
    fn one_class_is_an_error() {
        let fakes = average_precision(&[0.1, 0.2], &[true; 2]);
        assert_eq!(fakes, Err(MetricError::OneClass { class: Class::Fake, count: 2 }));
        let reals = mean_average_precision(&[0.1, 0.2], &[0.9, 0.8], &[false; 2]);
        assert_eq!(reals, Err(MetricError::OneClass { class: Class::Real, count: 2 }));
    }
}

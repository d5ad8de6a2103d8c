//! The area under the ROC curve.

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, IntervalMethod, Metric, Needs, Stage},
    ranking::Ranking,
};

/// Computes the ROC AUC: the probability that a random fake scores above a random real.
///
/// A tie counts one half. The value is the Mann-Whitney statistic `U / (fakes * reals)` and equals
/// the trapezoidal area under the ROC curve. 1 is perfect, 0.5 is chance, and 0 is perfect with
/// inverted scores. O(n log n).
///
/// ```
/// use avff_metrics::roc_auc;
///
/// let auc = roc_auc(&[0.9, 0.4, 0.4, 0.1], &[true, true, false, false])?;
/// assert_eq!(auc, 0.875); // 3 of 4 pairs in order, one tied
/// # Ok::<(), avff_metrics::MetricError>(())
/// ```
///
/// # Errors
///
/// [`MetricError`] if the lists are empty or differ in length, a score is not finite, or one class
/// is absent.
pub fn roc_auc<S: Copy + Into<f64>>(scores: &[S], is_fake: &[bool]) -> Result<f64, MetricError> {
    let ranking = Ranking::new(scores, is_fake)?;
    // Twice U keeps ties integral, so the sum is exact in any order. A product of two counts fits
    // u128.
    let twice_u: u128 = ranking
        .segments()
        .map(|(above, reached)| {
            let reals = (reached.reals - above.reals) as u128;
            reals * (above.fakes as u128 + reached.fakes as u128)
        })
        .sum();
    let pairs = ranking.fakes as u128 * ranking.reals as u128;
    Ok(twice_u as f64 / (2 * pairs) as f64)
}

/// Computes the mean ROC AUC of the two outputs: `fake` scores class fake, `real` scores class
/// real.
///
/// The reference implementation reports this metric. It equals [`roc_auc`] of `fake` if `real`
/// decreases as `fake` increases, as under a softmax. Two sigmoid outputs may disagree.
///
/// # Errors
///
/// See [`roc_auc`]; the errors of either output apply.
pub fn mean_roc_auc<S: Copy + Into<f64>>(
    fake: &[S],
    real: &[S],
    is_fake: &[bool],
) -> Result<f64, MetricError> {
    let is_real: Vec<bool> = is_fake.iter().map(|fake| !fake).collect();
    Ok((roc_auc(fake, is_fake)? + roc_auc(real, &is_real)?) / 2.0)
}

impl Metric {
    /// [`roc_auc`] of the fake output.
    pub const AUC: Self = Self {
        key: "auc",
        title: "ROC AUC",
        meaning: "the probability that a random fake scores above a random real; a tie counts one half",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::FakeOutput(roc_auc),
        interval: Some(IntervalMethod::DeLong),
    };

    /// [`mean_roc_auc`] of both outputs.
    pub const MEAN_AUC: Self = Self {
        key: "mean_auc",
        title: "mean ROC AUC (both outputs)",
        meaning: "the mean ROC AUC of both outputs, each for its own class, as the reference reports it",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::BothOutputs(mean_roc_auc),
        interval: None,
    };
}

#[cfg(test)]
mod tests {
    use super::{super::error::Class, *};

    #[test]
    fn known_orders() {
        let labels = [true, false, true, false];
        let cases: [([f32; 4], f64); 5] = [
            ([0.9, 0.1, 0.8, 0.2], 1.0),
            ([0.1, 0.9, 0.2, 0.8], 0.0),
            ([0.3, 0.3, 0.3, 0.3], 0.5),
            ([0.9, 0.8, 0.7, 0.6], 0.75),
            ([0.5, 0.5, 0.9, 0.1], 0.875),
        ];
        for (scores, auc) in cases {
            assert_eq!(roc_auc(&scores, &labels), Ok(auc), "{scores:?}");
        }
    }

    #[test]
    fn one_class_is_an_error_for_either_output() {
        let expected = Err(MetricError::OneClass { class: Class::Fake, count: 2 });
        assert_eq!(roc_auc(&[0.5, 0.5], &[true; 2]), expected);
        assert_eq!(mean_roc_auc(&[0.5, 0.5], &[0.1, 0.2], &[true; 2]), expected);
    }

    #[test]
    fn mean_auc_averages_each_output_for_its_own_class() {
        let labels = [true, false];
        assert_eq!(mean_roc_auc(&[1.0, 0.0], &[0.0, 1.0], &labels), Ok(1.0));
        assert_eq!(mean_roc_auc(&[1.0, 0.0], &[1.0, 0.0], &labels), Ok(0.5));
    }
}

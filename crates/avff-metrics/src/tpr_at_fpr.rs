//! The true-positive rate at a low false-positive rate.

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, IntervalMethod, Metric, Needs},
    ranking::Ranking,
};

/// Computes the share of fakes above the lowest threshold at which at most the share `max_fpr` of real
/// clips is called fake.
///
/// Clips of equal score are called fake together, so the curve is not interpolated. With fewer than
/// `1 / max_fpr` real clips, none of them may be called fake: the value is the share of fakes above all
/// of them. O(n log n).
///
/// # Errors
///
/// [`MetricError::MaxFpr`] if `max_fpr` is not in `(0, 1]`. [`MetricError`] if the lists are empty or
/// differ in length, a score is not finite, or one class is absent.
pub fn tpr_at_fpr<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
    max_fpr: f64,
) -> Result<f64, MetricError> {
    if !(max_fpr > 0.0 && max_fpr <= 1.0) {
        return Err(MetricError::MaxFpr { value: max_fpr });
    }
    let ranking = Ranking::new(scores, is_fake)?;
    // The small number absorbs the rounding of products such as 0.07 * 100.
    let allowed = (max_fpr * ranking.reals as f64 + 1e-9).floor() as usize;
    let within = ranking.steps.partition_point(|step| step.reals <= allowed);
    let last = within.checked_sub(1).and_then(|last| ranking.steps.get(last));
    Ok(last.map_or(0.0, |step| step.fakes as f64 / ranking.fakes as f64))
}

impl Metric {
    /// [`tpr_at_fpr`] of the fake output at 1 %.
    pub const TPR_AT_1: Self = Self {
        key: "tpr_at_fpr_1",
        title: "TPR at 1 % FPR",
        meaning: "the share of fakes above the lowest threshold at which at most 1 % of real clips are called fake",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[],
        computed: Computed::FakeOutput(|scores, is_fake| tpr_at_fpr(scores, is_fake, 0.01)),
        interval: Some(IntervalMethod::Bootstrap),
    };

    /// [`tpr_at_fpr`] of the fake output at 0.1 %.
    pub const TPR_AT_01: Self = Self {
        key: "tpr_at_fpr_01",
        title: "TPR at 0.1 % FPR",
        meaning: "the share of fakes above the lowest threshold at which at most 0.1 % of real clips are called fake",
        computed: Computed::FakeOutput(|scores, is_fake| tpr_at_fpr(scores, is_fake, 0.001)),
        ..Self::TPR_AT_1
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn thresholds_keep_ties_together() {
        let scores = [9.0, 8.0, 8.0, 7.0, 6.0, 5.0];
        let fake = [true, true, false, true, false, true];
        let at = |max| tpr_at_fpr(&scores, &fake, max).unwrap();
        // No real clip: the first fake alone, as the second shares its score with a real one.
        assert_eq!(at(0.01), 0.25);
        assert_eq!(at(0.5), 0.75);
        assert_eq!(at(1.0), 1.0);
        assert_eq!(tpr_at_fpr(&[1.0, 2.0], &[true, false], 0.1).unwrap(), 0.0);
        assert!(tpr_at_fpr(&scores, &fake, 0.0).is_err());
    }
}

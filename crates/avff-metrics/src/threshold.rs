//! Metrics of hard decisions, and the two ways to decide.

use crate::{
    better::Better,
    error::{MetricError, both_classes, check_lengths, finite},
    metric::{Computed, IntervalMethod, Metric, Needs, Stage},
};

/// Calls a clip fake where its fake output is at least its real output.
///
/// A tie goes to fake, which is output 0, because `argmax` returns the first maximum.
///
/// # Errors
///
/// [`MetricError`] where the lists are empty or of unequal length, or an output is not finite.
pub fn by_argmax<S: Copy + Into<f64>>(fake: &[S], real: &[S]) -> Result<Vec<bool>, MetricError> {
    check_lengths(fake.len(), real.len())?;
    let pairs = finite(fake)?.into_iter().zip(finite(real)?);
    Ok(pairs.map(|(fake, real)| fake >= real).collect())
}

/// Calls a clip fake where its score is at least `threshold`, in the units of the scores.
///
/// # Errors
///
/// [`MetricError`] where there are no scores, one of them is not finite, or the threshold is NaN. An
/// infinite threshold is usable: it calls all clips the same.
pub fn by_threshold<S: Copy + Into<f64>>(
    scores: &[S],
    threshold: f64,
) -> Result<Vec<bool>, MetricError> {
    check_lengths(scores.len(), scores.len())?;
    if threshold.is_nan() {
        return Err(MetricError::NanThreshold);
    }
    Ok(finite(scores)?.into_iter().map(|score| score >= threshold).collect())
}

/// The share of clips called rightly. Defined for one class as well.
///
/// # Errors
///
/// [`MetricError`] where the lists are empty or of unequal length.
pub fn accuracy(called_fake: &[bool], is_fake: &[bool]) -> Result<f64, MetricError> {
    check_lengths(called_fake.len(), is_fake.len())?;
    let right = called_fake.iter().zip(is_fake).filter(|(called, is)| called == is).count();
    Ok(right as f64 / is_fake.len() as f64)
}

/// The mean of the shares of fakes and of reals called rightly.
///
/// Calling every clip fake gives 0.5 however many fakes there are, where [`accuracy`] would reward it.
///
/// # Errors
///
/// [`MetricError`] where the lists are empty or of unequal length, or one class is absent.
pub fn balanced_accuracy(called_fake: &[bool], is_fake: &[bool]) -> Result<f64, MetricError> {
    check_lengths(called_fake.len(), is_fake.len())?;
    let (fakes, reals) = both_classes(is_fake)?;
    let right_of = |class: bool| {
        let clips = called_fake.iter().zip(is_fake);
        clips.filter(|&(&called, &is)| is == class && called == class).count() as f64
    };
    Ok((right_of(true) / fakes as f64 + right_of(false) / reals as f64) / 2.0)
}

impl Metric {
    /// [`accuracy`] of the argmax; a tie is called fake.
    pub const ACCURACY: Self = Self {
        key: "accuracy",
        title: "accuracy",
        meaning: "the share of clips whose class is the argmax of the outputs; a tie is called fake",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::Clips,
        stages: &[Stage::Finetune],
        computed: Computed::Decisions(accuracy),
        interval: Some(IntervalMethod::Bootstrap),
    };

    /// [`balanced_accuracy`] of the argmax; a tie is called fake.
    pub const BALANCED_ACCURACY: Self = Self {
        key: "balanced_accuracy",
        title: "balanced accuracy",
        meaning: "the mean of the recall of fakes and the recall of reals, by argmax",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::Decisions(balanced_accuracy),
        interval: Some(IntervalMethod::Bootstrap),
    };
}

#[cfg(test)]
mod tests {
    use super::{super::error::Class, *};

    #[test]
    fn ties_are_called_fake() {
        assert_eq!(by_argmax(&[0.2, 0.5, -1.0], &[0.3, 0.5, -2.0]), Ok(vec![false, true, true]));
        assert_eq!(by_threshold(&[0.4_f32, 0.5, 0.6], 0.5), Ok(vec![false, true, true]));
    }

    #[test]
    fn calling_all_fake_does_not_pay_in_balanced_accuracy() {
        let is_fake = [true, true, true, false];
        assert_eq!(accuracy(&[true; 4], &is_fake), Ok(0.75));
        assert_eq!(balanced_accuracy(&[true; 4], &is_fake), Ok(0.5));
        assert_eq!(balanced_accuracy(&[true, false, false, false], &is_fake), Ok(2.0 / 3.0));
    }

    #[test]
    fn accuracy_stands_with_one_class_and_balanced_accuracy_does_not() {
        assert_eq!(accuracy(&[true, false], &[false; 2]), Ok(0.5));
        assert_eq!(
            balanced_accuracy(&[true, false], &[false; 2]),
            Err(MetricError::OneClass { class: Class::Real, count: 2 })
        );
    }

    #[test]
    fn unusable_input_is_refused() {
        let mismatch = MetricError::LengthMismatch { scores: 1, labels: 2 };
        assert_eq!(accuracy(&[], &[]), Err(MetricError::Empty));
        assert_eq!(accuracy(&[true], &[true, false]), Err(mismatch));
        assert_eq!(balanced_accuracy(&[true], &[true, false]), Err(mismatch));
        assert_eq!(by_argmax(&[0.0], &[0.0, 1.0]), Err(mismatch));
        assert_eq!(by_threshold::<f32>(&[], 0.5), Err(MetricError::Empty));
        let infinite = MetricError::NotFinite { index: 1, value: f64::INFINITY };
        assert_eq!(by_argmax(&[0.0, 1.0], &[0.0, f64::INFINITY]), Err(infinite));
        assert_eq!(by_threshold(&[0.0_f32], f64::NAN), Err(MetricError::NanThreshold));
        assert_eq!(by_threshold(&[0.0_f32], f64::INFINITY), Ok(vec![false]));
    }
}

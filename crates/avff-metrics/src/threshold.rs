//! Metrics of binary decisions, and two decision rules.

use crate::{
    better::Better,
    error::{MetricError, both_classes, check_lengths, finite},
    metric::{Computed, IntervalMethod, Metric, Needs, Stage},
};

/// Decides by argmax: a clip is called fake if its fake output is at least its real output.
///
/// A tie is called fake, because fake is output 0 and `argmax` returns the first maximum.
///
/// # Errors
///
/// [`MetricError`] if the lists are empty or differ in length, or an output is not finite.
pub fn by_argmax<S: Copy + Into<f64>>(fake: &[S], real: &[S]) -> Result<Vec<bool>, MetricError> {
    check_lengths(fake.len(), real.len())?;
    let pairs = finite(fake)?.into_iter().zip(finite(real)?);
    Ok(pairs.map(|(fake, real)| fake >= real).collect())
}

/// Decides by threshold: a clip is called fake if its score is at least `threshold`.
///
/// # Errors
///
/// [`MetricError`] if there are no scores, a score is not finite, or the threshold is NaN. An
/// infinite threshold is valid and assigns one class to all clips.
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

/// Computes the fraction of correctly classified clips. One class suffices.
///
/// # Errors
///
/// [`MetricError`] if the lists are empty or differ in length.
pub fn accuracy(called_fake: &[bool], is_fake: &[bool]) -> Result<f64, MetricError> {
    check_lengths(called_fake.len(), is_fake.len())?;
    let correct = called_fake.iter().zip(is_fake).filter(|(called, is)| called == is).count();
    Ok(correct as f64 / is_fake.len() as f64)
}

/// Computes the balanced accuracy: the mean of the recall of fakes and the recall of reals.
///
/// Calling every clip fake gives 0.5 for every class balance. [`accuracy`] would reward it.
///
/// # Errors
///
/// [`MetricError`] if the lists are empty or differ in length, or one class is absent.
pub fn balanced_accuracy(called_fake: &[bool], is_fake: &[bool]) -> Result<f64, MetricError> {
    check_lengths(called_fake.len(), is_fake.len())?;
    let (fakes, reals) = both_classes(is_fake)?;
    let correct_of = |class: bool| {
        let clips = called_fake.iter().zip(is_fake);
        clips.filter(|&(&called, &is)| is == class && called == class).count() as f64
    };
    Ok((correct_of(true) / fakes as f64 + correct_of(false) / reals as f64) / 2.0)
}

impl Metric {
    /// [`accuracy`] of the argmax; a tie is called fake.
    pub const ACCURACY: Self = Self {
        key: "accuracy",
        title: "accuracy",
        meaning: "the fraction of clips whose class is the argmax of the outputs; a tie is called fake",
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
    fn calling_all_fake_gives_half_balanced_accuracy() {
        let is_fake = [true, true, true, false];
        assert_eq!(accuracy(&[true; 4], &is_fake), Ok(0.75));
        assert_eq!(balanced_accuracy(&[true; 4], &is_fake), Ok(0.5));
        assert_eq!(balanced_accuracy(&[true, false, false, false], &is_fake), Ok(2.0 / 3.0));
    }

    #[test]
    fn one_class_defines_accuracy_but_not_balanced_accuracy() {
        assert_eq!(accuracy(&[true, false], &[false; 2]), Ok(0.5));
        assert_eq!(
            balanced_accuracy(&[true, false], &[false; 2]),
            Err(MetricError::OneClass { class: Class::Real, count: 2 })
        );
    }

    #[test]
    fn invalid_input_is_an_error() {
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

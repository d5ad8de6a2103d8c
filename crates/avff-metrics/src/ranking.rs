//! The walk down the sorted scores that ROC AUC, average precision and EER share.
//!
//! Clips of equal score cannot be told apart by any threshold, so they form one step together: this
//! is what makes every ranking metric here independent of the order in which clips are given.

use crate::error::{MetricError, both_classes, check_lengths, finite};

/// How many clips score at least one distinct threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Fakes among them: the true positives.
    pub(crate) fakes: usize,
    /// Reals among them: the false positives.
    pub(crate) reals: usize,
}

/// The cumulative counts at every distinct score, from the highest down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranking {
    /// Never empty; the last step counts every clip. The step at threshold +inf (nothing) is left out.
    pub(crate) steps: Vec<Step>,
    /// All fakes, at least one.
    pub(crate) fakes: usize,
    /// All reals, at least one.
    pub(crate) reals: usize,
}

impl Ranking {
    /// Sorts the clips, O(n log n).
    pub(crate) fn new<S: Copy + Into<f64>>(
        scores: &[S],
        is_fake: &[bool],
    ) -> Result<Self, MetricError> {
        check_lengths(scores.len(), is_fake.len())?;
        let scores = finite(scores)?;
        let (fakes, reals) = both_classes(is_fake)?;
        let mut clips: Vec<(f64, bool)> = scores.into_iter().zip(is_fake.iter().copied()).collect();
        clips.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));

        let mut steps = Vec::new();
        let mut reached = Step::default();
        // Ties by `==`, not by `total_cmp`: 0.0 and -0.0 are the same score.
        for group in clips.chunk_by(|a, b| a.0 == b.0) {
            let fake = group.iter().filter(|clip| clip.1).count();
            reached.fakes += fake;
            reached.reals += group.len() - fake;
            steps.push(reached);
        }
        Ok(Self { steps, fakes, reals })
    }

    /// Neighbouring steps, from threshold +inf (no clip) on.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (Step, Step)> {
        let before = std::iter::once(Step::default()).chain(self.steps.iter().copied());
        before.zip(self.steps.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::{super::error::Class, *};

    #[test]
    fn equal_scores_are_one_step() {
        let scores = [0.0, 2.0, -0.0, 1.0, 2.0];
        let ranking = Ranking::new(&scores, &[true, true, false, false, false]).unwrap();
        assert_eq!(
            ranking.steps,
            [(1, 1), (1, 2), (2, 3)].map(|(fakes, reals)| Step { fakes, reals })
        );
        assert_eq!((ranking.fakes, ranking.reals), (2, 3));
    }

    #[test]
    fn unusable_input_is_refused_with_its_reason() {
        let none: [f64; 0] = [];
        let cases = [
            (Ranking::new(&none, &[]), MetricError::Empty),
            (
                Ranking::new(&[1.0], &[true, false]),
                MetricError::LengthMismatch { scores: 1, labels: 2 },
            ),
            (
                Ranking::new(&[0.5, f64::NEG_INFINITY], &[true, false]),
                MetricError::NotFinite { index: 1, value: f64::NEG_INFINITY },
            ),
            (
                Ranking::new(&[0.5, 0.7, 0.1], &[true; 3]),
                MetricError::OneClass { class: Class::Fake, count: 3 },
            ),
            (
                Ranking::new(&[0.5, 0.7], &[false; 2]),
                MetricError::OneClass { class: Class::Real, count: 2 },
            ),
        ];
        for (got, wanted) in cases {
            assert_eq!(got, Err(wanted));
        }
        let nan = Ranking::new(&[f32::NAN, 0.0], &[true, false]);
        assert!(matches!(nan, Err(MetricError::NotFinite { index: 0, value }) if value.is_nan()));
    }
}

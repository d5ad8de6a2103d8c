//! Cumulative counts over sorted scores, shared by ROC AUC, average precision and EER.
//!
//! No threshold separates clips of equal score, so they form one step. The ranking metrics are
//! therefore independent of the order of the clips.

use crate::error::{MetricError, both_classes, check_lengths, finite};

/// The number of clips at or above one distinct threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Fakes among the clips: the true positives.
    pub(crate) fakes: usize,
    /// Reals among the clips: the false positives.
    pub(crate) reals: usize,
}

/// The cumulative counts at every distinct score, from the highest down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranking {
    /// Never empty; the last step counts every clip. The empty step at threshold +inf is not
    /// stored.
    pub(crate) steps: Vec<Step>,
    /// Number of fakes, at least one.
    pub(crate) fakes: usize,
    /// Number of reals, at least one.
    pub(crate) reals: usize,
}

impl Ranking {
    /// Sorts the clips. O(n log n).
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
        // Ties compare by `==`, not by `total_cmp`: 0.0 and -0.0 are equal scores.
        for group in clips.chunk_by(|a, b| a.0 == b.0) {
            let fake = group.iter().filter(|clip| clip.1).count();
            reached.fakes += fake;
            reached.reals += group.len() - fake;
            steps.push(reached);
        }
        Ok(Self { steps, fakes, reals })
    }

    /// Iterates over pairs of neighboring steps, starting with the empty step at threshold +inf.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (Step, Step)> {
        let before = std::iter::once(Step::default()).chain(self.steps.iter().copied());
        before.zip(self.steps.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
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
    fn invalid_input_is_an_error() {
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
        for (got, expected) in cases {
            assert_eq!(got, Err(expected));
        }
        let nan = Ranking::new(&[f32::NAN, 0.0], &[true, false]);
        assert!(matches!(nan, Err(MetricError::NotFinite { index: 0, value }) if value.is_nan()));
    }
}

//! Scores of labeled clips, checked once.

use avff_metrics::MetricError;

/// The scores of the clips of each class. A higher score means "more likely fake".
#[derive(Debug, Clone, PartialEq)]
pub struct Clips {
    pub(crate) fakes: Vec<f64>,
    pub(crate) reals: Vec<f64>,
}

impl Clips {
    /// Sorts scores by class.
    ///
    /// # Errors
    /// [`MetricError`] if the lists are empty or differ in length, a score is not finite, or one
    /// class is absent.
    pub fn new<S: Copy + Into<f64>>(scores: &[S], is_fake: &[bool]) -> Result<Self, MetricError> {
        // Checks everything that a metric needs.
        avff_metrics::roc_auc(scores, is_fake)?;
        let of = |class: bool| -> Vec<f64> {
            let clips = scores.iter().zip(is_fake);
            clips.filter(|(_, fake)| **fake == class).map(|(score, _)| (*score).into()).collect()
        };
        Ok(Self { fakes: of(true), reals: of(false) })
    }

    /// Iterates over all clips: score, and 1 for a fake or 0 for a real clip.
    pub(crate) fn labeled(&self) -> impl Iterator<Item = (f64, f64)> {
        let (fakes, reals) = (self.fakes.iter(), self.reals.iter());
        fakes.map(|score| (*score, 1.0)).chain(reals.map(|score| (*score, 0.0)))
    }

    /// Returns the scores of fakes and of real clips, ascending.
    pub(crate) fn sorted(&self) -> [Vec<f64>; 2] {
        [&self.fakes, &self.reals].map(|scores| {
            let mut sorted = scores.clone();
            sorted.sort_by(f64::total_cmp);
            sorted
        })
    }

    /// Returns the logarithm of the number of fakes over that of real clips.
    #[must_use]
    pub fn prior_log_odds(&self) -> f64 {
        libm::log(self.fakes.len() as f64 / self.reals.len() as f64)
    }

    /// Replaces each score.
    #[must_use]
    pub fn map(&self, of: impl Fn(f64) -> f64) -> Self {
        let all = |scores: &[f64]| scores.iter().map(|score| of(*score)).collect();
        Self { fakes: all(&self.fakes), reals: all(&self.reals) }
    }

    /// The scores of fakes.
    #[must_use]
    pub fn fakes(&self) -> &[f64] {
        &self.fakes
    }

    /// The scores of real clips.
    #[must_use]
    pub fn reals(&self) -> &[f64] {
        &self.reals
    }

    /// Returns the numbers of fakes and of real clips.
    #[must_use]
    pub fn counts(&self) -> [usize; 2] {
        [self.fakes.len(), self.reals.len()]
    }

    /// Returns the number of clips.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fakes.len() + self.reals.len()
    }

    /// Returns `false`: both classes have clips.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

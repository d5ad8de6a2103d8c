//! Cross-validation: parts of the clips that a fit does not see.

use avff_rng::{Purpose, RngKey};

use crate::{clips::Clips, error::CalibrationError};

/// The clips inside and outside of each fold. Each fold has its share of both classes.
pub(crate) struct Folds(Vec<(Clips, Clips)>);

impl Folds {
    /// Splits clips; `seed` draws the folds.
    ///
    /// # Errors
    /// [`CalibrationError::Folds`] if a class has fewer clips than there are folds, or there are
    /// fewer than two folds.
    pub(crate) fn new(clips: &Clips, folds: usize, seed: u64) -> Result<Self, CalibrationError> {
        for (class, scores) in [("fake", &clips.fakes), ("real", &clips.reals)] {
            if scores.len() < folds || folds < 2 {
                return Err(CalibrationError::Folds { clips: scores.len(), class, folds });
            }
        }
        let shuffled = |scores: &[f64], row: u64| {
            let mut scores = scores.to_vec();
            let key = RngKey { seed, epoch: 0, row, occurrence: 0 };
            key.rng(Purpose::Folds).shuffle(&mut scores);
            scores
        };
        let (fakes, reals) = (shuffled(&clips.fakes, 0), shuffled(&clips.reals, 1));
        let part = |fold: usize, inside: bool| {
            let of = |scores: &[f64]| -> Vec<f64> {
                let clips = scores.iter().enumerate();
                let clips = clips.filter(|(at, _)| (at % folds == fold) == inside);
                clips.map(|(_, score)| *score).collect()
            };
            Clips { fakes: of(&fakes), reals: of(&reals) }
        };
        Ok(Self((0..folds).map(|fold| (part(fold, true), part(fold, false))).collect()))
    }

    /// Iterates over the clips of each fold, and the others.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Clips, Clips)> {
        self.0.iter()
    }
}

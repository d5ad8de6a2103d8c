//! Decisions with a guaranteed error: split conformal sets for each class.

use serde::{Deserialize, Serialize};

use crate::{
    clips::Clips,
    error::{CalibrationError, level},
};

/// What a score says of a clip, at a chosen error rate.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Such scores are usual for real clips and unusual for fakes.
    #[strum(to_string = "real")]
    Real,
    /// Such scores are usual for fakes and unusual for real clips.
    #[strum(to_string = "fake")]
    Fake,
    /// Such scores are usual for both.
    #[strum(to_string = "undecided")]
    Undecided,
    /// Such scores are unusual for both: the clip is unlike those of the calibration.
    #[strum(to_string = "unlike both")]
    UnlikeBoth,
}

/// The scores of the calibration clips of each class, ascending.
///
/// Of clips like these, at most the share `error` of each class gets a set without that class,
/// whatever the network. Clips of another kind have no such guarantee.
///
/// Source: V. Vovk, "Conditional validity of inductive conformal predictors", 2012.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    fakes: Vec<f64>,
    reals: Vec<f64>,
}

impl Conformal {
    /// Keeps the scores of calibration clips, which no training and no fit has used.
    #[must_use]
    pub fn new(clips: &Clips) -> Self {
        let [fakes, reals] = clips.sorted();
        Self { fakes, reals }
    }

    /// Whether both classes have clips, whose scores are finite and ascend.
    pub(crate) fn is_valid(&self) -> bool {
        let valid = |scores: &[f64]| {
            !scores.is_empty() && scores.iter().all(|score| score.is_finite()) && scores.is_sorted()
        };
        valid(&self.fakes) && valid(&self.reals)
    }

    /// The numbers of fakes and of real clips.
    #[must_use]
    pub fn counts(&self) -> [usize; 2] {
        [self.fakes.len(), self.reals.len()]
    }

    /// The share of fakes that are at least as unlike a fake as this score, counting the clip itself:
    /// those with a score up to this one.
    #[must_use]
    pub fn p_fake(&self, score: f64) -> f64 {
        let unlike = self.fakes.partition_point(|&fake| fake <= score);
        (unlike + 1) as f64 / (self.fakes.len() + 1) as f64
    }

    /// The share of real clips that are at least as unlike a real clip as this score, counting the
    /// clip itself: those with a score from this one on.
    #[must_use]
    pub fn p_real(&self, score: f64) -> f64 {
        let unlike = self.reals.len() - self.reals.partition_point(|&real| real < score);
        (unlike + 1) as f64 / (self.reals.len() + 1) as f64
    }

    /// Decides at an error rate.
    ///
    /// # Errors
    /// [`CalibrationError::Level`] unless `error` is between 0 and 1.
    pub fn decide(&self, score: f64, error: f64) -> Result<Decision, CalibrationError> {
        let error = level("the error rate", error)?;
        Ok(match (self.p_real(score) > error, self.p_fake(score) > error) {
            (true, false) => Decision::Real,
            (false, true) => Decision::Fake,
            (true, true) => Decision::Undecided,
            (false, false) => Decision::UnlikeBoth,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_rng::{Purpose, RngKey};

    use super::*;

    #[test]
    fn decisions_follow_both_shares() {
        let scores: Vec<f64> = (0..40).map(f64::from).collect();
        let fake: Vec<bool> = (0..40).map(|at| at >= 20).collect();
        let conformal = Conformal::new(&Clips::new(&scores, &fake).unwrap());
        let decide = |score| conformal.decide(score, 0.1).unwrap();
        assert_eq!(
            [decide(0.0), decide(10.0), decide(30.0), decide(39.0)],
            [Decision::Real, Decision::Real, Decision::Fake, Decision::Fake]
        );
        // A gap between the classes is unlike both.
        assert_eq!(decide(19.5), Decision::UnlikeBoth);
        assert_eq!(conformal.decide(19.5, 0.01).unwrap(), Decision::Undecided);
        assert!(conformal.decide(0.0, 0.0).is_err());
    }

    /// Over 200 random splits of normal scores, each class is left out as seldom as promised.
    #[test]
    fn coverage_holds_over_random_splits() {
        let error = 0.1;
        let (mut left_out, mut clips) = ([0, 0], [0, 0]);
        for split in 0..200 {
            let key = RngKey { seed: 5, epoch: split, row: 0, occurrence: 0 };
            let mut rng = key.rng(Purpose::Bootstrap);
            let fake: Vec<bool> = (0..120).map(|at| at % 2 == 0).collect();
            let score = |&fake: &bool| rng.normal() + if fake { 1.0 } else { -1.0 };
            let scores: Vec<f64> = fake.iter().map(score).collect();
            let known = Clips::new(&scores[..80], &fake[..80]).unwrap();
            let conformal = Conformal::new(&known);
            for (&score, &fake) in scores[80..].iter().zip(&fake[80..]) {
                let class = usize::from(fake);
                clips[class] += 1;
                let p = if fake { conformal.p_fake(score) } else { conformal.p_real(score) };
                left_out[class] += usize::from(p <= error);
            }
        }
        for (left_out, clips) in left_out.into_iter().zip(clips) {
            let share = left_out as f64 / clips as f64;
            // 40 calibration clips a class promise 4 / 41 on average; splits scatter the share by
            // 0.045, and 200 of them by 0.0045 with clips of their own.
            assert!((share - 4.0 / 41.0).abs() < 4.0 * 0.0045, "{share}");
            assert!(share < error + 0.018, "{share}");
        }
    }
}

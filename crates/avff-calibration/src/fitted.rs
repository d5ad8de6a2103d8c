//! What the scores of one detector mean.

use avff_metrics::BootstrapOptions;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::Bounds,
    choice::{Choice, choose},
    clips::Clips,
    conformal::{Conformal, Decision},
    error::{CalibrationError, level},
    folds::Folds,
    logistic::sigmoid,
    map::{Map, Method},
    operating_point::OperatingPoint,
    quality::Quality,
};

/// How a calibration is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrateOptions {
    /// The method; `None` for the one with the lowest cross-validated loss.
    pub method: Option<Method>,
    /// The folds of the cross-validation.
    pub folds: usize,
    /// Shares of real clips that may be called fake, each with a threshold.
    pub false_positives: Vec<f64>,
    /// The error rate of decisions, of each class.
    pub error: f64,
    /// The intervals, and the seed of everything that is drawn.
    pub intervals: BootstrapOptions,
}

impl Default for CalibrateOptions {
    fn default() -> Self {
        Self {
            method: None,
            folds: 5,
            false_positives: vec![0.1, 0.05, 0.01, 0.001],
            error: 0.05,
            intervals: BootstrapOptions::default(),
        }
    }
}

/// What the scores of a detector mean, from labeled clips that neither training nor any test has used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The function from a score to P(fake) at the clips' own share of fakes.
    pub map: Map,
    /// The cross-validated loss of every method.
    pub choice: Choice,
    /// The scores of the clips of each class.
    pub clips: Conformal,
    /// The likelihood ratios that the clips support.
    pub bounds: Bounds,
    /// Thresholds of the score.
    pub points: Vec<OperatingPoint>,
    /// The error rate of decisions, of each class.
    pub error: f64,
    /// How good the probabilities of the chosen method are, on clips that its fit has not seen.
    pub quality: Quality,
}

/// What a score means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// P(fake) if fake and real are equally likely before the clip is seen.
    pub probability: f64,
    /// The base-10 logarithm of the likelihood ratio of fake to real.
    pub log10_ratio: f64,
    /// Whether the score is so extreme that the ratio is limited to what the calibration clips support.
    pub at_bound: bool,
    /// The decision at the error rate.
    pub decision: Decision,
    /// The error rate of each class.
    pub error: f64,
}

impl Calibration {
    /// Fits a calibration.
    ///
    /// # Errors
    /// [`CalibrationError`] if a class has fewer clips than folds, the method cannot be fitted, or a
    /// rate is not between 0 and 1.
    pub fn fit(clips: &Clips, options: &CalibrateOptions) -> Result<Self, CalibrationError> {
        let seed = options.intervals.seed;
        let choice = choose(clips, options.folds, seed)?;
        let method = options.method.unwrap_or(choice.method);
        let map = Map::fit(method, clips)?;
        let points = options.false_positives.iter();
        let points = points.map(|&rate| OperatingPoint::at(clips, rate, options.intervals.level));
        Ok(Self {
            bounds: Bounds::new(&clips.map(|score| log_ratio(&map, clips.counts(), score))),
            clips: Conformal::new(clips),
            points: points.collect::<Result<_, _>>()?,
            error: level("the error rate", options.error)?,
            quality: cross_validated(method, clips, options)?,
            map,
            choice,
        })
    }

    /// Checks a calibration that was read from a file: numbers that no fit gives would become answers.
    ///
    /// # Errors
    /// [`CalibrationError::Record`] with what is wrong.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let Bounds { low, high } = self.bounds;
        let thresholds = self.points.iter().filter_map(|point| point.threshold);
        let found = [
            (self.clips.is_valid(), "the scores of its clips"),
            (self.map.is_valid(), "its function from score to probability"),
            (low.is_finite() && high.is_finite() && low <= 0.0 && high >= 0.0, "its bounds"),
            (self.error > 0.0 && self.error < 1.0, "its error rate"),
            (thresholds.into_iter().all(f64::is_finite), "its thresholds"),
        ];
        match found.into_iter().find(|(valid, _)| !valid) {
            Some((_, what)) => Err(CalibrationError::Record { what }),
            None => Ok(()),
        }
    }

    /// Computes the natural logarithm of the likelihood ratio of fake to real, within the bounds.
    #[must_use]
    pub fn log_ratio(&self, score: f64) -> f64 {
        self.bounds.limit(log_ratio(&self.map, self.clips.counts(), score))
    }

    /// Returns what a score means at an error rate.
    ///
    /// # Errors
    /// [`CalibrationError::Level`] unless `error` is between 0 and 1.
    pub fn answer(&self, score: f64, error: f64) -> Result<Answer, CalibrationError> {
        let free = log_ratio(&self.map, self.clips.counts(), score);
        let ratio = self.bounds.limit(free);
        Ok(Answer {
            probability: sigmoid(ratio),
            log10_ratio: ratio / std::f64::consts::LN_10,
            at_bound: ratio != free,
            decision: self.clips.decide(score, error)?,
            error,
        })
    }
}

/// The log odds of a score without those of the calibration clips, whose numbers are `[fakes, reals]`. The
/// probability of a function with steps counts as at least 1 / (n + 2).
fn log_ratio(map: &Map, [fakes, reals]: [usize; 2], score: f64) -> f64 {
    let most = libm::log((fakes + reals + 1) as f64);
    let odds = map.log_odds(score);
    let odds = if map.method() == Method::Isotonic { odds.clamp(-most, most) } else { odds };
    odds - libm::log(fakes as f64 / reals as f64)
}

/// Measures the ratios of each fold by a fit to the others.
fn cross_validated(
    method: Method,
    clips: &Clips,
    options: &CalibrateOptions,
) -> Result<Quality, CalibrationError> {
    let folds = Folds::new(clips, options.folds, options.intervals.seed)?;
    let (mut scores, mut ratios, mut is_fake) = (Vec::new(), Vec::new(), Vec::new());
    for (held_out, others) in folds.iter() {
        let map = Map::fit(method, others)?;
        let bounds = Bounds::new(&others.map(|score| log_ratio(&map, others.counts(), score)));
        for (score, label) in held_out.labeled() {
            scores.push(score);
            ratios.push(bounds.limit(log_ratio(&map, others.counts(), score)));
            is_fake.push(label > 0.5);
        }
    }
    Ok(Quality::of(&scores, &ratios, &is_fake, &options.intervals)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_rng::{Purpose, RngKey};

    use super::*;

    /// Normal scores: 1 above 0 for fakes and 1 below for real clips, so the log ratio is 2 * score.
    fn drawn(fakes: usize, reals: usize) -> Clips {
        let key = RngKey { seed: 3, epoch: 0, row: 0, occurrence: 0 };
        let mut rng = key.rng(Purpose::Bootstrap);
        let is_fake: Vec<bool> = (0..fakes + reals).map(|at| at < fakes).collect();
        let scores: Vec<f64> =
            is_fake.iter().map(|&fake| rng.normal() + if fake { 1.0 } else { -1.0 }).collect();
        Clips::new(&scores, &is_fake).unwrap()
    }

    fn fitted(fakes: usize, reals: usize) -> Calibration {
        let intervals = BootstrapOptions { replicates: 50, ..BootstrapOptions::default() };
        let options = CalibrateOptions { intervals, ..CalibrateOptions::default() };
        Calibration::fit(&drawn(fakes, reals), &options).unwrap()
    }

    #[test]
    fn the_ratio_is_that_of_the_densities_whatever_the_share_of_fakes() {
        for (fakes, reals) in [(3_000, 1_000), (1_000, 3_000)] {
            let calibration = fitted(fakes, reals);
            for score in [-1.0, 0.0, 0.5, 1.5] {
                let ratio = calibration.log_ratio(score);
                assert!((ratio - 2.0 * score).abs() < 0.25, "{score}: {ratio}");
            }
            let answer = calibration.answer(1.0, 0.05).unwrap();
            assert!((answer.probability - sigmoid(2.0)).abs() < 0.03, "{answer:?}");
            assert!(!answer.at_bound);
        }
    }

    #[test]
    fn extreme_scores_have_the_ratio_that_the_clips_support() {
        let calibration = fitted(100, 100);
        let answer = calibration.answer(50.0, 0.05).unwrap();
        assert!(answer.at_bound && answer.decision == Decision::Fake, "{answer:?}");
        assert!(answer.log10_ratio <= libm::log10(101.0), "{answer:?}");
        assert_eq!(answer.probability, calibration.answer(60.0, 0.05).unwrap().probability);
    }

    #[test]
    fn a_calibration_survives_json() {
        let calibration = fitted(40, 20);
        let json = serde_json::to_string(&calibration).unwrap();
        assert_eq!(serde_json::from_str::<Calibration>(&json).unwrap(), calibration);
    }

    #[test]
    fn what_no_fit_gives_is_refused() {
        let valid = fitted(40, 20);
        assert_eq!(valid.check(), Ok(()));
        type Breaks = fn(&mut Calibration);
        let broken: [(&str, Breaks); 6] = [
            ("clips", |c| c.clips = serde_json::from_str(r#"{"fakes":[],"reals":[1.0]}"#).unwrap()),
            ("clips", |c| {
                c.clips = serde_json::from_str(r#"{"fakes":[2.0,1.0],"reals":[1.0]}"#).unwrap()
            }),
            ("function", |c| c.map = Map::Platt(crate::Platt { slope: f64::NAN, intercept: 0.0 })),
            ("function", |c| {
                c.map =
                    Map::Isotonic(crate::Isotonic { scores: vec![0.0], probabilities: Vec::new() });
            }),
            ("bounds", |c| c.bounds.low = 1.0),
            ("error rate", |c| c.error = 1.5),
        ];
        for (what, breaks) in broken {
            let mut calibration = valid.clone();
            breaks(&mut calibration);
            let text = calibration.check().unwrap_err().to_string();
            assert!(text.contains(what), "{what}: {text}");
        }
    }

    #[test]
    fn rates_and_folds_are_checked() {
        let options = CalibrateOptions { error: 1.0, ..CalibrateOptions::default() };
        assert!(Calibration::fit(&drawn(10, 10), &options).is_err());
        assert!(Calibration::fit(&drawn(10, 4), &CalibrateOptions::default()).is_err());
    }
}

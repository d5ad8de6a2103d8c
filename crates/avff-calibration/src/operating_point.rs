//! Thresholds at a chosen rate of false alarms, with the error of every rate.

use avff_metrics::Interval;
use serde::{Deserialize, Serialize};

use crate::{
    clips::Clips,
    error::{CalibrationError, level},
};

/// A threshold, and what it does to the clips that it was chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// The share of real clips that may be called fake.
    pub wanted: f64,
    /// A clip is called fake if its score is at least this number; `None` where the real clips are too
    /// few or too high for the wanted share, so that nothing is called fake.
    pub threshold: Option<f64>,
    /// The real clips that are called fake.
    pub false_positives: Rate,
    /// The fakes that are called fake.
    pub true_positives: Rate,
}

/// A share of clips with its exact interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The clips that count.
    pub hits: usize,
    /// All clips.
    pub clips: usize,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// Computes the interval after Clopper and Pearson, which covers at least `confidence`.
    ///
    /// # Errors
    /// [`CalibrationError::Level`] unless `confidence` is between 0 and 1.
    pub fn new(hits: usize, clips: usize, confidence: f64) -> Result<Self, CalibrationError> {
        let tail = (1.0 - level("the confidence", confidence)?) / 2.0;
        let low = if hits == 0 { 0.0 } else { quantile(hits - 1, clips, 1.0 - tail) };
        let high = if hits >= clips { 1.0 } else { quantile(hits, clips, tail) };
        Ok(Self { hits, clips, low, high })
    }

    /// The share; 0 of no clips.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.hits as f64 / self.clips.max(1) as f64
    }

    /// The interval.
    #[must_use]
    pub fn interval(&self) -> Interval {
        Interval { low: self.low, high: self.high }
    }
}

/// Finds the probability at which at most `hits` of `clips` have the chance `chance`, by bisection:
/// the chance falls as the probability grows.
fn quantile(hits: usize, clips: usize, chance: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    while high - low > 1e-15 {
        let middle = (low + high) / 2.0;
        if middle == low || middle == high {
            break;
        }
        if at_most(hits, clips, middle) > chance { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The chance of at most `hits` of `clips` at probability `p`: the binomial distribution.
fn at_most(hits: usize, clips: usize, p: f64) -> f64 {
    let (n, log_p, log_q) = (clips as f64, libm::log(p), libm::log1p(-p));
    let choose = |k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let term = |k: usize| {
        let k = k as f64;
        libm::exp(choose(k) + k * log_p + (n - k) * log_q)
    };
    (0..=hits).map(term).sum::<f64>().min(1.0)
}

impl OperatingPoint {
    /// Chooses the lowest threshold at which at most the share `wanted` of the real clips is called
    /// fake.
    ///
    /// # Errors
    /// [`CalibrationError::Level`] unless `wanted` and `confidence` are between 0 and 1.
    pub fn at(clips: &Clips, wanted: f64, confidence: f64) -> Result<Self, CalibrationError> {
        level("the rate of false positives", wanted)?;
        let mut reals = clips.reals.clone();
        reals.sort_by(|a, b| b.total_cmp(a));
        // The small number absorbs the rounding of products such as 0.07 * 100.
        let allowed = (wanted * reals.len() as f64 + 1e-9).floor() as usize;
        // All clips above the highest real clip that must stay below.
        let threshold = match reals.get(allowed) {
            Some(&below) => {
                let all = clips.fakes.iter().chain(&clips.reals);
                all.copied().filter(|&score| score > below).fold(f64::INFINITY, f64::min)
            }
            // All clips may be called fake.
            None => clips.labeled().map(|clip| clip.0).fold(f64::INFINITY, f64::min),
        };
        Self { wanted, threshold: threshold.is_finite().then_some(threshold), ..Self::NOTHING }
            .on(clips, confidence)
    }

    /// Applies the threshold to other clips.
    ///
    /// # Errors
    /// [`CalibrationError::Level`] unless `confidence` is between 0 and 1.
    pub fn on(self, clips: &Clips, confidence: f64) -> Result<Self, CalibrationError> {
        let is_fake = |score: f64| self.threshold.is_some_and(|threshold| score >= threshold);
        let called = |scores: &[f64]| {
            let hits = scores.iter().filter(|score| is_fake(**score)).count();
            Rate::new(hits, scores.len(), confidence)
        };
        let (false_positives, true_positives) = (called(&clips.reals)?, called(&clips.fakes)?);
        Ok(Self { false_positives, true_positives, ..self })
    }

    /// No clips and no threshold.
    const NOTHING: Self = {
        let none = Rate { hits: 0, clips: 0, low: 0.0, high: 1.0 };
        Self { wanted: 0.0, threshold: None, false_positives: none, true_positives: none }
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_keeps_its_share() {
        let scores: Vec<f64> = (0..40).map(f64::from).collect();
        // Reals are 0 to 19, fakes 20 to 39, but for two that are exchanged.
        let fake: Vec<bool> = (0..40).map(|at| (at >= 20) != (at == 25 || at == 5)).collect();
        let clips = Clips::new(&scores, &fake).unwrap();
        let point = |wanted| OperatingPoint::at(&clips, wanted, 0.95).unwrap();
        assert_eq!(point(0.01).threshold, Some(26.0));
        assert_eq!((point(0.01).false_positives.hits, point(0.01).true_positives.hits), (0, 14));
        assert_eq!((point(0.05).threshold, point(0.05).false_positives.hits), (Some(20.0), 1));
        assert_eq!(point(0.05).true_positives.share(), 19.0 / 20.0);
    }

    /// Closed forms for no hit, one hit and no miss; the other end by its definition.
    #[test]
    fn intervals_are_those_of_clopper_and_pearson() {
        let near = |rate: Rate, low: f64, high: f64| {
            assert!((rate.low - low).abs() < 1e-7 && (rate.high - high).abs() < 1e-7, "{rate:?}");
        };
        near(Rate::new(0, 15, 0.95).unwrap(), 0.0, 1.0 - 0.025_f64.powf(1.0 / 15.0));
        near(Rate::new(15, 15, 0.95).unwrap(), 0.025_f64.powf(1.0 / 15.0), 1.0);
        let one = Rate::new(1, 15, 0.95).unwrap();
        near(one, 1.0 - 0.975_f64.powf(1.0 / 15.0), one.high);
        let miss = 1.0 - one.high;
        let tail = miss.powi(15) + 15.0 * one.high * miss.powi(14);
        assert!((tail - 0.025).abs() < 1e-12, "{tail}");
        assert!(Rate::new(1, 15, 1.0).is_err());
    }

    #[test]
    fn too_few_clips_call_nothing_fake() {
        let clips = Clips::new(&[1.0, 2.0], &[true, false]).unwrap();
        let point = OperatingPoint::at(&clips, 0.01, 0.95).unwrap();
        assert_eq!((point.threshold, point.true_positives.hits), (None, 0));
    }
}

//! The range of likelihood ratios that a set of clips supports.

use serde::{Deserialize, Serialize};

use crate::clips::Clips;

/// The lowest and the highest log-likelihood ratio that the calibration clips support (ELUB).
///
/// A ratio is supported if deciding by it costs less than ignoring it, even if one more clip of each
/// class had misled as far as possible. With few clips the range is narrow: without any error among
/// n real clips, no ratio above n + 1 is supported.
///
/// Source: P. Vergeer et al., "Numerical likelihood ratios outputted by LR systems are often based on
/// extrapolation: when to stop extrapolating?", Science and Justice, 2016.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The lowest natural logarithm of the ratio, at most 0.
    pub low: f64,
    /// The highest natural logarithm of the ratio, at least 0.
    pub high: f64,
}

impl Bounds {
    /// Computes the range from the log-likelihood ratios of the calibration clips.
    #[must_use]
    pub fn new(log_ratios: &Clips) -> Self {
        let negated = |ratios: &[f64]| ratios.iter().map(|ratio| -ratio).collect();
        // What speaks for a real clip is a high ratio of the classes exchanged.
        let exchanged =
            Clips { fakes: negated(&log_ratios.reals), reals: negated(&log_ratios.fakes) };
        Self { low: -highest(&exchanged), high: highest(log_ratios) }
    }

    /// Limits a log-likelihood ratio to the range.
    #[must_use]
    pub fn limit(&self, log_ratio: f64) -> f64 {
        log_ratio.max(self.low).min(self.high)
    }
}

/// Returns the highest threshold `t` at which calling fake what exceeds it is better than calling
/// everything real, where the prior odds make `t` the threshold. With `hits` of the fakes and
/// `errors` of the reals above it, that is `exp(t) <= (hits / (n + 1)) / ((errors + 1) / (m + 1))`.
fn highest(log_ratios: &Clips) -> f64 {
    let [fakes, reals] = log_ratios.sorted();
    let above = |sorted: &[f64], t: f64| sorted.len() - sorted.partition_point(|&ratio| ratio < t);
    let mut highest = 0.0_f64;
    // Between two ratios of fakes the right side changes with errors alone, so the best threshold is
    // at a fake's ratio or where the right side equals it, below that ratio.
    for &t in fakes.iter().filter(|&&t| t > 0.0) {
        let hits = above(&fakes, t) as f64 / (fakes.len() + 1) as f64;
        let errors = (above(&reals, t) + 1) as f64 / (reals.len() + 1) as f64;
        highest = highest.max(t.min(libm::log(hits / errors)));
    }
    highest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn few_clips_support_small_ratios() {
        // Every fake is above every real: nine of ten hits remain, and one of ten errors is assumed.
        let scores: Vec<f64> = (0..18).map(|at| if at < 9 { 40.0 } else { -40.0 }).collect();
        let fake: Vec<bool> = (0..18).map(|at| at < 9).collect();
        let bounds = Bounds::new(&Clips::new(&scores, &fake).unwrap());
        assert!((bounds.high - libm::log(9.0)).abs() < 1e-12, "{bounds:?}");
        assert!((bounds.low + libm::log(9.0)).abs() < 1e-12, "{bounds:?}");
        assert_eq!(bounds.limit(40.0), bounds.high);
        assert_eq!(bounds.limit(-1.0), -1.0);
    }

    #[test]
    fn misleading_ratios_support_nothing() {
        let bounds = Bounds::new(&Clips::new(&[-5.0, 5.0], &[true, false]).unwrap());
        assert_eq!((bounds.low, bounds.high), (0.0, 0.0));
    }
}

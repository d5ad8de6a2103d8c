//! How good probabilities and likelihood ratios are, on clips that no fit has seen.

use avff_metrics::{Bootstrap, BootstrapOptions, MetricError, bootstrap};
use serde::{Deserialize, Serialize};

use crate::{
    brier::{CalibrationErrorByBin, brier, calibration_error},
    clips::Clips,
    cllr::{cllr, cllr_min},
    logistic::sigmoid,
};

/// Bins of the calibration error.
const BINS: usize = 10;

/// How good probabilities and likelihood ratios of labeled clips are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// The Brier score with its interval.
    pub brier: Bootstrap,
    /// The expected calibration error with its interval. It is above 0 even for perfect
    /// probabilities.
    pub ece: Bootstrap,
    /// The calibration error by bins, which a reliability diagram shows.
    pub reliability: CalibrationErrorByBin,
    /// The cost of the likelihood ratios, in bits.
    pub cllr: f64,
    /// The cost of the best ratios that scores in this order allow, in bits.
    pub cllr_min: f64,
}

impl Quality {
    /// Measures the log-likelihood ratios of scored clips. Probabilities are those at the clips' own
    /// share of fakes.
    ///
    /// # Errors
    /// [`MetricError`] if the lists differ in length, a value is not finite, a class is absent, or the
    /// options of the intervals are invalid.
    pub fn of(
        scores: &[f64],
        log_ratios: &[f64],
        is_fake: &[bool],
        options: &BootstrapOptions,
    ) -> Result<Self, MetricError> {
        let ratios = Clips::new(log_ratios, is_fake)?;
        let prior = ratios.prior_log_odds();
        let p: Vec<f64> = log_ratios.iter().map(|ratio| sigmoid(ratio + prior)).collect();
        let ece = |p: &[f64], is_fake: &[bool]| Ok(calibration_error(p, is_fake, BINS)?.ece);
        Ok(Self {
            brier: bootstrap(&p, is_fake, options, brier)?,
            ece: bootstrap(&p, is_fake, options, ece)?,
            reliability: calibration_error(&p, is_fake, BINS)?,
            cllr: cllr(&ratios),
            cllr_min: cllr_min(&Clips::new(scores, is_fake)?),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ratios_of_one_cost_a_bit_and_have_the_variance_of_the_labels() {
        let fake = [true, false, false, false];
        let options = BootstrapOptions { replicates: 20, ..BootstrapOptions::default() };
        let quality = Quality::of(&[0.0; 4], &[0.0; 4], &fake, &options).unwrap();
        assert!((quality.cllr - 1.0).abs() < 1e-12 && (quality.cllr_min - 1.0).abs() < 1e-12);
        // One of four is fake: 3/4 * (1/4)^2 + 1/4 * (3/4)^2.
        assert!((quality.brier.estimate - 0.1875).abs() < 1e-12);
        assert!(quality.ece.estimate < 1e-12);
    }
}

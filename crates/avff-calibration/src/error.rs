//! Errors of calibration.

use avff_metrics::MetricError;

/// Why scores cannot be calibrated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The scores or labels cannot be used.
    #[error(transparent)]
    Clips(#[from] MetricError),
    /// The fit did not end.
    #[error("{method}: the fit does not end; are the scores very large?")]
    NoFit {
        /// The method.
        method: &'static str,
    },
    /// A score of 0 separates the classes, so the best temperature is 0.
    #[error(
        "temperature: the sign of the score separates real and fake, so the best temperature is 0; use platt"
    )]
    Separated,
    /// Higher scores are not more likely fake, so no temperature above 0 fits.
    #[error("temperature: higher scores are not more likely fake; are real and fake exchanged?")]
    Inverted,
    /// A stored calibration has numbers that no fit gives.
    #[error("{what} cannot come from a fit")]
    Record {
        /// What is wrong.
        what: &'static str,
    },
    /// A level is not between 0 and 1.
    #[error("{what} is {value}, not above 0 and below 1")]
    Level {
        /// What it is a level of.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// There are fewer clips of a class than folds.
    #[error("{clips} {class} clips are fewer than {folds} folds")]
    Folds {
        /// The number of clips.
        clips: usize,
        /// `real` or `fake`.
        class: &'static str,
        /// The number of folds.
        folds: usize,
    },
}

/// Checks a level.
pub(crate) fn level(what: &'static str, value: f64) -> Result<f64, CalibrationError> {
    match value > 0.0 && value < 1.0 {
        true => Ok(value),
        false => Err(CalibrationError::Level { what, value }),
    }
}

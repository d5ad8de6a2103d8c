//! Calibration: what the scores of a detector mean, and what is decided from them.
//!
//! [`Record`] is what a checkpoint stores: probabilities, likelihood ratios and decisions, fitted on labeled clips, and
//! how these clips were prepared. A detector that prepares clips otherwise is [`Uncalibrated`].

mod attached;
mod judge;
mod outcomes;
mod record;
pub(crate) mod table;
pub mod words;

pub use avff_calibration::{
    Answer, CalibrateOptions, Calibration, CalibrationError, Decision, Method, OperatingPoint,
    Quality, Rate,
};

pub(crate) use self::attached::expect_same_preparation;
pub use self::{
    attached::{CALIBRATION_ENTRY, Uncalibrated, read, side_file},
    judge::Judge,
    outcomes::{Counts, Outcomes},
    record::{FittedOn, Propositions, Record, Tested, TestedKind},
};

/// The score that calibrations are fitted to: the log odds of `y_pred`.
///
/// A probability that is rounded to 0 or 1 counts as the nearest other `f32`, so the score is finite.
#[must_use]
pub fn log_odds(y_pred: f32) -> f64 {
    logit(f64::from(y_pred.clamp(f32::MIN_POSITIVE, 1.0 - f32::EPSILON / 2.0)))
}

/// The log odds of a probability; 0 and 1 count as the nearest other numbers.
pub(crate) fn logit(p: f64) -> f64 {
    let p = p.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_odds_are_the_logit_and_finite() {
        assert_eq!(log_odds(0.5), 0.0);
        let logit = 2.5_f32;
        assert!((log_odds(1.0 / (1.0 + (-logit).exp())) - 2.5).abs() < 1e-6);
        assert!((16.0..17.0).contains(&log_odds(1.0)), "{}", log_odds(1.0));
        assert!((-88.0..-87.0).contains(&log_odds(0.0)), "{}", log_odds(0.0));
    }
}

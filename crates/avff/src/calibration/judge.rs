//! Answers from scores.

use std::sync::Arc;

use super::{Answer, Record, log_odds};
use crate::score::Logits;

/// A calibration at an error rate: what a detector answers with.
#[derive(Debug, Clone)]
pub struct Judge {
    record: Arc<Record>,
    error: f64,
}

impl Judge {
    /// `error` is the error rate of each class; `None` for that of the calibration.
    pub(crate) fn new(record: Record, error: Option<f64>) -> Self {
        let error = error.unwrap_or(record.calibration.error);
        Self { record: Arc::new(record), error }
    }

    /// The calibration, and what it was fitted and tested on.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The error rate of each class.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }

    /// The lowest error rate at which so many calibration clips can exclude a class.
    #[must_use]
    pub fn lowest_error(&self) -> f64 {
        let [fakes, reals] = self.record.calibration.clips.counts();
        1.0 / (fakes.min(reals) + 1) as f64
    }

    /// What the outputs for a clip mean.
    #[must_use]
    pub fn answer(&self, logits: Logits) -> Option<Answer> {
        let score = log_odds(logits.probability_fake());
        // The builder has checked the error rate.
        self.record.calibration.answer(score, self.error).ok()
    }
}

//! The plateau schedule, which lowers the learning rate when a metric stops improving.

use avff_metrics::Better;
use serde::{Deserialize, Serialize};

use super::{Schedule, share};
use crate::error::Problem;

/// Settings of [`Schedule::Plateau`], as in PyTorch's `ReduceLROnPlateau` with a relative
/// threshold.
///
/// `min_factor` corresponds to PyTorch's `min_lr`, as a fraction of the initial learning rate.
/// PyTorch's `eps`, which suppresses changes of less than 1e-8, has no counterpart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// Validation metric. By default, the total loss or mAP, depending on the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Factor of the learning rate.
    #[serde(default = "Plateau::default_factor")]
    pub factor: f64,
    /// Number of consecutive validations without improvement that are tolerated; the next one
    /// lowers the learning rate.
    #[serde(default = "Plateau::default_patience")]
    pub patience: u64,
    /// Minimum improvement, as a fraction of the best value.
    #[serde(default = "Plateau::default_threshold")]
    pub threshold: f64,
    /// Lower limit of the total factor.
    #[serde(default)]
    pub min_factor: f64,
    /// Number of validations after a reduction that are not counted.
    #[serde(default)]
    pub cooldown: u64,
}

impl Plateau {
    fn default_factor() -> f64 {
        0.1
    }

    fn default_patience() -> u64 {
        10
    }

    fn default_threshold() -> f64 {
        1e-4
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let below_one = self.factor > 0.0 && self.factor < 1.0;
        Problem::unless(below_one, "factor", self.factor, "above 0 and below 1")?;
        let threshold = (0.0..1.0).contains(&self.threshold);
        Problem::unless(threshold, "threshold", self.threshold, "from 0 up and below 1")?;
        share("min_factor", self.min_factor)
    }

    fn is_better(&self, value: f64, best: Option<f64>, better: Better) -> bool {
        match better {
            Better::Lower => value < best.unwrap_or(f64::INFINITY) * (1.0 - self.threshold),
            Better::Higher => value > best.unwrap_or(f64::NEG_INFINITY) * (1.0 + self.threshold),
        }
    }
}

impl Default for Plateau {
    /// PyTorch's defaults.
    fn default() -> Self {
        Self {
            metric: None,
            factor: Self::default_factor(),
            patience: Self::default_patience(),
            threshold: Self::default_threshold(),
            min_factor: 0.0,
            cooldown: 0,
        }
    }
}

/// The state of a [`Plateau`] schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// Current factor of the learning rate.
    pub factor: f64,
    /// Best value so far.
    pub best: Option<f64>,
    /// Number of consecutive values without improvement.
    pub bad: u64,
    /// Number of values that will not be counted.
    pub cooldown_left: u64,
}

impl Default for PlateauState {
    /// The state before the first validation.
    fn default() -> Self {
        Self { factor: 1.0, best: None, bad: 0, cooldown_left: 0 }
    }
}

impl PlateauState {
    /// Updates the state with the metric of a validation; other schedules ignore it. NaN is never
    /// an improvement.
    pub fn observe(&mut self, schedule: &Schedule, value: f64, better: Better) {
        let Schedule::Plateau(plateau) = schedule else { return };
        if plateau.is_better(value, self.best, better) {
            (self.best, self.bad) = (Some(value), 0);
        } else {
            self.bad += 1;
        }
        if self.cooldown_left > 0 {
            (self.cooldown_left, self.bad) = (self.cooldown_left - 1, 0);
        }
        if self.bad > plateau.patience {
            self.factor = (self.factor * plateau.factor).max(plateau.min_factor);
            (self.cooldown_left, self.bad) = (plateau.cooldown, 0);
        }
    }
}

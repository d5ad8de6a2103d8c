//! Lower rates when a metric no longer gets better.

use avff_metrics::Better;
use serde::{Deserialize, Serialize};

use super::{Schedule, share};
use crate::error::Problem;

/// Settings of [`Schedule::Plateau`], those of PyTorch's `ReduceLROnPlateau` with a relative threshold.
///
/// PyTorch's `min_lr` is `min_factor` here, a share of the rate the run starts with; its `eps`, which
/// keeps back changes of less than 1e-8, is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// The validation metric; the stage's own if not given: the total loss, or mAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What the rate is multiplied by.
    #[serde(default = "Plateau::default_factor")]
    pub factor: f64,
    /// How many validations in a row may bring nothing better; the next one that does not lowers the
    /// rate.
    #[serde(default = "Plateau::default_patience")]
    pub patience: u64,
    /// By what share of the best value a value must be better to count.
    #[serde(default = "Plateau::default_threshold")]
    pub threshold: f64,
    /// The lowest factor of all.
    #[serde(default)]
    pub min_factor: f64,
    /// Validations after the rate was lowered in which none counts against it.
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

/// How the metric of a [`Plateau`] has gone so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// What the rate is multiplied by now.
    pub factor: f64,
    /// The best value so far.
    pub best: Option<f64>,
    /// Values in a row that were no better.
    pub bad: u64,
    /// Values that will not count against the rate.
    pub cooldown_left: u64,
}

impl Default for PlateauState {
    /// Nothing observed.
    fn default() -> Self {
        Self { factor: 1.0, best: None, bad: 0, cooldown_left: 0 }
    }
}

impl PlateauState {
    /// Takes in the metric of a validation; other schedules change nothing. NaN is no better than
    /// anything.
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

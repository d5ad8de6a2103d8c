//! Learning-rate schedules.
//!
//! A [`Schedule`] gives a factor for all learning rates at a position of the run. Only the position
//! determines it, so a resumed run continues with the learning rate of an uninterrupted one. The
//! history of a metric does not follow from the position, so checkpoints store it as a
//! [`PlateauState`].

mod plateau;

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

pub use self::plateau::{Plateau, PlateauState};
use crate::error::Problem;

/// A learning-rate schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// No change.
    #[default]
    Constant,
    /// Multiplies the learning rate after certain epochs, like PyTorch's `MultiStepLR` stepped once
    /// per epoch.
    MultiStep {
        /// Numbers of epochs after which the factor is applied once more. With 10, the first ten
        /// epochs use the full learning rate, and the eleventh is the first with the lower one.
        milestones: Vec<u64>,
        /// Factor of the learning rate.
        gamma: f64,
    },
    /// Half a cosine from 1 to `min_factor` over all epochs, updated every step (Loshchilov and
    /// Hutter 2017, with the warm-up of MAE's `lr_sched.py`).
    Cosine {
        /// Epochs of linear warm-up from 0, updated every step; the cosine fills the rest.
        #[serde(default)]
        warmup_epochs: f64,
        /// Factor at the end.
        #[serde(default)]
        min_factor: f64,
    },
    /// Repeated half cosines, like PyTorch's `CosineAnnealingWarmRestarts` stepped once per step.
    CosineRestarts {
        /// Epochs in the first cycle.
        first_epochs: u64,
        /// Length of a cycle as a multiple of the previous one.
        #[serde(default = "Schedule::same_length")]
        factor: f64,
        /// Factor at the end of a cycle.
        #[serde(default)]
        min_factor: f64,
        /// Epochs of linear warm-up from 0 before the first cycle, updated every step.
        #[serde(default)]
        warmup_epochs: f64,
    },
    /// Multiplies the learning rate when a metric stops improving, like PyTorch's
    /// `ReduceLROnPlateau`.
    Plateau(Plateau),
}

/// A position in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Step within the epoch, from 0.
    pub step_in_epoch: u64,
    /// Steps per epoch.
    pub steps_per_epoch: u64,
    /// Epochs in the run.
    pub epochs: u64,
}

impl Progress {
    /// Returns the number of completed epochs, with fraction.
    fn passed(self) -> f64 {
        self.epoch as f64 + self.step_in_epoch as f64 / self.steps_per_epoch.max(1) as f64
    }
}

impl Schedule {
    fn same_length() -> f64 {
        1.0
    }

    /// Returns the factor of all learning rates for the step at `at`.
    ///
    /// Only [`Schedule::Plateau`] uses `plateau`.
    #[must_use]
    pub fn factor(&self, at: Progress, plateau: &PlateauState) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::MultiStep { milestones, gamma } => milestones
                .iter()
                .filter(|&&milestone| milestone <= at.epoch)
                .fold(1.0, |factor, _| factor * gamma),
            &Self::Cosine { warmup_epochs, min_factor } => {
                let passed = at.passed();
                if passed < warmup_epochs {
                    return passed / warmup_epochs;
                }
                let length = at.epochs as f64 - warmup_epochs;
                half_cosine(passed - warmup_epochs, length, min_factor)
            }
            &Self::CosineRestarts { first_epochs, factor, min_factor, warmup_epochs } => {
                let passed = at.passed();
                if passed < warmup_epochs {
                    return passed / warmup_epochs;
                }
                let (passed, length) = in_cycle(passed - warmup_epochs, first_epochs, factor);
                half_cosine(passed, length, min_factor)
            }
            Self::Plateau(_) => plateau.factor,
        }
    }

    /// Returns the validation metric of a plateau schedule, if it names one.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        match self {
            Self::Plateau(plateau) => plateau.metric.as_deref(),
            _ => None,
        }
    }

    /// Checks the settings for a run of `epochs`.
    pub(crate) fn check(&self, epochs: u64) -> Result<(), Problem> {
        let warmup = |warmup: f64| {
            let inside = (0.0..epochs as f64).contains(&warmup);
            let rule = format!("at least 0 (no warm-up) and below `epochs`, which is {epochs}");
            Problem::unless(inside, "warmup_epochs", warmup, &rule)
        };
        match self {
            Self::Constant => Ok(()),
            Self::MultiStep { milestones, gamma } => {
                let rising = milestones.is_sorted_by(|one, next| one < next);
                let from_one = milestones.first().is_none_or(|&first| first >= 1);
                let shown = format!("{milestones:?}");
                Problem::unless(
                    rising && from_one,
                    "milestones",
                    shown,
                    "epochs of at least 1 in increasing order",
                )?;
                let positive = gamma.is_finite() && *gamma > 0.0;
                Problem::unless(positive, "gamma", gamma, "a number above 0")
            }
            &Self::Cosine { warmup_epochs, min_factor } => {
                warmup(warmup_epochs)?;
                share("min_factor", min_factor)
            }
            &Self::CosineRestarts { first_epochs, factor, min_factor, warmup_epochs } => {
                Problem::unless(first_epochs >= 1, "first_epochs", first_epochs, "at least 1")?;
                let longer = factor.is_finite() && factor >= 1.0;
                Problem::unless(longer, "factor", factor, "a number of at least 1")?;
                share("min_factor", min_factor)?;
                warmup(warmup_epochs)
            }
            Self::Plateau(plateau) => plateau.check(),
        }
    }
}

fn share(key: &str, value: f64) -> Result<(), Problem> {
    Problem::unless((0.0..=1.0).contains(&value), key, value, "from 0 to 1")
}

/// Returns half a cosine from 1 at 0 to `minimum` at `length`, and `minimum` after that.
fn half_cosine(passed: f64, length: f64, minimum: f64) -> f64 {
    if passed >= length {
        return minimum;
    }
    minimum + (1.0 - minimum) * 0.5 * (1.0 + (PI * passed / length).cos())
}

/// Returns the position within the current cycle, and the length of the cycle.
fn in_cycle(passed: f64, first: u64, factor: f64) -> (f64, f64) {
    let first = first.max(1) as f64;
    if factor <= 1.0 {
        return (passed % first, first);
    }
    let (mut passed, mut length) = (passed, first);
    while passed >= length {
        passed -= length;
        length *= factor;
    }
    (passed, length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

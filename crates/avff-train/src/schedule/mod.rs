//! How the learning rate changes over a run.
//!
//! A [`Schedule`] gives the factor of every learning rate at a place of the run. The place alone decides,
//! so a resumed run goes on at the rate it would have had; what cannot be known from the place, how a
//! metric has gone, is a [`PlateauState`] that travels with the checkpoint.

mod plateau;

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

pub use self::plateau::{Plateau, PlateauState};
use crate::error::Problem;

/// How the learning rate changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// By a factor after each of some epochs, as PyTorch's `MultiStepLR` stepped once an epoch.
    MultiStep {
        /// After how many epochs the factor comes in, once for each: with 10, the first ten epochs run
        /// at the full rate and the eleventh is the first at the lower one.
        milestones: Vec<u64>,
        /// The factor.
        gamma: f64,
    },
    /// Half a cosine from 1 to `min_factor` over all epochs, step by step (Loshchilov and Hutter 2017,
    /// with the warm-up of MAE's `lr_sched.py`).
    Cosine {
        /// Epochs in which the factor rises linearly from 0, step by step; the cosine fills the rest.
        #[serde(default)]
        warmup_epochs: f64,
        /// The factor at the end.
        #[serde(default)]
        min_factor: f64,
    },
    /// Half a cosine again and again, as PyTorch's `CosineAnnealingWarmRestarts` stepped once a step.
    CosineRestarts {
        /// Epochs of the first cycle.
        first_epochs: u64,
        /// The length of a cycle in lengths of the one before it.
        #[serde(default = "Schedule::same_length")]
        factor: f64,
        /// The factor at the end of a cycle.
        #[serde(default)]
        min_factor: f64,
        /// Epochs before the first cycle in which the factor rises linearly from 0, step by step.
        #[serde(default)]
        warmup_epochs: f64,
    },
    /// By a factor when a metric no longer gets better, as PyTorch's `ReduceLROnPlateau`.
    Plateau(Plateau),
}

/// A place in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The step in it, from 0.
    pub step_in_epoch: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the run.
    pub epochs: u64,
}

impl Progress {
    /// Epochs that are behind, with their fraction.
    fn passed(self) -> f64 {
        self.epoch as f64 + self.step_in_epoch as f64 / self.steps_per_epoch.max(1) as f64
    }
}

impl Schedule {
    fn same_length() -> f64 {
        1.0
    }

    /// What every learning rate is multiplied by in the step at `at`.
    ///
    /// `plateau` matters to [`Schedule::Plateau`] alone.
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

    /// The validation metric it goes by, where it names one.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        match self {
            Self::Plateau(plateau) => plateau.metric.as_deref(),
            _ => None,
        }
    }

    /// What is wrong with it in a run of `epochs`.
    pub(crate) fn check(&self, epochs: u64) -> Result<(), Problem> {
        let warmup = |warmup: f64| {
            let inside = (0.0..epochs as f64).contains(&warmup);
            let rule = format!("from 0 (no warm-up) up and below `epochs`, which is {epochs}");
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
                    "epochs from 1 up in rising order",
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
                Problem::unless(longer, "factor", factor, "a number from 1 up")?;
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

/// Half a cosine from 1 at 0 to `least` at `length`, and `least` from there on.
fn half_cosine(passed: f64, length: f64, least: f64) -> f64 {
    if passed >= length {
        return least;
    }
    least + (1.0 - least) * 0.5 * (1.0 + (PI * passed / length).cos())
}

/// How far the cycle that `passed` lies in has come, and how long it is.
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

//! Training and validation of the AVFF network.
//!
//! A [`Recipe`] describes a run as a TOML file. A [`learner`] implements what is specific to a
//! stage. The [`trainer`] is the training loop around it. A run can be interrupted anywhere and
//! resumes to bit-identical weights.
//!
//! # Layout
//!
//! - [`recipe`]: the settings of a run: reading, overriding, writing.
//! - [`learner`]: gradients and validation of each stage.
//! - [`trainer`]: the training loop, training checkpoints and progress reports.
//! - [`optim`], [`schedule`], [`average`]: optimizers, learning-rate schedules and weight averages.
//! - [`params`], [`gradients`]: the parameters of a module, and their gradients, as lists.
//! - [`run`]: the folder of a run: logs, tables and plots.
//! - [`distributed`]: the processes of a data parallel run.
//! - [`error`]: errors of training.
//!
//! Metrics are in the separate crate `avff-metrics`, so that scoring does not need this crate.

#![forbid(unsafe_code)]

// Tests share the code of `tests/support` with those beside this crate.
#[cfg(test)]
extern crate self as avff_train;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod average;
pub mod distributed;
pub mod error;
pub mod gradients;
pub mod learner;
pub mod optim;
pub mod params;
pub mod recipe;
pub mod run;
pub mod schedule;
pub mod trainer;

pub use error::TrainError;
pub use recipe::Recipe;

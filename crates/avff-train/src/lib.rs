//! What surrounds the AVFF network when it is trained and judged.
//!
//! A [`Recipe`] is a run as a TOML file; a [`learner`] is what is particular about a stage; the
//! [`trainer`] is the loop around it, whose runs can be interrupted anywhere and resumed to the same
//! weights.
//!
//! # Layout
//!
//! - [`recipe`]: a run's settings, read, changed and written back.
//! - [`learner`]: how a batch becomes gradients, and how a network is judged, stage by stage.
//! - [`trainer`]: the loop, states, what a run tells.
//! - [`optim`], [`schedule`], [`average`]: how weights follow gradients.
//! - [`params`], [`gradients`]: a module's parameters, and their gradients, as lists.
//! - [`run`]: the folder of a training run and what a person sees there: logs, tables, plots.
//! - [`distributed`]: the processes of a data-parallel run.
//! - [`error`]: why a run could not start or go on.
//!
//! Metrics are a crate of their own, `avff-metrics`, so that scoring needs no training.

#![forbid(unsafe_code)]

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

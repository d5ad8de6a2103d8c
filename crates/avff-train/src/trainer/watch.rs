//! What a run tells whoever watches it.

use std::{path::Path, time::Duration};

use avff_data::ClipError;

use crate::{error::TrainError, learner::Values};

/// A step that was taken.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Counted from 1.
    pub epoch: u64,
    /// Counted from 1, over all epochs.
    pub step: u64,
    /// Counted from 1, within the epoch.
    pub step_in_epoch: u64,
    /// The most steps an epoch has.
    pub steps_per_epoch: u64,
    /// Clips of all processes.
    pub clips: usize,
    /// How long the network waited for data.
    pub waited: Duration,
    /// The whole step, the waiting too.
    pub took: Duration,
    /// Losses first, then rate and gradient norm.
    pub values: Values,
}

/// An epoch that is over.
#[derive(Debug, Clone)]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: u64,
    /// Steps so far, over all epochs.
    pub step: u64,
    /// Means over its steps.
    pub train: Vec<(String, f64)>,
    /// Rate of its last step.
    pub lr: f64,
    /// What validation found; empty where there was none.
    pub validation: Vec<(String, f64)>,
    /// Whether it is the best so far.
    pub is_best: bool,
    /// How long validation took.
    pub validated_in: Duration,
    /// Steps left out so far.
    pub skipped: u64,
}

/// Is told how a run goes. An error ends the run.
#[expect(unused_variables, reason = "most watchers look at some things only")]
pub trait Watch {
    /// A step was taken.
    ///
    /// # Errors
    /// Whatever keeps the watcher from its work.
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        Ok(())
    }

    /// So many clips were judged in the validation that is going on.
    ///
    /// # Errors
    /// Whatever keeps the watcher from its work.
    fn judged(&mut self, clips: u64) -> Result<(), TrainError> {
        Ok(())
    }

    /// An epoch is over and judged, which no saved state knows yet.
    ///
    /// # Errors
    /// Whatever keeps the watcher from its work.
    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        Ok(())
    }

    /// A state was saved.
    ///
    /// # Errors
    /// Whatever keeps the watcher from its work.
    fn saved(&mut self, path: &Path) -> Result<(), TrainError> {
        Ok(())
    }

    /// A clip could not be read and is left out.
    ///
    /// # Errors
    /// Whatever keeps the watcher from its work.
    fn left_out(&mut self, error: &ClipError) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Looks at nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}

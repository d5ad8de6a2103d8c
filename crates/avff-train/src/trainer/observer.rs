//! Progress reports of a run.

use std::{path::Path, time::Duration};

use avff_data::ClipError;

use crate::{error::TrainError, learner::Values};

/// Report of a step.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Step over all epochs, counted from 1.
    pub step: u64,
    /// Step within the epoch, counted from 1.
    pub step_in_epoch: u64,
    /// Maximum number of steps per epoch.
    pub steps_per_epoch: u64,
    /// Number of clips of all processes.
    pub clips: usize,
    /// Time spent waiting for data.
    pub waited: Duration,
    /// Total time of the step, including waiting.
    pub took: Duration,
    /// Losses first, then learning rate and gradient norm.
    pub values: Values,
}

/// Report of an epoch.
#[derive(Debug, Clone)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Number of steps so far, over all epochs.
    pub step: u64,
    /// Means over the steps of the epoch.
    pub train: Vec<(String, f64)>,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Results of the validation; empty without validation.
    pub validation: Vec<(String, f64)>,
    /// Whether this epoch is the best so far.
    pub is_best: bool,
    /// Duration of the validation.
    pub validated_in: Duration,
    /// Number of skipped steps so far.
    pub skipped: u64,
}

/// Receives progress reports of a run. An error ends the run.
#[expect(unused_variables, reason = "most observers use only some reports")]
pub trait Observer {
    /// Reports the number of clips of a manifest that were opened so far, before the first step.
    ///
    /// # Errors
    /// Any error of the observer.
    fn opened(&mut self, clips: usize, total: usize) -> Result<(), TrainError> {
        Ok(())
    }

    /// Reports a step.
    ///
    /// # Errors
    /// Any error of the observer.
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        Ok(())
    }

    /// Reports the number of clips evaluated so far in the current validation.
    ///
    /// # Errors
    /// Any error of the observer.
    fn validated(&mut self, clips: u64) -> Result<(), TrainError> {
        Ok(())
    }

    /// Reports a validated epoch, before it is saved.
    ///
    /// # Errors
    /// Any error of the observer.
    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        Ok(())
    }

    /// Reports a saved training checkpoint.
    ///
    /// # Errors
    /// Any error of the observer.
    fn saved(&mut self, path: &Path) -> Result<(), TrainError> {
        Ok(())
    }

    /// Reports an unreadable clip that is skipped.
    ///
    /// # Errors
    /// Any error of the observer.
    fn clip_skipped(&mut self, error: &ClipError) -> Result<(), TrainError> {
        Ok(())
    }
}

/// An observer that ignores all reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

//! The folder of a run, and the reports in it.
//!
//! A run has a [folder], whose files are listed there, and reports through a [`RunLog`]. Each
//! number goes to `metrics.jsonl`, from which tables and charts are made, and to TensorBoard.
//! Training passes plain numbers; this module does not depend on tensors.
//!
//! - [`folder`]: the files of a run, and its lock
//! - [`info`]: `run.json`, the description and state of a run
//! - [`record`]: named numbers of a step or an epoch
//! - [`log`]: the interface for the training loop
//! - [`metrics`], [`result`], [`tensorboard`]: the files with the numbers; `plots`: charts, with
//!   the feature `plots`
//! - [`skipped`]: the list of clips that could not be read
//! - [`history`]: the metrics of a run in bounded memory
//! - [`progress`]: speed and remaining time
//! - [`table`]: the text table of an epoch
//! - [`overview`]: a summary of a run; [`compare`]: the differences between two runs

pub mod compare;
pub mod error;
pub mod folder;
pub mod history;
pub mod info;
pub mod log;
pub mod metrics;
mod names;
pub mod overview;
#[cfg(feature = "plots")]
pub mod plots;
pub mod progress;
pub mod record;
pub mod result;
pub mod skipped;
pub mod table;
pub mod tensorboard;
#[cfg(test)]
mod testing;
mod utc;

pub use self::{
    error::RunError,
    folder::RunFolder,
    history::History,
    info::{About, BestBy, RunInfo, State},
    log::RunLog,
    names::better,
    overview::Overview,
    progress::{Speed, SpeedTracker, StepTime},
    record::{Kind, Position, Record, Values},
    table::epoch_table,
};

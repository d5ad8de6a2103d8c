//! What a run leaves for people to see.
//!
//! A run has a [folder], whose files are listed there, and reports through a [`RunLog`]: each number
//! goes to `metrics.jsonl`, from which tables and charts are made, and to TensorBoard. Training hands over
//! plain numbers; nothing here knows tensors.
//!
//! - [`folder`]: the layout, and who may write
//! - [`info`]: `run.json`, what a run is and how it stands
//! - [`record`]: named numbers at a step or an epoch
//! - [`log`]: the one thing training calls
//! - [`metrics`], [`result`], [`tensorboard`]: where the numbers go; `plots`: charts of them, with the
//!   feature `plots`
//! - [`history`]: a run's numbers in bounded memory
//! - [`progress`]: speed and time left
//! - [`table`]: the table of an epoch
//! - [`overview`]: a run seen from outside; [`compare`]: what two differ in

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
    progress::{Pace, Reading, StepTime},
    record::{Kind, Position, Record, Values},
    table::epoch_table,
};

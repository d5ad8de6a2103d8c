//! Everything that can be set about a loader, as plain data that is stored with a run.

use avff_datasets::Dataset;
use serde::{Deserialize, Serialize};

use super::order::{Order, Shard};
use crate::{augment::AugmentConfig, error::DataError, spec::ClipSpec};

/// The most samples of a batch, and the most that wait or are worked on.
const MAX_BATCH: usize = 1 << 16;
const MAX_IN_FLIGHT: usize = 1 << 12;

/// How a dataset becomes batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderConfig {
    /// Samples in a batch.
    pub batch: usize,
    /// What all chance is drawn from.
    #[serde(default)]
    pub seed: u64,
    /// The order of rows.
    pub order: Order,
    /// The part of every epoch that this process gets.
    #[serde(default)]
    pub shard: Shard,
    /// Whether a last batch that is not full is given.
    pub last: LastBatch,
    /// What becomes of clips that cannot be read.
    #[serde(default)]
    pub unreadable: Unreadable,
    /// Which window of a clip is its sample, where clips are read in windows.
    #[serde(default)]
    pub window: WindowChoice,
    /// What is varied.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// Threads that read clips; with 0 the caller does as it asks for a batch.
    pub workers: usize,
    /// Samples that may wait for the caller, at 10 MB each at the released sizes.
    pub ahead: usize,
}

/// What becomes of a last batch that is not full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastBatch {
    /// It is given as it is.
    Keep,
    /// It is not given.
    Drop,
}

/// What becomes of clips that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// The first one ends the epoch.
    #[default]
    Error,
    /// They are left out and named ([`Epoch::left_out`](super::Epoch::left_out)); the batch they
    /// would have been in is filled with the samples that follow. An epoch then has fewer samples, and processes may have different numbers
    /// of batches. An epoch in which no clip at all can be read ends in the last one's error.
    Skip,
}

/// Which window of a clip is its sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowChoice {
    /// Any, each as likely, drawn anew every epoch: for training.
    #[default]
    Random,
    /// The one in the middle: the same in every epoch, for validation.
    Middle,
}

impl LoaderConfig {
    /// For training: shuffled, full batches only. Nothing is varied yet.
    #[must_use]
    pub fn training(batch: usize, seed: u64) -> Self {
        Self {
            seed,
            order: Order::Shuffled,
            last: LastBatch::Drop,
            window: WindowChoice::Random,
            ..Self::validation(batch)
        }
    }

    /// For validation: every clip once, in order.
    #[must_use]
    pub fn validation(batch: usize) -> Self {
        Self {
            batch,
            seed: 0,
            order: Order::Plain,
            shard: Shard::default(),
            last: LastBatch::Keep,
            unreadable: Unreadable::Error,
            window: WindowChoice::Middle,
            augment: AugmentConfig::default(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            ahead: 16,
        }
    }

    pub(super) fn validate(&self, dataset: &Dataset, spec: &ClipSpec) -> Result<(), DataError> {
        let within = |field, value: usize, low, high| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            let rule = format!("from {low} to {high}");
            Err(DataError::setting(field, value, rule))
        };
        within("batch", self.batch, 1, MAX_BATCH)?;
        within("workers", self.workers, 0, MAX_IN_FLIGHT)?;
        within("ahead", self.ahead, 0, MAX_IN_FLIGHT)?;
        self.augment.validate(spec)?;
        if self.augment.mix.is_none() {
            return Ok(());
        }
        let fault = |rule: String| Err(DataError::setting("augment.mix", "set", rule));
        if let Some(row) = dataset.unlabelled() {
            return fault(format!("left out where rows have no target, as in line {}", row.line));
        }
        if dataset.len() < 2 {
            return fault("left out where there is one clip only".into());
        }
        Ok(())
    }
}

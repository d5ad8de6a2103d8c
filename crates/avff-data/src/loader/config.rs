//! Loader settings, as plain data that is stored with a run.

use avff_datasets::Dataset;
use serde::{Deserialize, Serialize};

use super::{
    cut::Cut,
    order::{Order, Shard},
};
use crate::{augment::AugmentConfig, error::DataError, spec::ClipSpec};

/// Maximum number of samples per batch, and of workers and waiting samples.
const MAX_BATCH: usize = 1 << 16;
const MAX_IN_FLIGHT: usize = 1 << 12;

/// How a dataset is converted to batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderConfig {
    /// Number of samples per batch; with a cut, of all processes together.
    pub batch: usize,
    /// The random seed.
    #[serde(default)]
    pub seed: u64,
    /// The order of rows.
    pub order: Order,
    /// The shard of every epoch for this process.
    #[serde(default)]
    pub shard: Shard,
    /// The parts of every batch, in place of a shard.
    #[serde(default)]
    pub cut: Cut,
    /// How to treat an incomplete last batch.
    pub last: LastBatch,
    /// How to treat unreadable clips.
    #[serde(default)]
    pub unreadable: Unreadable,
    /// The window selection, if clips are read in windows.
    #[serde(default)]
    pub window: WindowChoice,
    /// Data augmentation.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// Number of threads that read clips; with 0, the caller reads them.
    pub workers: usize,
    /// Number of samples that may wait for the caller, 10 MB each at the released sizes.
    #[serde(alias = "ahead")]
    pub prefetch: usize,
}

/// How to treat an incomplete last batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastBatch {
    /// The batch is returned as it is.
    Keep,
    /// The batch is dropped.
    Drop,
}

/// How to treat unreadable clips.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// The first unreadable clip ends the epoch.
    #[default]
    Error,
    /// Unreadable clips are skipped and reported ([`Epoch::skipped`](super::Epoch::skipped)), and
    /// the following samples fill the batch. An epoch then has fewer samples, and processes may
    /// have different numbers of batches. An epoch without any readable clip ends with the last
    /// clip's error.
    Skip,
}

/// Selection of a clip's window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowChoice {
    /// A uniformly random window, new in every epoch: for training.
    #[default]
    Random,
    /// The middle window, equal in every epoch: for validation.
    Middle,
}

impl LoaderConfig {
    /// Settings for training: shuffled, complete batches only, without augmentation.
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

    /// Settings for validation: every clip once, in order.
    #[must_use]
    pub fn validation(batch: usize) -> Self {
        Self {
            batch,
            seed: 0,
            order: Order::Plain,
            shard: Shard::default(),
            cut: Cut::default(),
            last: LastBatch::Keep,
            unreadable: Unreadable::Error,
            window: WindowChoice::Middle,
            augment: AugmentConfig::default(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            prefetch: 16,
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
        within("prefetch", self.prefetch, 0, MAX_IN_FLIGHT)?;
        self.cut.validate()?;
        if !self.cut.is_whole() {
            if self.shard != Shard::default() {
                return Err(DataError::setting("shard", "set", "absent if batches are cut"));
            }
            if self.unreadable == Unreadable::Skip {
                let rule = "`error` if processes share a batch";
                return Err(DataError::setting("unreadable", "skip", rule));
            }
        }
        self.augment.validate(spec)?;
        if self.augment.mix.is_none() {
            return Ok(());
        }
        let invalid = |rule: String| Err(DataError::setting("augment.mix", "set", rule));
        if let Some(row) = dataset.unlabeled() {
            return invalid(format!("absent if rows have no target, as in line {}", row.line));
        }
        if dataset.len() < 2 {
            return invalid("absent if there is only one clip".into());
        }
        Ok(())
    }
}

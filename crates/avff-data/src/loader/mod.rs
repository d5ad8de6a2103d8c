//! Batches for training and validation.
//!
//! A [`Loader`] combines a [`Dataset`], a clip reader and a [`LoaderConfig`]. [`Loader::epoch`] and
//! [`Loader::resume`] return an [`Epoch`], an iterator of [`Batch`]es that threads prepare in
//! advance.
//!
//! The samples of a batch and all their values depend only on dataset, config and epoch. They do
//! not depend on threads, timing or interruptions. A [`LoaderState`] is the progress of an epoch,
//! to be saved with a checkpoint.
//!
//! An unreadable clip is never replaced by placeholder values. It ends the epoch with an error, or
//! it is skipped and reported, and the following clips fill the batch ([`Unreadable`]).
//!
//! - [`order`]: the order of rows, and their shards.
//! - [`cut`]: batches in parts.
//! - [`config`]: all settings.
//! - [`reader`]: reads a window of a clip, through the cache if there is one.
//! - [`filler`]: fills a cache before training.
//! - `sample`: builds the tensors of a row: reading, mixing, augmentation.
//! - [`epoch`]: groups samples into batches.

pub mod config;
pub mod cut;
pub mod epoch;
pub mod filler;
pub mod order;
pub mod reader;
mod sample;

use std::sync::Arc;

use self::sample::SampleBuilder;
pub use self::{
    config::{LastBatch, LoaderConfig, Unreadable, WindowChoice},
    cut::Cut,
    epoch::{Batch, Epoch, LoaderState, Origin, SkippedClip},
    filler::CacheFiller,
    order::{Order, Orders, Shard, Weights},
    reader::{Choose, ClipReader, ReadClip},
};
use avff_datasets::Dataset;

use crate::error::DataError;

/// Creates the epochs of a run.
pub struct Loader {
    builder: Arc<SampleBuilder>,
    orders: Orders,
}

impl Loader {
    /// Creates a loader of `dataset`, whose clips `reader` reads.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a config that is out of range or does not match the dataset, and
    /// [`DataError::Spec`].
    pub fn new(
        dataset: Arc<Dataset>,
        reader: Arc<dyn ReadClip>,
        config: LoaderConfig,
    ) -> Result<Self, DataError> {
        reader.spec().validate()?;
        config.validate(&dataset, reader.spec())?;
        let orders = Orders::new(&dataset, &config.order, config.seed, config.shard)?;
        let loader = Self { builder: Arc::new(SampleBuilder { dataset, reader, config }), orders };
        if loader.steps() == 0 {
            let rule = format!("at most {}, the number of clips", loader.orders.len());
            return Err(DataError::setting("batch", loader.config().batch, rule));
        }
        Ok(loader)
    }

    /// Returns the config.
    #[must_use]
    pub fn config(&self) -> &LoaderConfig {
        &self.builder.config
    }

    /// Returns the dataset.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.builder.dataset
    }

    /// Returns the number of batches of an epoch in which every clip is readable: the maximum.
    #[must_use]
    pub fn steps(&self) -> usize {
        let (rows, batch) = (self.orders.len(), self.builder.config.batch);
        match self.builder.config.last {
            LastBatch::Keep => rows.div_ceil(batch),
            LastBatch::Drop => rows / batch,
        }
    }

    /// Starts an epoch.
    #[must_use]
    pub fn epoch(&self, epoch: u64) -> Epoch {
        Epoch::new(&self.builder, &self.orders, LoaderState::start(epoch))
    }

    /// Resumes an epoch: returns exactly the remaining batches after the state.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a state that no epoch of this loader has.
    pub fn resume(&self, state: LoaderState) -> Result<Epoch, DataError> {
        let limit = self.orders.len();
        let valid = state.position <= limit
            && state.step <= state.position
            && state.position.div_ceil(self.builder.config.batch) >= state.step;
        if !valid {
            let value = format!("{} after {} batches", state.position, state.step);
            let rule = format!("from 0 to {limit}, with at least one row per batch");
            return Err(DataError::setting("state.position", value, rule));
        }
        Ok(Epoch::new(&self.builder, &self.orders, state))
    }
}

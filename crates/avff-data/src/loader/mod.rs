//! The batches that a network is trained and validated on.
//!
//! A [`Loader`] is a [`Dataset`], a reader of clips and a [`LoaderConfig`]; [`Loader::epoch`] and
//! [`Loader::resume`] give an [`Epoch`], an iterator of [`Batch`]es that threads work on ahead.
//!
//! Which samples a batch holds, and every number in them, follow from dataset, config and epoch:
//! not from threads, their timing, or whether the run was interrupted. A [`LoaderState`] is where an
//! epoch stands, to be saved with a checkpoint.
//!
//! Nothing ever stands in for a clip that cannot be read. It ends the epoch with its name, or is left
//! out and reported, and the batch is filled with those that follow ([`Unreadable`]).
//!
//! - [`order`]: in which order, and which of them for one process of several.
//! - [`config`]: everything that can be set.
//! - [`reader`]: from a path to a decoded window, through the cache where there is one.
//! - [`filler`]: from a path to a full cache, before any run.
//! - `sample`: from a row to tensors: reading, mixing, augmenting.
//! - [`epoch`]: from samples to batches.

pub mod config;
pub mod epoch;
pub mod filler;
pub mod order;
pub mod reader;
mod sample;

use std::sync::Arc;

use self::sample::Maker;
pub use self::{
    config::{LastBatch, LoaderConfig, Unreadable, WindowChoice},
    epoch::{Batch, Epoch, LeftOut, LoaderState, Origin},
    filler::Filler,
    order::{Order, Orders, Shard, Weights},
    reader::{Choose, ClipReader, ReadClip},
};
use avff_datasets::Dataset;

use crate::error::DataError;

/// Makes the epochs of a run.
pub struct Loader {
    maker: Arc<Maker>,
    orders: Orders,
}

impl Loader {
    /// A loader of `dataset`, whose clips `reader` reads.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a config that is out of range or does not fit the dataset, and
    /// [`DataError::Spec`].
    pub fn new(
        dataset: Arc<Dataset>,
        reader: Arc<dyn ReadClip>,
        config: LoaderConfig,
    ) -> Result<Self, DataError> {
        reader.spec().validate()?;
        config.validate(&dataset, reader.spec())?;
        let orders = Orders::new(&dataset, &config.order, config.seed, config.shard)?;
        let loader = Self { maker: Arc::new(Maker { dataset, reader, config }), orders };
        if loader.steps() == 0 {
            let rule = format!("at most {}, as many clips as there are", loader.orders.len());
            return Err(DataError::setting("batch", loader.config().batch, rule));
        }
        Ok(loader)
    }

    /// The config it was made with.
    #[must_use]
    pub fn config(&self) -> &LoaderConfig {
        &self.maker.config
    }

    /// The rows.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.maker.dataset
    }

    /// Batches of an epoch in which every clip can be read: the most there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        let (rows, batch) = (self.orders.len(), self.maker.config.batch);
        match self.maker.config.last {
            LastBatch::Keep => rows.div_ceil(batch),
            LastBatch::Drop => rows / batch,
        }
    }

    /// An epoch from its start.
    #[must_use]
    pub fn epoch(&self, epoch: u64) -> Epoch {
        Epoch::new(&self.maker, &self.orders, LoaderState::start(epoch))
    }

    /// The rest of an epoch: exactly those batches that were to come when the state was taken.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a state that this loader's epochs never have.
    pub fn resume(&self, state: LoaderState) -> Result<Epoch, DataError> {
        let limit = self.orders.len();
        let known = state.position <= limit
            && state.step <= state.position
            && state.position.div_ceil(self.maker.config.batch) >= state.step;
        if !known {
            let value = format!("{} after {} batches", state.position, state.step);
            let rule = format!("from 0 to {limit}, and a batch at least for each step");
            return Err(DataError::setting("state.position", value, rule));
        }
        Ok(Epoch::new(&self.maker, &self.orders, state))
    }
}

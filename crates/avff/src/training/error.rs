//! Why a training run cannot start or continue.

use std::path::PathBuf;

use avff_data::ClipError;
use avff_datasets::DatasetError;
use avff_model::ModelError;
use avff_train::TrainError;

use crate::{device::DeviceError, preprocessing::PreprocessingError};

/// Why a training run cannot start or continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The recipe, the run's folder or a step failed. Boxed, as it is large.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network or the weights to initialize it from cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The preparation of clips does not fit the network.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// A manifest cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file cannot be hashed, or the cache cannot be opened.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// A setting of the data path does not fit the clips.
    #[error("data.{field} is {value}, it must be {rule}: {}", manifest.display())]
    DataSetting {
        /// The key of the recipe, below `data`.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        rule: String,
        /// The clips.
        manifest: PathBuf,
    },
    /// Several processes cannot skip clips: their batches would differ.
    #[error(
        "data.unreadable = \"skip\" works in a single process alone, as others would get other batches"
    )]
    SkipInParallel,
    /// The batch cannot be shared out evenly.
    #[error(
        "data.batch is {batch}, which {processes} processes cannot share evenly: make it a multiple of their number"
    )]
    UnevenBatch {
        /// Clips in a batch.
        batch: usize,
        /// How many processes train together.
        processes: usize,
    },
    /// No metric of two classes can choose the best epoch.
    #[error(
        "data.validation has clips of one class alone, which tells no best epoch: add the other class, or go by \
         keep.best=\"loss\" (and schedule.metric, where there is one)"
    )]
    OneClassValidation,
    /// A run that continues has weights of its own.
    #[error(
        "`start` says what a run begins with, and this one goes on with weights of its own: leave it as it is"
    )]
    StartOfResumed,
}

impl From<TrainError> for TrainingError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

//! Errors of training runs.

use std::path::PathBuf;

use avff_data::{ClipError, shards::ShardError};
use avff_datasets::DatasetError;
use avff_model::{ModelError, checkpoint::Kind};
use avff_train::{TrainError, recipe::Stage};

use crate::{device::DeviceError, preprocessing::PreprocessingError};

/// Why a training run cannot start or continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The recipe, the run's folder or a training step failed. Boxed because it is large.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network or the weights to initialize it from cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The clip spec does not match the network.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// A manifest cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The cache cannot be opened.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// A file of the recipe cannot be read.
    #[error("{key}: {source}")]
    File {
        /// The key in the recipe.
        key: &'static str,
        /// The file and the error.
        source: ClipError,
    },
    /// Clips of a manifest do not exist.
    #[error(
        "{}: {unreadable} of {clips} clips cannot be read; the first is on line {line}: {source}",
        manifest.display()
    )]
    UnreadableClips {
        /// The manifest.
        manifest: PathBuf,
        /// Number of unreadable clips.
        unreadable: usize,
        /// Number of clips in the manifest.
        clips: usize,
        /// Line of the first unreadable clip.
        line: u64,
        /// The first unreadable clip and the error.
        source: Box<ClipError>,
    },
    /// The file of the initial weights holds the other model.
    #[error(
        "{}: the file holds a {actual} ({}), but initialize.from = \"{from}\" with stage = \"{stage}\" needs a \
         {expected} ({})",
        path.display(), actual.stages(), expected.stages()
    )]
    InitializationKind {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The value of `initialize.from`.
        from: &'static str,
        /// The model in the file.
        actual: Kind,
        /// The model that is needed.
        expected: Kind,
        /// The stage of the recipe.
        stage: Stage,
    },
    /// The checkpoint of the initial weights holds a network of other sizes.
    #[error("{}: the checkpoint holds another network: {differences}", path.display())]
    OtherNetwork {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The settings in which the networks differ.
        differences: String,
    },
    /// A data setting of the recipe does not suit the clips.
    #[error("data.{field} is {value}, it must be {rule}: {}", manifest.display())]
    DataSetting {
        /// The key in the recipe, below `data`.
        field: &'static str,
        /// The value.
        value: String,
        /// The accepted values.
        rule: String,
        /// The manifest of the clips.
        manifest: PathBuf,
    },
    /// Shards cannot be read.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The rows of shards cannot be selected.
    #[error(
        "{}: rows of shards cannot be selected by `data.train_where` or `data.validation_where`: pack the rows with \
         `avff pack --where`", path.display()
    )]
    ShardsWhere {
        /// The folder.
        path: PathBuf,
    },
    /// Several processes cannot skip unreadable clips, because their batches would differ.
    #[error(
        "data.unreadable = \"skip\" works only with a single process, because other processes would get other batches"
    )]
    SkipInParallel,
    /// The batch cannot be divided evenly.
    #[error(
        "data.batch is {batch}, which cannot be divided evenly among {processes} processes: make it a multiple of \
         {processes}"
    )]
    UnevenBatch {
        /// Clips in a batch.
        batch: usize,
        /// The number of processes.
        processes: usize,
    },
    /// More processes than replicas.
    #[error(
        "steps.replicas is {replicas}, but there are {processes} processes: start at most {replicas}, or set another \
         divisor of data.batch"
    )]
    FewReplicas {
        /// The number of replicas.
        replicas: usize,
        /// The number of processes.
        processes: usize,
    },
    /// The metric of the best epoch needs both classes, but the validation clips are of one class.
    #[error(
        "all clips of data.validation are of one class, so the best epoch cannot be determined: add the other class, or \
         set keep.best=\"loss\" (and schedule.metric, if it is set)"
    )]
    OneClassValidation,
    /// The initialization was changed in a resumed run.
    #[error(
        "`initialize` cannot be changed in a resumed run, which continues with its own weights"
    )]
    InitializationOfResumed,
    /// A run has weights, but no training checkpoint from which it could continue.
    #[error(
        "{} holds weights but no training checkpoint (checkpoints/state-*.safetensors), so it cannot continue",
        folder.display()
    )]
    NoTrainingCheckpoint {
        /// The run's folder.
        folder: PathBuf,
        /// The latest weights.
        weights: PathBuf,
    },
}

impl From<TrainError> for TrainingError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

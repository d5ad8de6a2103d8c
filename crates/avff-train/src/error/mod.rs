//! Errors of training.

use std::{io, path::PathBuf};

use avff_data::{ClipError, DataError};
use avff_model::ModelError;

mod recipe;

pub(crate) use self::recipe::Problem;
pub use self::recipe::{Origin, RecipeError};

/// An error that ends a run early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// An invalid recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A network or checkpoint that cannot be created, read or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An unreadable clip.
    #[error("a clip of {} is unreadable: {source}", manifest.display())]
    Unreadable {
        /// Manifest with the clip.
        manifest: PathBuf,
        /// The clip and the error.
        source: Box<ClipError>,
    },
    /// An invalid setting for reading clips.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An unusable run folder.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// A key prefix that matches no parameter of the network.
    #[error("{setting}: no parameter key starts with `{prefix}`")]
    Keys {
        /// The recipe's setting.
        setting: &'static str,
        /// The key prefix.
        prefix: String,
    },
    /// A manifest row without the label that stage 3 needs.
    #[error("manifest line {line}, {name}: the target is missing, which fine-tuning needs")]
    NoTarget {
        /// Line number in the manifest.
        line: u64,
        /// The clip.
        name: String,
    },
    /// A loss or gradient that is not finite.
    #[error(
        "step {step}: the {what} is {value} for the clips {}; lower the learning rate, clip gradients, or skip such steps \
         with steps.non_finite = \"skip\"", clips.join(", ")
    )]
    NonFinite {
        /// Step number, from 1.
        step: u64,
        /// The quantity that is not finite.
        what: &'static str,
        /// Value of the quantity.
        value: f64,
        /// Clips of the batch.
        clips: Vec<String>,
    },
    /// A discriminator gradient that is not finite.
    #[error("step {step}: the discriminators' gradient norm is {norm}; lower adversarial.lr")]
    Discriminators {
        /// Step number, from 1.
        step: u64,
        /// The gradient norm.
        norm: f64,
    },
    /// A precision that the backend does not support completely.
    #[error("{device} does not support {precision} training; use f32")]
    Precision {
        /// The precision.
        precision: &'static str,
        /// Name of the backend.
        device: String,
    },
    /// A file that could not be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A training checkpoint from which the run cannot resume.
    #[error("{}: cannot resume from this checkpoint: {reason}", path.display())]
    Checkpoint {
        /// Path of the file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A resumed run that would train differently from its earlier steps.
    #[error("{}: cannot resume from this checkpoint: {difference}", path.display())]
    Changed {
        /// Path of the training checkpoint.
        path: PathBuf,
        /// The setting that differs.
        difference: String,
        /// Weights of the run, from which a new run can continue; `None` if it has written none.
        weights: Option<PathBuf>,
    },
    /// A launch of several processes that cannot train together.
    #[error("{reason}")]
    Launch {
        /// The reason.
        reason: String,
    },
    /// A lost process in a parallel run.
    #[error("{what}; the run can resume from its last training checkpoint")]
    Processes {
        /// Error of the MPI library or of NCCL.
        what: String,
    },
}

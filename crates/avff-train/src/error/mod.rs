//! Why a training run could not start or go on.

use std::{io, path::PathBuf};

use avff_data::{ClipError, DataError};
use avff_model::ModelError;

mod recipe;

pub(crate) use self::recipe::Problem;
pub use self::recipe::{Place, RecipeError};

/// Everything that ends a run before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A recipe that cannot be followed.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A network or checkpoint that cannot be had.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A clip of a run that cannot be read.
    #[error("a clip of {} cannot be read: {source}", manifest.display())]
    Unreadable {
        /// The recipe's manifest.
        manifest: PathBuf,
        /// Which clip, and why.
        source: Box<ClipError>,
    },
    /// A setting of the data path that cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run's folder that cannot be used.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// Keys that name no parameter of the network.
    #[error("{setting}: no parameter's key starts with {start}")]
    Keys {
        /// Where the recipe says so.
        setting: &'static str,
        /// What was looked for.
        start: String,
    },
    /// A row without the label that stage 3 learns.
    #[error("line {line} of the manifest, {name}: there is no target, which fine-tuning needs")]
    NoTarget {
        /// In the manifest.
        line: u64,
        /// The clip.
        name: String,
    },
    /// A loss or gradient that is no number.
    #[error(
        "step {step}: the {what} is {value}, with {}; lower the rate, clip gradients, or leave such steps out with \
         steps.non_finite = \"skip\"", clips.join(", ")
    )]
    NonFinite {
        /// The step, from 1.
        step: u64,
        /// Which number.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The clips of the batch.
        clips: Vec<String>,
    },
    /// The discriminators' gradient is not finite.
    #[error("step {step}: the discriminators' gradient norm is {norm}; lower adversarial.lr")]
    Discriminators {
        /// The step, from 1.
        step: u64,
        /// Its value.
        norm: f64,
    },
    /// A precision that the backend does not have, or not for everything.
    #[error("{device} does not compute in {precision}; use f32")]
    Precision {
        /// The precision.
        precision: &'static str,
        /// The backend's name.
        device: String,
    },
    /// A file could not be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A saved state that cannot be gone on from.
    #[error("{}: cannot resume from it: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Processes that were started together cannot train together.
    #[error("{reason}")]
    Launch {
        /// Why not.
        reason: String,
    },
    /// Another process of a parallel run is lost.
    #[error("{what}; the last saved state can be resumed from")]
    Processes {
        /// What the engine said.
        what: String,
    },
}

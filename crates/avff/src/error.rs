//! Why a detector or a pre-training model gives no answer.

use std::path::{Path, PathBuf};

use avff_model::ModelError;

use crate::{device::DeviceError, failure::ClipFailure, preprocessing::PreprocessingError};

/// Why [`Detector`](crate::Detector) or [`Pretrained`](crate::Pretrained) gives no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A checkpoint or a network's config cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The preparation of clips does not fit the network, or cannot be used.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// Clips attend to each other, and no batch size is given.
    #[error("across-batch scores depend on the batch size, so it must be given")]
    NoBatchSize,
    /// A clip could not be read or has no score.
    #[error("{}: {failure}", path.display())]
    Failed {
        /// The clip.
        path: PathBuf,
        /// Why it failed; boxed, as it is large.
        failure: Box<ClipFailure>,
    },
    /// A clip has no window of this number.
    #[error("{}: has no window {window}: it has {windows}, counted from 0", path.display())]
    NoWindow {
        /// The clip.
        path: PathBuf,
        /// The window that was asked for, from 0.
        window: usize,
        /// How many windows the clip has.
        windows: usize,
    },
    /// The slices to hide are not half of the network's slices.
    #[error(
        "cannot hide slices {given:?} from sound: name {} different ones of 0 to {}",
        slices / 2,
        slices.saturating_sub(1)
    )]
    Mask {
        /// The slices that were asked for.
        given: Vec<usize>,
        /// How many slices the network has.
        slices: usize,
    },
}

impl Error {
    pub(crate) fn failed(clip: &Path, failure: ClipFailure) -> Self {
        Self::Failed { path: clip.into(), failure: Box::new(failure) }
    }
}

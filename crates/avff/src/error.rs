//! Errors of detectors and of pre-training models.

use std::path::{Path, PathBuf};

use avff_model::ModelError;

use crate::{device::DeviceError, failure::ClipFailure, preprocessing::PreprocessingError};

/// An error of [`Detector`](crate::Detector) or [`Pretrained`](crate::Pretrained).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The checkpoint or the network's config cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The clip spec is invalid or does not match the network.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// The checkpoint's calibration cannot be used.
    #[error("{}: its calibration cannot be used: {reason}", path.display())]
    Calibration {
        /// The checkpoint, or the file of the calibration.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An error rate is not between 0 and 1.
    #[error("the error rate is {0}, not above 0 and below 1")]
    ErrorRate(f64),
    /// Attention across the batch is chosen without a batch size.
    #[error("with across-batch attention, scores depend on the batch size, but none is given")]
    NoBatchSize,
    /// A clip cannot be read or has no score.
    #[error("{}: {failure}", path.display())]
    Failed {
        /// The clip.
        path: PathBuf,
        /// Why it failed; boxed because it is large.
        failure: Box<ClipFailure>,
    },
    /// The clip has no window of this number.
    #[error("{}: there is no window {window}: the clip has {windows}, numbered from 0", path.display())]
    NoWindow {
        /// The clip.
        path: PathBuf,
        /// The requested window, from 0.
        window: usize,
        /// The number of windows of the clip.
        windows: usize,
    },
    /// The slices to mask are not half of the network's slices.
    #[error(
        "cannot mask the audio slices {given:?}: give {} different slices from 0 to {}",
        slices / 2,
        slices.saturating_sub(1)
    )]
    Mask {
        /// The requested slices.
        given: Vec<usize>,
        /// The number of slices of the network.
        slices: usize,
    },
}

impl Error {
    pub(crate) fn failed(clip: &Path, failure: ClipFailure) -> Self {
        Self::Failed { path: clip.into(), failure: Box::new(failure) }
    }
}

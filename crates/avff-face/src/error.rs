//! Errors of the face crop.

use avff_media::MediaError;

/// The reason why frames cannot be cropped to a face.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaceError {
    /// A frame cannot be read or resized.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The main face was detected in too few frames.
    #[error("no face: the main face was detected in {detected} of {examined} frames")]
    NoFace {
        /// The number of frames with the main face; 0 where no face was detected at all.
        detected: usize,
        /// The number of examined frames.
        examined: usize,
    },
}

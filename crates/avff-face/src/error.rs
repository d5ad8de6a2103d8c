//! Why no face could be cut out.

use avff_media::MediaError;

/// Why frames could not be cut to a face.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaceError {
    /// A frame could not be read or resized.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// No face to crop to.
    #[error("no face: the main one was found in {found} of {looked} frames")]
    NoFace {
        /// Frames with the main face; 0 where there is none at all.
        found: usize,
        /// Frames that were looked at.
        looked: usize,
    },
}

//! Errors of drawing and writing.

use std::{io, path::PathBuf};

/// An error of drawing or writing an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The font embedded in this crate cannot be loaded.
    #[error("cannot draw: the embedded font cannot be loaded")]
    Font,
    /// The drawing library reports an error.
    #[error("cannot draw: {reason}")]
    Draw {
        /// The library's message.
        reason: String,
    },
    /// The image cannot be encoded as PNG.
    #[error("cannot encode the image as PNG")]
    Encode(#[from] image::ImageError),
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

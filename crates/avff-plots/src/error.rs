//! Why a picture cannot be drawn or written.

use std::{io, path::PathBuf};

/// Why a picture cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The font that is part of this crate cannot be used.
    #[error("cannot draw: the font cannot be read")]
    Font,
    /// The drawing library refuses something.
    #[error("cannot draw: {reason}")]
    Draw {
        /// What it says.
        reason: String,
    },
    /// A picture cannot become a PNG.
    #[error("cannot encode the picture as PNG")]
    Encode(#[from] image::ImageError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

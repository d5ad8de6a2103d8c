//! Errors of run folders.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An error of a run folder or of its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An unreadable file or folder.
    #[error("cannot read {}", path.display())]
    Read {
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file or folder that cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A folder that already holds a run.
    #[error("{} already holds a run; resume it, or choose another folder", path.display())]
    Taken {
        /// Path of the folder.
        path: PathBuf,
    },
    /// A folder for a new run that holds other files.
    #[error(
        "{} holds `{entry}` but no run; a new run needs an empty or new folder",
        path.display()
    )]
    NotEmpty {
        /// Path of the folder.
        path: PathBuf,
        /// Name of one of the files.
        entry: String,
    },
    /// A folder without a run.
    #[error("{} is not a run folder: it has no `{}`", path.display(), super::folder::RUN)]
    NotARun {
        /// Path of the folder.
        path: PathBuf,
    },
    /// A folder into which another process is training.
    #[error("another process is training into {}; wait for it, or choose another folder", path.display())]
    Busy {
        /// Path of the folder.
        path: PathBuf,
    },
    /// An invalid file.
    #[error("{} is invalid: {reason}", path.display())]
    Malformed {
        /// Path of the file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// A chart that cannot be drawn or written.
    #[cfg(feature = "plots")]
    #[error("chart `{chart}`: {source}")]
    Plot {
        /// File name of the chart, without extension.
        chart: String,
        /// Error of the plotting crate.
        source: avff_plots::PlotError,
    },
}

/// Adds the path of the file to a failed write.
pub(super) fn written(path: &Path, result: io::Result<()>) -> Result<(), RunError> {
    result.map_err(|source| RunError::Write { path: path.into(), source })
}

//! Why a run folder cannot be used.

use std::{
    io,
    path::{Path, PathBuf},
};

/// What can go wrong with a run's folder and the files in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file or folder of the run cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder of the run cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder of a new run holds a run.
    #[error("{} already holds a run; resume it, or name another folder", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The folder of a new run holds something else.
    #[error(
        "{} holds `{found}` and no run; a new run wants a folder that is empty or not there yet",
        path.display()
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// There is no run in the folder.
    #[error("{} holds no run: it has no `{}`", path.display(), super::folder::RUN)]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Another process trains into the folder.
    #[error("another process is training into {}; wait for it, or name another folder", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// `run.json` is not what a run writes.
    #[error("{} cannot be understood: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A chart cannot be drawn or written.
    #[cfg(feature = "plots")]
    #[error("chart `{chart}`: {source}")]
    Plot {
        /// Its file's name, without extension.
        chart: String,
        /// Why.
        source: avff_plots::PlotError,
    },
}

/// Names the file of a write that failed.
pub(super) fn written(path: &Path, result: io::Result<()>) -> Result<(), RunError> {
    result.map_err(|source| RunError::Write { path: path.into(), source })
}

//! The files of a run's weights and training checkpoints.
//!
//! | file | contents |
//! |---|---|
//! | `state-00001200.safetensors` | training checkpoint after 1,200 steps; the last few are kept |
//! | `epoch-003.safetensors` | weights after the third epoch, if configured |
//! | `best.safetensors` | weights of the best validation |
//! | `last.safetensors` | final weights, or the current ones of a run that was asked to stop |
//! | `ema.safetensors`, `mean.safetensors` | averages of the weights, at the end |
//!
//! Every file is written atomically. Weights are written before the training checkpoint that counts
//! them, so a run that is interrupted in between writes them again, bit-identical.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::TrainError;

/// The folder of a run's weights and training checkpoints.
#[derive(Debug, Clone)]
pub struct CheckpointStore {
    folder: PathBuf,
    last: usize,
}

/// Name of the weights of the best validation.
pub const BEST: &str = "best";
/// Name of the weights at the end of a run, or at the step at which it was asked to stop.
pub const LAST: &str = "last";

const CHECKPOINT: &str = "state-";
const EXTENSION: &str = ".safetensors";

impl CheckpointStore {
    /// Creates a store for a folder that may not exist yet and keeps `last` training checkpoints.
    #[must_use]
    pub fn new(folder: &Path, last: usize) -> Self {
        Self { folder: folder.into(), last: last.max(1) }
    }

    /// Creates the folder if necessary.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn prepare(&self) -> Result<(), TrainError> {
        fs::create_dir_all(&self.folder).map_err(|source| io_error(&self.folder, source))
    }

    /// Returns the path of the training checkpoint after `step` steps.
    #[must_use]
    pub fn checkpoint(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{CHECKPOINT}{step:08}{EXTENSION}"))
    }

    /// Returns the path of the weights with a name, such as `best`.
    #[must_use]
    pub fn weights(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{EXTENSION}"))
    }

    /// Returns the weights from which another run can continue: the last ones, otherwise the best
    /// ones, if the run has written any.
    #[must_use]
    pub fn latest_weights(&self) -> Option<PathBuf> {
        [LAST, BEST].map(|name| self.weights(name)).into_iter().find(|path| path.is_file())
    }

    /// Lists training checkpoints with their steps, the latest first.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>, TrainError> {
        let mut checkpoints = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(checkpoints),
            entries => entries.map_err(|error| io_error(&self.folder, error))?,
        };
        for entry in entries {
            let path = entry.map_err(|e| io_error(&self.folder, e))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let step = name.strip_prefix(CHECKPOINT).and_then(|name| name.strip_suffix(EXTENSION));
            if let Some(step) = step.and_then(|step| step.parse().ok()) {
                checkpoints.push((step, path));
            }
        }
        checkpoints.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        Ok(checkpoints)
    }

    /// Removes old training checkpoints, and incomplete files of a killed process.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn remove_old(&self) -> Result<(), TrainError> {
        for (_, path) in self.list()?.into_iter().skip(self.last) {
            fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
        }
        avff_files::sweep(&self.folder).map_err(|source| io_error(&self.folder, source))
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> TrainError {
    TrainError::Io { path: path.into(), source }
}

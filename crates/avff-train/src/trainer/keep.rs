//! The files of a run's weights and states.
//!
//! | file | what |
//! |---|---|
//! | `state-00001200.safetensors` | what to resume from after 1,200 steps; the last few are kept |
//! | `epoch-003.safetensors` | weights after the third epoch, where each is kept |
//! | `best.safetensors` | weights of the best validation |
//! | `last.safetensors` | weights at the end |
//! | `ema.safetensors`, `mean.safetensors` | averages of the weights, at the end |
//!
//! Every file appears whole or not at all. Weights are written before the state that counts on them, so
//! a run that is cut in between writes them again, with the same bytes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::TrainError;

/// A folder of weights and states.
#[derive(Debug, Clone)]
pub struct Keeper {
    folder: PathBuf,
    last: usize,
}

const STATE: &str = "state-";
const ENDING: &str = ".safetensors";

impl Keeper {
    /// A folder that may not be there yet; `last` states are kept.
    #[must_use]
    pub fn new(folder: &Path, last: usize) -> Self {
        Self { folder: folder.into(), last: last.max(1) }
    }

    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn prepare(&self) -> Result<(), TrainError> {
        fs::create_dir_all(&self.folder).map_err(|source| io_error(&self.folder, source))
    }

    /// The file of the state after so many steps.
    #[must_use]
    pub fn state(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{STATE}{step:08}{ENDING}"))
    }

    /// The file of weights with a name, such as `best`.
    #[must_use]
    pub fn weights(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{ENDING}"))
    }

    /// States with their steps, the latest first.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn states(&self) -> Result<Vec<(u64, PathBuf)>, TrainError> {
        let mut states = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(states),
            entries => entries.map_err(|error| io_error(&self.folder, error))?,
        };
        for entry in entries {
            let path = entry.map_err(|e| io_error(&self.folder, e))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let step = name.strip_prefix(STATE).and_then(|name| name.strip_suffix(ENDING));
            if let Some(step) = step.and_then(|step| step.parse().ok()) {
                states.push((step, path));
            }
        }
        states.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        Ok(states)
    }

    /// Removes the states that are no longer wanted, and what a killed process left half written.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn tidy(&self) -> Result<(), TrainError> {
        for (_, path) in self.states()?.into_iter().skip(self.last) {
            fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
        }
        avff_files::sweep(&self.folder).map_err(|source| io_error(&self.folder, source))
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> TrainError {
    TrainError::Io { path: path.into(), source }
}

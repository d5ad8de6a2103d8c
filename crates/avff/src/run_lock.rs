//! An output folder that is one run's alone until it is done.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::output::OutputError;

/// Makes `folder` this run's, or goes on with the run that is in it; `path` lies there while a run is
/// unfinished and says what it is. The run is its only writer as long as it holds the file.
///
/// # Errors
/// [`OutputError::Exists`] for a folder that holds anything else, [`OutputError::Unfinished`] for a run that
/// is not to be resumed, [`OutputError::Busy`] while it goes on, and what `same` says of it and this one.
pub(crate) fn claim<R: Serialize + DeserializeOwned>(
    folder: &Path,
    path: &Path,
    resume: bool,
    run: &R,
    same: impl FnOnce(&R) -> Result<(), OutputError>,
) -> Result<File, OutputError> {
    fs::create_dir_all(folder).map_err(OutputError::io(folder))?;
    if !path.exists() {
        let mut entries = fs::read_dir(folder).map_err(OutputError::io(folder))?;
        if entries.next().is_some() {
            return Err(OutputError::Exists { path: folder.into() });
        }
    } else if !resume {
        return Err(OutputError::Unfinished { path: folder.into() });
    }
    let mut file = OpenOptions::new();
    let file = file.read(true).write(true).create(true).truncate(false).open(path);
    let mut file = file.map_err(OutputError::io(path))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(OutputError::Busy { path: path.into() });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(OutputError::io(path))?;
    if text.ends_with('\n') {
        let earlier = serde_json::from_str(&text).map_err(|error| OutputError::Damaged {
            path: path.into(),
            reason: error.to_string(),
        })?;
        same(&earlier)?;
        return Ok(file);
    }
    // New, or interrupted before it had said what it is.
    file.set_len(0).map_err(OutputError::io(path))?;
    let json = serde_json::to_string(run).map_err(|error| OutputError::io(path)(error.into()))?;
    writeln!(file, "{json}").map_err(OutputError::io(path))?;
    Ok(file)
}

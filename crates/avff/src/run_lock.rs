//! Locks an output folder for one run until the run is finished.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::output::OutputError;

/// Locks `folder` for a new run, or for resuming the run in it.
///
/// The file `path` describes the run and exists while the run is unfinished. The returned handle holds the lock:
/// while it is open, no other run writes to the folder.
///
/// # Errors
/// Returns [`OutputError::Exists`] for a folder with other content, [`OutputError::Unfinished`] for an unfinished
/// run without `resume`, and [`OutputError::Busy`] while another process runs. `same` compares the earlier run with
/// this one; its error is returned.
pub(crate) fn acquire<R: Serialize + DeserializeOwned>(
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
    // The file is the first that is written. The user knows the folder alone.
    let mut file = file.map_err(OutputError::io(folder))?;
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
    // The file is new, or its run was interrupted before the description was complete.
    file.set_len(0).map_err(OutputError::io(path))?;
    let json = serde_json::to_string(run).map_err(|error| OutputError::io(path)(error.into()))?;
    writeln!(file, "{json}").map_err(OutputError::io(path))?;
    Ok(file)
}

//! Checks that the files of a finished run are those that it wrote.

use std::{collections::BTreeMap, path::Path};

use super::OutputError;
use crate::hash;

/// The SHA-256 of each file of a run, by its role.
pub(crate) type Hashes = BTreeMap<String, String>;

/// Computes the SHA-256 of files, given with their roles. A file that does not exist has none.
pub(crate) fn hashes(files: &[(&str, &Path)]) -> Result<Hashes, OutputError> {
    let existing = files.iter().filter(|(_, path)| path.exists());
    existing.map(|&(role, path)| Ok((role.to_owned(), sha256(path)?))).collect()
}

/// Compares files with the hashes that a summary recorded. Summaries of older versions have none.
pub(crate) fn expect_unchanged(
    recorded: &Hashes,
    files: &[(&str, &Path)],
) -> Result<(), OutputError> {
    for &(role, path) in files {
        let Some(expected) = recorded.get(role) else { continue };
        if !path.exists() {
            return Err(OutputError::Altered { path: path.into(), what: "it is missing" });
        }
        if sha256(path)? != *expected {
            let what = "its SHA-256 is not the one in the summary";
            return Err(OutputError::Altered { path: path.into(), what });
        }
    }
    Ok(())
}

fn sha256(path: &Path) -> Result<String, OutputError> {
    hash::content(path).map_err(|error| OutputError::io(path)(std::io::Error::other(error)))
}

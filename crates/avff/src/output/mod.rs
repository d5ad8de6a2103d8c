//! Files that a command writes: why one cannot be written, and how it gets its name.
//!
//! A file has its name once it is whole. One that grows over hours is called `NAME.partial` until then.

pub(crate) mod table;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// Why an output cannot be written, or the run that left it cannot continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The system refused to write or read back a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of an output does not exist.
    #[error("{}: there is no such folder to write it into", path.display())]
    NoFolder {
        /// The output.
        path: PathBuf,
    },
    /// The output exists, and outputs of its kind are never replaced.
    #[error("{}: is there already; remove it or choose another name", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// The output holds results, which are not replaced unasked.
    #[error("{}: there are results already", path.display())]
    Results {
        /// The first of its files.
        path: PathBuf,
    },
    /// The name belongs to another format, and readers would take the file for it.
    #[error("{}: the file is written as {format}, so its name must end in .{extension}", path.display())]
    Extension {
        /// The output.
        path: PathBuf,
        /// The format that is written.
        format: &'static str,
        /// The ending of its names.
        extension: &'static str,
    },
    /// The output would replace one of its inputs.
    #[error("{}: the output would replace a file that it is made from", path.display())]
    ReplacesInput {
        /// The output.
        path: PathBuf,
    },
    /// Another process is writing to the output.
    #[error("{}: another run is writing to this output", path.display())]
    Busy {
        /// The file that it holds.
        path: PathBuf,
    },
    /// An earlier run into the output was interrupted.
    #[error("{}: holds an unfinished run", path.display())]
    Unfinished {
        /// Its journal or folder.
        path: PathBuf,
    },
    /// The earlier run had other inputs or options.
    #[error("cannot resume: {} was {}, now it is {}", .0.what, .0.was, .0.now)]
    OtherRun(Difference),
    /// A file of the earlier run is not what a run writes.
    #[error("cannot resume: {}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OutputError {
    /// For `map_err` on work with the file at `path`.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), source }
    }
}

/// What two runs differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The input or option.
    pub what: &'static str,
    /// In the earlier run.
    pub was: String,
    /// In the later run.
    pub now: String,
}

/// The first of some named pairs, of an earlier and a later run, that differ.
pub(crate) fn difference<const N: usize>(
    values: [(&'static str, String, String); N],
) -> Option<Difference> {
    let (what, was, now) = values.into_iter().find(|(_, was, now)| was != now)?;
    Some(Difference { what, was, now })
}

/// Refuses a file to write whose folder does not exist, before any work is done.
///
/// # Errors
/// [`OutputError::NoFolder`].
pub fn expect_folder(file: &Path) -> Result<(), OutputError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(OutputError::NoFolder { path: file.into() })
        }
        _ => Ok(()),
    }
}

/// Refuses a name that is not that of a CSV: a clip or checkpoint named by mistake would be lost.
pub(crate) fn expect_csv(path: &Path) -> Result<(), OutputError> {
    if path.extension().is_some_and(|extension| extension == "csv") {
        return Ok(());
    }
    Err(OutputError::Extension { path: path.into(), format: "CSV", extension: "csv" })
}

/// Refuses to write over an input.
pub(crate) fn expect_other(path: &Path, input: &Path) -> Result<(), OutputError> {
    match (path.canonicalize(), input.canonicalize()) {
        (Ok(output), Ok(input)) if output == input => {
            Err(OutputError::ReplacesInput { path: path.into() })
        }
        _ => Ok(()),
    }
}

/// The name of a file or folder that is not whole yet.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Removes a file where there is one.
pub(crate) fn remove(path: &Path) -> Result<(), OutputError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OutputError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Reads what [`write_json`] wrote; `None` where there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, OutputError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OutputError::io(path)(error)),
    };
    let damaged = |error: serde_json::Error| OutputError::Damaged {
        path: path.into(),
        reason: error.to_string(),
    };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// Replaces a file with a value as indented JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), OutputError> {
    let json = serde_json::to_string_pretty(value);
    let json = json.map_err(|error| OutputError::io(path)(error.into()))?;
    avff_files::write(path, json + "\n").map_err(OutputError::io(path))
}

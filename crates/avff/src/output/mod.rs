//! Output files of commands.
//!
//! A file gets its final name when it is complete. A file that grows over a long run is called `NAME.partial` until
//! then.

pub(crate) mod table;
pub(crate) mod vouch;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::json_diff::{self, Change};

/// Why an output cannot be written, or why an unfinished run cannot be resumed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file cannot be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The output exists, and outputs of this kind are never overwritten.
    #[error("{}: already exists; remove it or choose another name", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// The output holds results, which are only overwritten on request.
    #[error("{}: results already exist", path.display())]
    Results {
        /// The first existing file.
        path: PathBuf,
    },
    /// The file extension belongs to another format.
    #[error("{}: the file is written as {format}, so its name must end in .{extension}", path.display())]
    Extension {
        /// The output.
        path: PathBuf,
        /// The format that is written.
        format: &'static str,
        /// The file extension of this format.
        extension: &'static str,
    },
    /// The output would overwrite one of its inputs.
    #[error("{}: the output would overwrite one of its inputs", path.display())]
    ReplacesInput {
        /// The output.
        path: PathBuf,
    },
    /// Another process is writing to the output.
    #[error("{}: another run is writing to this output", path.display())]
    Busy {
        /// The locked file.
        path: PathBuf,
    },
    /// An earlier run with this output was interrupted.
    #[error("{}: holds an unfinished run", path.display())]
    Unfinished {
        /// The journal or folder of the run.
        path: PathBuf,
    },
    /// The earlier run had other inputs or options.
    #[error("cannot resume: {} was {}, now it is {}", .0.what, .0.was, .0.now)]
    OtherRun(Difference),
    /// The earlier run read another CSV.
    #[error("cannot resume: {path}: the manifest changed since the run began: {}", changed_rows(*was, *now))]
    ManifestChanged {
        /// The path of the CSV.
        path: String,
        /// Its number of rows when the run began.
        was: u64,
        /// Its number of rows now.
        now: u64,
    },
    /// A file of a finished run was changed after the run.
    #[error("{}: not the file that the finished run wrote: {what}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// How this shows.
        what: &'static str,
    },
    /// A file of the earlier run is damaged.
    #[error("cannot resume: {}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OutputError {
    /// Returns a function for `map_err` that adds the file's path to an I/O error.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), source }
    }
}

fn changed_rows(was: u64, now: u64) -> String {
    if was == now {
        format!("it still has {now} rows, but other content")
    } else {
        format!("it had {was} rows, and has {now}")
    }
}

/// A difference between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The input or option.
    pub what: &'static str,
    /// The value in the earlier run.
    pub was: String,
    /// The value in the later run.
    pub now: String,
}

/// Returns the keys that differ between two values of a [`Difference`], with the values of each side. Both texts are
/// empty for equal values.
pub(crate) fn changed_keys<T: Serialize>(was: &T, now: &T) -> (String, String) {
    // Serializing plain data with string keys cannot fail.
    let [was, now] = [was, now].map(|value| serde_json::to_value(value).unwrap_or_default());
    let changes = json_diff::changes(&was, &now);
    let side = |value: fn(&Change) -> &str| {
        let keys = changes.iter().map(|change| format!("{}: {}", change.key, value(change)));
        keys.collect::<Vec<_>>().join(", ")
    };
    (side(|change| &change.before), side(|change| &change.after))
}

/// Returns the first difference among named values of an earlier and a later run.
pub(crate) fn difference<const N: usize>(
    values: [(&'static str, String, String); N],
) -> Option<Difference> {
    let (what, was, now) = values.into_iter().find(|(_, was, now)| was != now)?;
    Some(Difference { what, was, now })
}

/// Creates the folder of an output file, and the folders above it.
///
/// # Errors
/// Returns [`OutputError::Io`] with the path of the output.
pub fn create_folder_of(file: &Path) -> Result<(), OutputError> {
    match file.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(OutputError::io(file)),
        None => Ok(()),
    }
}

/// Checks that a name ends in `.csv`. A clip or checkpoint given by mistake would be lost otherwise.
pub(crate) fn expect_csv(path: &Path) -> Result<(), OutputError> {
    if path.extension().is_some_and(|extension| extension == "csv") {
        return Ok(());
    }
    Err(OutputError::Extension { path: path.into(), format: "CSV", extension: "csv" })
}

/// Checks that an output does not overwrite an input.
pub(crate) fn expect_not_input(path: &Path, input: &Path) -> Result<(), OutputError> {
    match (path.canonicalize(), input.canonicalize()) {
        (Ok(output), Ok(input)) if output == input => {
            Err(OutputError::ReplacesInput { path: path.into() })
        }
        _ => Ok(()),
    }
}

/// The temporary name of an incomplete file or folder.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Maximum size of a summary or journal: that of hundreds of millions of clips.
pub(crate) const MAX_TABLE: u64 = 16 << 30;

/// Removes a file if it exists.
pub(crate) fn remove(path: &Path) -> Result<(), OutputError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OutputError::io(path)(error)),
        _ => Ok(()),
    }
}

/// What precedes the checksum in a file that [`write_json`] wrote: it is the last key of the object.
const CHECKSUM: &str = ",\n  \"crc32\": \"";
/// What follows the checksum.
const AFTER_CHECKSUM: &str = "\"\n}\n";

/// Reads a file that [`write_json`] wrote; `None` if it does not exist.
///
/// # Errors
/// Returns [`OutputError::Altered`] if the file was changed after it was written.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, OutputError> {
    let text = match avff_files::read_text(path, MAX_TABLE) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OutputError::io(path)(error)),
    };
    let sealed = text.strip_suffix(AFTER_CHECKSUM).and_then(|text| text.rsplit_once(CHECKSUM));
    if sealed.is_none_or(|(body, checksum)| crc32(body) != checksum) {
        let what = "its CRC-32 does not match";
        return Err(OutputError::Altered { path: path.into(), what });
    }
    let damaged = |error: serde_json::Error| OutputError::Damaged {
        path: path.into(),
        reason: error.to_string(),
    };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// Writes an object as indented JSON with its CRC-32 as the last key, replacing an existing file.
pub(crate) fn write_json(path: &Path, object: &impl Serialize) -> Result<(), OutputError> {
    let json = serde_json::to_string_pretty(object);
    let json = json.map_err(|error| OutputError::io(path)(error.into()))?;
    let body = json.strip_suffix("\n}").unwrap_or(&json);
    let text = format!("{body}{CHECKSUM}{}{AFTER_CHECKSUM}", crc32(body));
    avff_files::write(path, text).map_err(OutputError::io(path))
}

fn crc32(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn only_changed_keys_are_shown() {
        let was = json!({"video": {"fit": "resize", "frames": 16}, "face": null});
        let now = json!({"video": {"fit": "letterbox", "frames": 16}, "face": null});
        let (before, after) = changed_keys(&was, &now);
        assert_eq!((&*before, &*after), ("video.fit: resize", "video.fit: letterbox"));
        assert_eq!(changed_keys(&was, &was), (String::new(), String::new()));
    }

    #[test]
    fn changed_json_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let value = json!({"a": {"b": 1.5}, "crc32": "not the last key", "z": null});
        assert_eq!(read_json::<serde_json::Value>(&path).unwrap(), None);
        write_json(&path, &value).unwrap();
        let text = fs::read(&path).unwrap();
        let read: serde_json::Value = read_json(&path).unwrap().unwrap();
        assert_eq!((&read["a"], read["z"].is_null()), (&value["a"], true));
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            for wrong in [&changed[..], &text[..at]] {
                fs::write(&path, wrong).unwrap();
                let read = read_json::<serde_json::Value>(&path);
                assert!(matches!(read, Err(OutputError::Altered { .. } | OutputError::Io { .. })));
            }
        }
    }

    #[test]
    fn folders_of_outputs_are_created() {
        let folder = tempfile::tempdir().unwrap();
        create_folder_of(&folder.path().join("a/b/out.csv")).unwrap();
        assert!(folder.path().join("a/b").is_dir());
        fs::write(folder.path().join("file"), "").unwrap();
        let output = folder.path().join("file/out.csv");
        let error = create_folder_of(&output).unwrap_err();
        assert!(matches!(error, OutputError::Io { path, .. } if path == output));
        create_folder_of(Path::new("out.csv")).unwrap();
    }
}

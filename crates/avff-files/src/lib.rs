//! Atomic file writes, and reads of files that a user names.
//!
//! A file is written completely or not at all.
//!
//! [`write()`], [`write_with`] and [`replace`] replace a file. A reader sees the old contents or
//! the new contents, even after a crash. [`finish`] gives a partial file, such as one that was
//! written over hours, its final name.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("summary.json");
//! avff_files::write(&path, b"{}\n")?;
//! assert_eq!(std::fs::read(&path)?, b"{}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod read;

pub use read::{expect_regular, kind_name, open, read_text};

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Replaces the file at `path` with `contents`.
///
/// # Errors
/// Returns the I/O error of the operating system. The old file stays unchanged.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    write_with(path, |writer| writer.write_all(contents.as_ref()))
}

/// Replaces the file at `path` with the bytes that `fill` writes.
///
/// # Errors
/// The errors of [`replace`].
pub fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    replace(path, |temporary| {
        let mut writer = BufWriter::new(File::create(temporary)?);
        fill(&mut writer)?;
        writer.flush()
    })
}

/// Replaces the file at `path` with the file that `make` creates.
///
/// `make` receives the path of a temporary file in the same folder, `.NAME.PID.tmp`. This function
/// syncs the temporary file to disk and renames it to `path`.
///
/// # Errors
/// Returns the error of the operating system or of `make`. The old file stays unchanged, and the
/// temporary file is removed.
pub fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary(path);
    let result = make(&temporary).and_then(|()| finish(&temporary, path));
    if result.is_err() {
        // The first error is the cause; an error of the removal would hide it.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Renames the finished file or folder at `partial` to `path`, durably.
///
/// A file is synced to disk before the rename, and the parent folder after it.
///
/// # Errors
/// Returns the I/O error of the operating system.
pub fn finish(partial: &Path, path: &Path) -> io::Result<()> {
    if partial.is_file() {
        // Windows syncs only files that are open for writing.
        fs::OpenOptions::new().append(true).open(partial)?.sync_all()?;
    }
    rename(partial, path)
}

/// Returns the path of the temporary file that later replaces `path`.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", process_id()));
    path.with_file_name(name)
}

/// Returns whether `name` is the name of a temporary file of [`replace`]. Such a file remains where
/// its writer was killed.
#[must_use]
pub fn is_leftover(name: &str) -> bool {
    let rest = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    // The number of the process: a file of somebody else, such as `.notes.tmp`, is not ours to remove.
    rest.and_then(|rest| rest.rsplit_once('.')).is_some_and(|(_, id)| id.parse::<u32>().is_ok())
}

/// Removes the temporary files that killed writers left in `folder`.
///
/// No other process may write to the folder at that time.
///
/// # Errors
/// Returns the I/O error of the operating system.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_leftover(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Returns the process id, so that two processes that write one file use different temporary files.
fn process_id() -> u32 {
    // WebAssembly has no processes, and its standard library panics on `process::id`.
    if cfg!(target_family = "wasm") { 0 } else { std::process::id() }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Syncs the folder of `path`, which makes a rename durable. Windows has no such call and needs
/// none.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn failed_write_keeps_the_old_file_and_removes_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |writer| {
            writer.write_all(b"half of the ne")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write(&path, "new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn finish_renames_the_partial_file() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, path) = (folder.path().join("a.csv.partial"), folder.path().join("a.csv"));
        fs::write(&partial, "rows").unwrap();
        finish(&partial, &path).unwrap();
        assert_eq!((fs::read(&path).unwrap(), partial.exists()), (b"rows".to_vec(), false));
    }

    #[test]
    fn leftovers_are_recognized_by_name() {
        let path = temporary(Path::new("runs/a/run.json"));
        assert_eq!(path.parent(), Some(Path::new("runs/a")));
        assert!(is_leftover(path.file_name().unwrap().to_str().unwrap()));
        assert!(
            !["run.json", ".hidden", ".notes.tmp", "run.json.7.tmp"]
                .map(is_leftover)
                .contains(&true)
        );
        let folder = tempfile::tempdir().unwrap();
        for name in [".run.json.7.tmp", "run.json", ".hidden", ".notes.tmp"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        sweep(folder.path()).unwrap();
        let mut remaining: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        remaining.sort();
        assert_eq!(remaining, [".hidden", ".notes.tmp", "run.json"]);
    }
}

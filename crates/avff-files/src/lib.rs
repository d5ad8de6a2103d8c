//! Files that are written whole or not at all.
//!
//! [`write()`], [`write_with`] and [`replace`] replace a file: a reader finds the old contents or the new
//! ones, also after a crash. [`finish`] does the same for a file that was filled over hours: it makes the
//! partial file permanent under its final name.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("summary.json");
//! avff_files::write(&path, b"{}\n")?;
//! assert_eq!(std::fs::read(&path)?, b"{}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Replaces the file at `path` with `contents`.
///
/// # Errors
/// What the system says. The old file is then as it was.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    write_with(path, |writer| writer.write_all(contents.as_ref()))
}

/// Replaces the file at `path` with what `fill` writes.
///
/// # Errors
/// As [`replace`].
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

/// Replaces the file at `path` with the one that `make` makes at the path it is given.
///
/// That is a neighbour, `.NAME.PID.tmp`. It is synced to the disk, and then takes the name.
///
/// # Errors
/// What the system or `make` says. The old file is then as it was, and the neighbour is gone.
pub fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary(path);
    let written = make(&temporary).and_then(|()| finish(&temporary, path));
    if written.is_err() {
        // The write has failed already; a second error would say nothing more.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Gives the finished file or folder at `partial` the name `path`, so that it lasts.
///
/// # Errors
/// What the system says.
pub fn finish(partial: &Path, path: &Path) -> io::Result<()> {
    if partial.is_file() {
        // Windows syncs only files that are open for writing.
        fs::OpenOptions::new().append(true).open(partial)?.sync_all()?;
    }
    rename(partial, path)
}

/// The name of a file before it replaces `path`.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", process_id()));
    path.with_file_name(name)
}

/// Whether a file name is that of a neighbour of [`replace`], whose writer may have been killed.
#[must_use]
pub fn is_leftover(name: &str) -> bool {
    let rest = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    // The number of the process: a file of somebody else, such as `.notes.tmp`, is not ours to remove.
    rest.and_then(|rest| rest.rsplit_once('.')).is_some_and(|(_, id)| id.parse::<u32>().is_ok())
}

/// Removes from a folder what killed writers left. Nobody else may write there now.
///
/// # Errors
/// What the system says.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_leftover(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Two processes that write one file do not share a neighbour.
fn process_id() -> u32 {
    // WebAssembly has no processes, and its standard library panics when asked.
    if cfg!(target_family = "wasm") { 0 } else { std::process::id() }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// A rename lasts once its folder is synced. Windows has no such call and needs none.
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
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
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
    fn a_finished_file_has_its_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, path) = (folder.path().join("a.csv.partial"), folder.path().join("a.csv"));
        fs::write(&partial, "rows").unwrap();
        finish(&partial, &path).unwrap();
        assert_eq!((fs::read(&path).unwrap(), partial.exists()), (b"rows".to_vec(), false));
    }

    #[test]
    fn leftovers_are_told_by_their_names() {
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
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".hidden", ".notes.tmp", "run.json"]);
    }
}

//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::error::RunError;

/// Writes a file so that whoever looks, even after a crash, finds the old contents or the new ones.
///
/// The new contents go to a neighbour `.NAME.tmp`, reach the disk, and take the name. One writer a file:
/// two at once would share the neighbour.
///
/// # Errors
/// [`RunError::Write`]; the old file is then as it was.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), RunError> {
    let temporary = neighbour(path);
    let written = (|| {
        let mut writer = BufWriter::new(File::create(&temporary)?);
        write(&mut writer)?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)?;
        sync_folder(path)
    })();
    written.map_err(|source| {
        // Already failing: that this may fail too adds nothing.
        let _ = fs::remove_file(&temporary);
        RunError::Write { path: path.into(), source }
    })
}

/// [`replace`] where the contents are at hand.
///
/// # Errors
/// As [`replace`].
pub fn replace_with(path: &Path, contents: &[u8]) -> Result<(), RunError> {
    replace(path, |writer| writer.write_all(contents))
}

/// Whether a name is that of a file that was being written when its writer died.
pub(super) fn is_leftover(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

fn neighbour(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    path.with_file_name(name)
}

/// A rename is safe once its folder is. Windows has no such call and needs none.
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
        replace_with(&path, b"old").unwrap();
        let failed = replace(&path, |writer| {
            writer.write_all(b"half of the ne")?;
            Err(io::Error::other("disk full"))
        });
        assert!(matches!(failed, Err(RunError::Write { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace_with(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

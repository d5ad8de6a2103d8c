//! Reads files that a user names, without waiting for ever and in bounded memory.

use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    path::Path,
};

/// Opens a regular file for reading.
///
/// Opening a named pipe would wait for its writer, and a device such as `/dev/zero` never ends.
///
/// # Errors
/// Returns the I/O error of the operating system, and [`io::ErrorKind::InvalidInput`] for anything
/// else than a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    expect_regular(path)?;
    File::open(path)
}

/// Checks that a path leads to a regular file.
///
/// # Errors
/// The errors of [`open`].
pub fn expect_regular(path: &Path) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let what = format!("not a regular file but a {}", kind_name(kind));
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Reads the text of a regular file of at most `limit` bytes.
///
/// # Errors
/// The errors of [`open`], [`io::ErrorKind::FileTooLarge`], and [`io::ErrorKind::InvalidData`] for a
/// text that is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let what = format!("the file is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    String::from_utf8(bytes).map_err(|error| {
        let what = format!("the file is not UTF-8: {}", error.utf8_error());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

/// Returns what a path leads to that is no regular file, for messages: a folder, a named pipe, a
/// socket, a device or a special file.
#[cfg(unix)]
#[must_use]
pub fn kind_name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_dir() {
        "folder"
    } else if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}

/// Returns what a path leads to that is no regular file, for messages: a folder or a special file.
#[cfg(not(unix))]
#[must_use]
pub fn kind_name(kind: FileType) -> &'static str {
    if kind.is_dir() { "folder" } else { "special file" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn only_bounded_text_of_regular_files_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "{}\n").unwrap();
        assert_eq!(read_text(&path, 3).unwrap(), "{}\n");
        let error = |path: &Path, limit| read_text(path, limit).unwrap_err();
        assert_eq!(error(&path, 2).to_string(), "the file is larger than 2 bytes");
        assert_eq!(error(folder.path(), 9).to_string(), "not a regular file but a folder");
        fs::write(&path, [0xff]).unwrap();
        assert_eq!(error(&path, 9).kind(), io::ErrorKind::InvalidData);
        assert_eq!(error(&folder.path().join("b"), 9).kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn endless_devices_are_refused() {
        let error = read_text(Path::new("/dev/zero"), 9).unwrap_err();
        assert_eq!(error.to_string(), "not a regular file but a device");
    }
}

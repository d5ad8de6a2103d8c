//! The name of what a path leads to, for messages.

use std::fs::FileType;

/// Returns what a path is that is neither a file nor a folder.
#[cfg(unix)]
pub(crate) fn file_kind(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}

/// Returns what a path is that is neither a file nor a folder.
#[cfg(not(unix))]
pub(crate) fn file_kind(_: FileType) -> &'static str {
    "special file"
}

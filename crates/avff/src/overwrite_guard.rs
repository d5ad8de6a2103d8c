//! Protects existing files of weights from being overwritten.

use std::path::Path;

use crate::output::{OutputError, create_folder_of};

/// Checks that weights can be written to `path`, and creates its folder.
///
/// # Errors
/// Returns [`OutputError::Exists`] for an existing file, and [`OutputError::Extension`] for the file extension
/// of another weight format. Returns [`OutputError::Io`] if the folder cannot be created.
pub(crate) fn weights(path: &Path) -> Result<(), OutputError> {
    if path.canonicalize().is_ok() {
        return Err(OutputError::Exists { path: path.into() });
    }
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if ["pth", "pt", "bin", "ckpt", "onnx", "h5", "npz"].iter().any(|other| extension == *other) {
        return Err(OutputError::Extension {
            path: path.into(),
            format: "safetensors",
            extension: "safetensors",
        });
    }
    create_folder_of(path)
}

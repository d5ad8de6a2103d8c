//! Protects existing files of weights from being overwritten.

use std::path::Path;

use crate::output::{OutputError, create_folder_of};

/// Whether a file of this name is written in PyTorch's format.
#[must_use]
pub fn is_pytorch(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    extension == "pth" || extension == "pt"
}

/// Checks that safetensors or a PyTorch file can be written to `path`, and creates its folder.
///
/// # Errors
/// The errors of [`weights`].
pub(crate) fn converted(path: &Path) -> Result<(), OutputError> {
    if !is_pytorch(path) {
        return weights(path);
    }
    expect_new(path)?;
    create_folder_of(path)
}

/// Checks that weights can be written to `path`, and creates its folder.
///
/// # Errors
/// Returns [`OutputError::Exists`] for an existing file, and [`OutputError::Extension`] for the file extension
/// of another weight format. Returns [`OutputError::Io`] if the folder cannot be created.
pub(crate) fn weights(path: &Path) -> Result<(), OutputError> {
    expect_new(path)?;
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

fn expect_new(path: &Path) -> Result<(), OutputError> {
    match path.canonicalize() {
        Ok(_) => Err(OutputError::Exists { path: path.into() }),
        Err(_) => Ok(()),
    }
}

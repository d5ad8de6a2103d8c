//! Files that must not be overwritten.

use std::path::Path;

use crate::error::Error;

/// A file that weights can be written to.
///
/// # Errors
/// [`Error::Exists`] for one that is there, [`Error::NotSafetensors`] for the name of a format that
/// readers would take it for.
pub(crate) fn weights(path: &Path) -> Result<(), Error> {
    if path.canonicalize().is_ok() {
        return Err(Error::Exists { path: path.into() });
    }
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if ["pth", "pt", "bin", "ckpt", "onnx", "h5", "npz"].iter().any(|other| extension == *other) {
        return Err(Error::NotSafetensors { path: path.into() });
    }
    Ok(())
}

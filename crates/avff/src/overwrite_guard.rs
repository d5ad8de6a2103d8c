//! Files that must not be overwritten.

use std::path::Path;

use crate::output::OutputError;

/// A file that weights can be written to.
///
/// # Errors
/// [`OutputError::Exists`] for one that is there, [`OutputError::Extension`] for the name of a format that
/// readers would take it for.
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
    Ok(())
}

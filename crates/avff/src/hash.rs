//! Hashes of files and folders.

use std::path::Path;

use avff_data::statistics;
use avff_media::MediaError;

/// Returns the SHA-256 of a file, or of the names and contents of a folder, in hexadecimal.
///
/// # Errors
/// Fails if a file cannot be read.
pub fn content(path: &Path) -> Result<String, MediaError> {
    Ok(statistics::content_hash(path)?.iter().map(|byte| format!("{byte:02x}")).collect())
}

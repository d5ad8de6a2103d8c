//! What is in a file, as a hash.

use std::path::Path;

use avff_data::statistics;
use avff_media::MediaError;

/// SHA-256 of a file, or of the names and contents of a folder, in hexadecimal.
///
/// # Errors
/// What the system says.
pub fn content(path: &Path) -> Result<String, MediaError> {
    Ok(statistics::content_hash(path)?.iter().map(|byte| format!("{byte:02x}")).collect())
}

//! Tells before an evaluation whether its metrics can be defined.

use std::path::Path;

use avff_datasets::manifest::{ManifestOptions, ManifestReader};

use crate::input::InputError;

/// Returns the class of all clips of a CSV that have a target, if they are of one class. Metrics that compare real and
/// fake clips are then undefined. Reads on until both classes were seen.
///
/// # Errors
/// Fails if the CSV cannot be read.
pub fn only_class(
    csv: &Path,
    options: &ManifestOptions,
) -> Result<Option<&'static str>, InputError> {
    let mut found = None;
    for row in ManifestReader::open(csv, options)? {
        let class = row?.target.map(|target| if target == 1 { "fake" } else { "real" });
        if let (Some(earlier), Some(class)) = (found, class)
            && earlier != class
        {
            return Ok(None);
        }
        found = found.or(class);
    }
    Ok(found)
}

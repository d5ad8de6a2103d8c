//! Explains why there is no file at a path: what was meant by it.

use std::path::{Component, Path};

use crate::error::MediaError;

/// The schemes of addresses that other programs read like files.
const SCHEMES: [&str; 10] =
    ["http:", "https:", "ftp:", "sftp:", "file:", "rtsp:", "rtmp:", "s3:", "gs:", "data:"];

/// Returns the error for a path without a file: `NotFound`, `Url`, `StandardInput` or
/// `PaddedName`.
#[must_use]
pub fn missing(path: &Path) -> MediaError {
    if path == Path::new("-") {
        return MediaError::StandardInput;
    }
    if is_url(path) {
        return MediaError::Url;
    }
    match padded_name(path) {
        Some(name) => MediaError::PaddedName { name },
        None => MediaError::NotFound,
    }
}

/// Returns whether a path is the address of a file elsewhere, such as `https://...`.
///
/// The address may follow a folder: relative paths of a CSV are joined to one.
#[must_use]
pub fn is_url(path: &Path) -> bool {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    parts.map(str::to_ascii_lowercase).any(|part| SCHEMES.contains(&part.as_str()))
}

/// Returns the first name that begins or ends with white space, after the part of the path that
/// exists.
fn padded_name(path: &Path) -> Option<String> {
    let existing = path.ancestors().skip(1).find(|folder| folder.exists());
    let rest = existing.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
    let names = rest.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    names.into_iter().find(|name| name.trim() != *name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn what_was_meant_is_named() {
        let error = |path: &str| missing(Path::new(path));
        assert!(matches!(error("-"), MediaError::StandardInput));
        for url in ["https://host/a.mp4", "data/HTTPS://host/a.mp4", "s3://bucket/a.mp4"] {
            assert!(matches!(error(url), MediaError::Url), "{url}");
        }
        for (path, padded) in
            [("no/ a.mp4", " a.mp4"), ("no/a.mp4\t", "a.mp4\t"), ("no/ /abs/a.mp4", " ")]
        {
            let error = error(path);
            let MediaError::PaddedName { name } = &error else { panic!("{path}: {error}") };
            assert_eq!(name, padded);
        }
        for path in ["no/a.mp4", "no/a b.mp4", "no/https/a.mp4", "-/a.mp4"] {
            assert!(matches!(error(path), MediaError::NotFound), "{path}");
        }
    }

    #[test]
    fn folders_that_exist_may_have_any_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data ");
        std::fs::create_dir(&folder).unwrap();
        assert!(matches!(missing(&folder.join("a.mp4")), MediaError::NotFound));
    }
}

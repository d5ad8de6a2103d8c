//! Sanitizes paths in metadata: relative, below the root, separated by `/`.

/// Maximum path length, in bytes: Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// Normalizes a path from a metadata file.
///
/// Both separators are recognized. Metadata may come from Windows or Unix, and neither separator
/// may hide a `..`.
///
/// # Errors
/// The reason why the path is not a file below the root.
pub(super) fn clean(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_PATH {
        return Err(format!("a path of {} bytes", text.len()));
    }
    if text.contains('\0') {
        return Err("a path with a zero byte".to_owned());
    }
    let drive = text.as_bytes().get(1) == Some(&b':');
    if text.starts_with(['/', '\\']) || drive {
        return Err("an absolute path".to_owned());
    }
    let mut path = String::with_capacity(text.len());
    for part in text.split(['/', '\\']) {
        match part {
            "" | "." => continue,
            ".." => return Err("a path that leaves its folder".to_owned()),
            _ => {}
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    if path.is_empty() { Err("an empty path".to_owned()) } else { Ok(path) }
}

/// Returns `folder/name`, or `name` if the folder is the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Returns the folder of a file, which is empty for the root, and the file name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Returns the name of a file.
pub(super) fn name(path: &str) -> &str {
    split(path).1
}

/// Returns a name without its extension.
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn clean_rejects_paths_outside_the_root() {
        let long = "a".repeat(MAX_PATH + 1);
        let invalid = [
            "",
            " ",
            "/",
            "/etc/passwd",
            "\\\\host\\share",
            "C:\\a.mp4",
            "c:a.mp4",
            "a/../b",
            "..",
            "../b.mp4",
            "a\\..\\..\\b",
            "a/..",
            "./",
            "a\0b",
            long.as_str(),
        ];
        for path in invalid {
            assert!(clean(path).is_err(), "{path:?}");
        }
        let cases = [
            ("a.mp4", "a.mp4"),
            (" ./a//b/./c.mp4 ", "a/b/c.mp4"),
            ("a\\b\\c.mp4", "a/b/c.mp4"),
            ("a/..b/c...mp4", "a/..b/c...mp4"),
            ("Asian (East)/x.mp4", "Asian (East)/x.mp4"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(path).unwrap(), expected);
        }
    }

    #[test]
    fn paths_are_split_and_joined() {
        assert_eq!(split("a/b/c.mp4"), ("a/b", "c.mp4"));
        assert_eq!(split("c.mp4"), ("", "c.mp4"));
        assert_eq!((stem("a.b.mp4"), stem("a"), stem(".a")), ("a.b", "a", ".a"));
        assert_eq!((join("", "a"), join("b", "a")), ("a".to_owned(), "b/a".to_owned()));
    }
}

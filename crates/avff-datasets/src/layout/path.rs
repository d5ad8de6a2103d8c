//! Paths as metadata states them, made safe: relative, below the root, parted by `/`.

/// The longest path, in bytes: Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// Normalises a path from a metadata file.
///
/// Both separators count, because metadata may come from either kind of system and a `..` must not
/// hide behind one.
///
/// # Errors
/// Why the path cannot be one of a file below the root.
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

/// `folder/name`, or `name` where the folder is the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The folder of a file, empty for the root, and its name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The name of a file.
pub(super) fn name(path: &str) -> &str {
    split(path).1
}

/// A name without its extension.
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_root() {
        let long = "a".repeat(MAX_PATH + 1);
        let refused = [
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
        for path in refused {
            assert!(clean(path).is_err(), "{path:?}");
        }
        let cases = [
            ("a.mp4", "a.mp4"),
            (" ./a//b/./c.mp4 ", "a/b/c.mp4"),
            ("a\\b\\c.mp4", "a/b/c.mp4"),
            ("a/..b/c...mp4", "a/..b/c...mp4"),
            ("Asian (East)/x.mp4", "Asian (East)/x.mp4"),
        ];
        for (path, want) in cases {
            assert_eq!(clean(path).unwrap(), want);
        }
    }

    #[test]
    fn parts_of_a_path() {
        assert_eq!(split("a/b/c.mp4"), ("a/b", "c.mp4"));
        assert_eq!(split("c.mp4"), ("", "c.mp4"));
        assert_eq!((stem("a.b.mp4"), stem("a"), stem(".a")), ("a.b", "a", ".a"));
        assert_eq!((join("", "a"), join("b", "a")), ("a".to_owned(), "b/a".to_owned()));
    }
}

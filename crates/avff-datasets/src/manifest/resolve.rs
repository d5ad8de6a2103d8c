//! Finds the file of a clip name.

use std::{
    fs,
    path::{Component, MAIN_SEPARATOR, Path, PathBuf},
};

use super::quote;
use crate::normal_form;

/// Maximum length of a name that is looked up in other forms: Linux's `PATH_MAX`.
const MAX_NAME: usize = 4096;

/// Returns the path of a clip: `name`, joined to `root` if it is relative.
///
/// If no such file exists, separators of Windows are read as separators, and file names are looked
/// up in the other Unicode normal forms. No other file is ever taken.
///
/// # Errors
/// The reason why an absolute path of Windows cannot be opened on this system.
pub(crate) fn clip_path(root: &Path, name: &str) -> Result<PathBuf, String> {
    let path = root.join(name);
    let foreign = MAIN_SEPARATOR == '/' && (name.contains('\\') || has_drive(name));
    if (name.is_ascii() && !foreign) || name.len() > MAX_NAME || exists(&path) {
        return Ok(path);
    }
    if foreign && (has_drive(name) || name.starts_with('\\')) {
        return Err(format!(
            "{} is an absolute path of Windows, which this system cannot open: write the name \
             relative to the CSV's folder, or to the root folder",
            quote(name)
        ));
    }
    let translated = if foreign { name.replace('\\', "/") } else { name.to_owned() };
    Ok(find(root, Path::new(&translated)).unwrap_or(path))
}

/// Looks up each part of a name in all normal forms.
fn find(root: &Path, name: &Path) -> Option<PathBuf> {
    let mut found = if name.is_absolute() { PathBuf::new() } else { root.to_owned() };
    for part in name.components() {
        let Component::Normal(part) = part else {
            found.push(part);
            continue;
        };
        let part = part.to_str()?;
        let forms = std::iter::once(part.to_owned()).chain(normal_form::others(part));
        found = forms.map(|form| found.join(form)).find(|path| exists(path))?;
    }
    Some(found)
}

fn has_drive(name: &str) -> bool {
    matches!(name.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

/// Whether there is a file, folder or link, even a broken one.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    const COMPOSED: &str = "caf\u{e9}";
    const DECOMPOSED: &str = "cafe\u{301}";

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn resolved(folder: &tempfile::TempDir, name: &str) -> String {
        let path = clip_path(folder.path(), name).unwrap();
        path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn other_normal_form_is_found() {
        for (on_disk, in_table) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
            let folder = folder(&[&format!("{on_disk}/{in_table}.mp4")]);
            for name in [format!("{in_table}/{in_table}.mp4"), format!("{in_table}/{on_disk}.mp4")]
            {
                assert_eq!(resolved(&folder, &name), format!("{on_disk}/{in_table}.mp4"));
            }
            // A missing file keeps its name.
            assert_eq!(resolved(&folder, &format!("{in_table}.mp4")), format!("{in_table}.mp4"));
        }
    }

    #[test]
    fn name_as_written_is_preferred() {
        let folder = folder(&[COMPOSED, DECOMPOSED, "a/b.mp4", "a\\b.mp4"]);
        for name in [COMPOSED, DECOMPOSED, "a/b.mp4", "a\\b.mp4"] {
            assert_eq!(resolved(&folder, name), name);
        }
        assert_eq!(resolved(&folder, "caf\u{e8}"), "caf\u{e8}");
        assert_eq!(resolved(&folder, "cafe"), "cafe");
    }

    #[test]
    #[cfg(unix)]
    fn separators_of_windows_are_read() {
        let folder = folder(&["sub/a.mp4", &format!("sub/{DECOMPOSED}.mp4")]);
        assert_eq!(resolved(&folder, "sub\\a.mp4"), "sub/a.mp4");
        assert_eq!(resolved(&folder, ".\\sub\\a.mp4"), "sub/a.mp4");
        assert_eq!(
            resolved(&folder, &format!("sub\\{COMPOSED}.mp4")),
            format!("sub/{DECOMPOSED}.mp4")
        );
        assert_eq!(resolved(&folder, "sub\\b.mp4"), "sub\\b.mp4");
        for name in ["C:\\clips\\a.mp4", "d:/a.mp4", "\\\\server\\share\\a.mp4", "\\a.mp4"] {
            let error = clip_path(folder.path(), name).unwrap_err();
            assert!(error.contains("absolute path of Windows"), "{error}");
            assert!(
                error.contains("relative to the CSV's folder, or to the root folder"),
                "{error}"
            );
        }
    }

    #[test]
    fn long_names_are_not_looked_up() {
        let folder = folder(&[]);
        let name = "\u{e9}\\".repeat(MAX_NAME);
        assert_eq!(clip_path(folder.path(), &name).unwrap(), folder.path().join(&name));
    }
}

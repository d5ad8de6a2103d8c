//! The files of a split.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use avff_datasets::protocol::{FOLD_COLUMN, Marks, Names, SPLIT_COLUMN, Split, Table};

use crate::output::{OutputError, expect_other};

/// Which rows go into which file.
pub(super) struct Plan<'a> {
    files: Vec<Planned<'a>>,
    /// The split whose parts are folds.
    folds: Option<&'a Split>,
}

struct Planned<'a> {
    path: PathBuf,
    /// What the column `split` says.
    split: Cow<'a, Split>,
    /// The one part that is written; `None` for all.
    part: Option<usize>,
}

type Splits = [(Option<String>, Split)];

impl<'a> Plan<'a> {
    /// All parts in one file; `folds` says whether they are folds, which have a column of their own.
    pub(super) fn file(path: &Path, splits: &'a Splits, folds: bool) -> Self {
        let split = splits.first().map(|(_, split)| split);
        let file =
            |split| Planned { path: path.to_owned(), split: Cow::Borrowed(split), part: None };
        let folds = split.filter(|_| folds);
        Self { files: split.map(file).into_iter().collect(), folds }
    }

    /// A file for each part, in a folder for each split where there are several.
    pub(super) fn folder(folder: &Path, splits: &'a Splits) -> Self {
        let mut taken = HashSet::new();
        let mut files = Vec::new();
        for (value, split) in splits {
            let folder = match value {
                Some(value) => folder.join(unique(&mut taken, value)),
                None => folder.to_owned(),
            };
            for (part, name) in split.names.iter().enumerate() {
                let path = folder.join(format!("{name}.csv"));
                let split = Cow::Borrowed(split);
                files.push(Planned { path, split, part: Some(part) });
            }
        }
        Self { files, folds: None }
    }

    /// A folder for each fold, with that fold as the test and all others to train on.
    pub(super) fn folds(folder: &Path, splits: &'a Splits) -> Self {
        let Some((_, folds)) = splits.first() else {
            return Self { files: Vec::new(), folds: None };
        };
        let mut files = Vec::new();
        for (fold, name) in folds.names.iter().enumerate() {
            let split = folds.hold_out(fold);
            for (part, file) in split.names.iter().enumerate() {
                let path = folder.join(name).join(format!("{file}.csv"));
                let split = Cow::Owned(split.clone());
                files.push(Planned { path, split, part: Some(part) });
            }
        }
        Self { files, folds: Some(folds) }
    }

    /// Refuses to write over anything.
    pub(super) fn check(&self, input: &Path) -> Result<(), OutputError> {
        for Planned { path, .. } in &self.files {
            expect_other(path, input)?;
            if path.symlink_metadata().is_ok() {
                return Err(OutputError::Exists { path: path.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Writes all files and says whether any is in another folder than `root`.
    pub(super) fn write(
        &self,
        table: &Table,
        root: &Path,
        keep_names: bool,
        marked: bool,
    ) -> Result<bool, OutputError> {
        let mut elsewhere = false;
        for Planned { path, split, part } in &self.files {
            let failed = OutputError::io(path);
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            fs::create_dir_all(folder).map_err(&failed)?;
            let folder = folder.canonicalize().map_err(&failed)?;
            elsewhere |= folder != root;
            let names = if keep_names { Names::Verbatim } else { Names::From(folder) };
            let place = |row: usize| split.of.get(row).copied().flatten();
            let part_of = |row: usize| {
                place(row).and_then(|part| split.names.get(part)).cloned().unwrap_or_default()
            };
            let fold_of = |row: usize| {
                let fold = self.folds.and_then(|folds| folds.of.get(row).copied().flatten());
                fold.map_or_else(String::new, |fold| fold.to_string())
            };
            let mut marks = Vec::new();
            if marked {
                marks.push(Marks { column: SPLIT_COLUMN, cells: &part_of });
            }
            if self.folds.is_some() {
                marks.push(Marks { column: FOLD_COLUMN, cells: &fold_of });
            }
            let wanted = |row: &usize| place(*row).is_some_and(|own| part.is_none_or(|p| p == own));
            avff_files::write_with(path, |file| {
                table.write(file, (0..table.len()).filter(wanted), &marks, &names)
            })
            .map_err(failed)?;
        }
        Ok(elsewhere)
    }
}

/// A folder's name for a value, made of what every system allows, and not taken yet.
fn unique(taken: &mut HashSet<String>, value: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let mut name: String = value.chars().take(100).map(safe).collect();
    if name.is_empty() {
        name.push_str("none");
    }
    // Names that differ in case alone are one on some systems.
    while !taken.insert(name.to_lowercase()) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_names_of_folders() {
        let mut taken = HashSet::new();
        let mut name = |value| unique(&mut taken, value);
        assert_eq!(name("FVRA-WL"), "FVRA-WL");
        assert_eq!(name("fvra-wl"), "fvra-wl_");
        assert_eq!(name("../etc"), "___etc");
        assert_eq!(name(""), "none");
    }
}

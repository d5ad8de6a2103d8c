//! The files of a split.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use avff_datasets::protocol::{ColumnValues, FOLD_COLUMN, Names, SPLIT_COLUMN, Split, Table};

use crate::output::{OutputError, expect_not_input};

/// Which rows go into which file.
pub(super) struct Plan<'a> {
    files: Vec<Planned<'a>>,
    /// The split whose subsets are folds.
    folds: Option<&'a Split>,
}

struct Planned<'a> {
    path: PathBuf,
    /// The split that the column `split` shows.
    split: Cow<'a, Split>,
    /// The index of the subset to write; `None` for all subsets.
    subset: Option<usize>,
}

type Splits = [(Option<String>, Split)];

impl<'a> Plan<'a> {
    /// Plans one file with all subsets. `folds` adds a column with the fold.
    pub(super) fn file(path: &Path, splits: &'a Splits, folds: bool) -> Self {
        let split = splits.first().map(|(_, split)| split);
        let file =
            |split| Planned { path: path.to_owned(), split: Cow::Borrowed(split), subset: None };
        let folds = split.filter(|_| folds);
        Self { files: split.map(file).into_iter().collect(), folds }
    }

    /// Plans one file per subset, and one folder per split if there are several splits.
    pub(super) fn folder(folder: &Path, splits: &'a Splits) -> Self {
        let mut taken = HashSet::new();
        let mut files = Vec::new();
        for (value, split) in splits {
            let folder = match value {
                Some(value) => folder.join(unique(&mut taken, value)),
                None => folder.to_owned(),
            };
            for (subset, name) in split.names.iter().enumerate() {
                let path = folder.join(format!("{name}.csv"));
                let split = Cow::Borrowed(split);
                files.push(Planned { path, split, subset: Some(subset) });
            }
        }
        Self { files, folds: None }
    }

    /// Plans one folder per fold, with that fold as test set and all others as training set.
    pub(super) fn folds(folder: &Path, splits: &'a Splits) -> Self {
        let Some((_, folds)) = splits.first() else {
            return Self { files: Vec::new(), folds: None };
        };
        let mut files = Vec::new();
        for (fold, name) in folds.names.iter().enumerate() {
            let split = folds.hold_out(fold);
            for (subset, file) in split.names.iter().enumerate() {
                let path = folder.join(name).join(format!("{file}.csv"));
                let split = Cow::Owned(split.clone());
                files.push(Planned { path, split, subset: Some(subset) });
            }
        }
        Self { files, folds: Some(folds) }
    }

    /// Checks that no file would be overwritten.
    pub(super) fn check(&self, input: &Path) -> Result<(), OutputError> {
        for Planned { path, .. } in &self.files {
            expect_not_input(path, input)?;
            if path.symlink_metadata().is_ok() {
                return Err(OutputError::Exists { path: path.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Writes all files. Returns whether any file is in another folder than `root`.
    pub(super) fn write(
        &self,
        table: &Table,
        root: &Path,
        keep_names: bool,
        marked: bool,
    ) -> Result<bool, OutputError> {
        let mut elsewhere = false;
        for Planned { path, split, subset } in &self.files {
            let failed = OutputError::io(path);
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            fs::create_dir_all(folder).map_err(&failed)?;
            let folder = folder.canonicalize().map_err(&failed)?;
            elsewhere |= folder != root;
            let names = if keep_names { Names::Verbatim } else { Names::RelativeTo(folder) };
            let subset_index = |row: usize| split.assignment.get(row).copied().flatten();
            let subset_of = |row: usize| {
                subset_index(row)
                    .and_then(|subset| split.names.get(subset))
                    .cloned()
                    .unwrap_or_default()
            };
            let fold_of = |row: usize| {
                let fold =
                    self.folds.and_then(|folds| folds.assignment.get(row).copied().flatten());
                fold.map_or_else(String::new, |fold| fold.to_string())
            };
            let mut marks = Vec::new();
            if marked {
                marks.push(ColumnValues { column: SPLIT_COLUMN, cells: &subset_of });
            }
            if self.folds.is_some() {
                marks.push(ColumnValues { column: FOLD_COLUMN, cells: &fold_of });
            }
            let selected =
                |row: &usize| subset_index(*row).is_some_and(|own| subset.is_none_or(|p| p == own));
            avff_files::write_with(path, |file| {
                table.write(file, (0..table.len()).filter(selected), &marks, &names)
            })
            .map_err(failed)?;
        }
        Ok(elsewhere)
    }
}

/// Returns a unique folder name for a value, made of portable characters.
fn unique(taken: &mut HashSet<String>, value: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let mut name: String = value.chars().take(100).map(safe).collect();
    if name.is_empty() {
        name.push_str("none");
    }
    // Some file systems ignore case.
    while !taken.insert(name.to_lowercase()) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_portable_and_unique() {
        let mut taken = HashSet::new();
        let mut name = |value| unique(&mut taken, value);
        assert_eq!(name("FVRA-WL"), "FVRA-WL");
        assert_eq!(name("fvra-wl"), "fvra-wl_");
        assert_eq!(name("../etc"), "___etc");
        assert_eq!(name(""), "none");
    }
}

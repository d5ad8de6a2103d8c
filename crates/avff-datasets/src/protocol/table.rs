//! Manifests in memory. All cells share one string, so that millions of rows fit.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
};

use super::error::SplitError;
use crate::{
    error::{DatasetError, Reason},
    manifest::{
        ManifestOptions, ManifestReader, NAME_COLUMN, Row, TARGET_COLUMN, resolve::clip_path,
    },
};

/// Maximum number of rows: a thousand times the largest data set.
const MAX_ROWS: usize = 1 << 31;

/// The rows of one or more manifests, verbatim.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<String>,
    text: String,
    /// The end of each cell in `text`: a row's name, then its cells in the order of `columns`.
    ends: Vec<usize>,
    targets: Vec<Option<u8>>,
    lines: Vec<u64>,
    files: Vec<TableFile>,
}

/// A manifest of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// The path of the manifest.
    pub path: PathBuf,
    /// The folder at which relative names start.
    pub root: PathBuf,
    /// The index of its first row in the table.
    pub first: usize,
}

impl Table {
    /// Reads manifests in sequence. A column that a manifest lacks is empty in its rows.
    ///
    /// # Errors
    /// The errors of [`ManifestReader`], for the first invalid row.
    pub fn read(
        paths: &[impl AsRef<Path>],
        options: &ManifestOptions,
    ) -> Result<Self, DatasetError> {
        let mut table = Self::default();
        let mut readers = Vec::with_capacity(paths.len());
        for path in paths {
            let reader = ManifestReader::open(path, options)?;
            for column in reader.columns() {
                if !table.columns.contains(column) {
                    table.columns.push(column.clone());
                }
            }
            readers.push(reader);
        }
        for (path, reader) in paths.iter().zip(readers) {
            let path = path.as_ref().to_owned();
            let root = options.root_of(&path);
            table.files.push(TableFile { path: path.clone(), root, first: table.len() });
            // The index of each table column in this file.
            let indices: Vec<Option<usize>> = table
                .columns
                .iter()
                .map(|column| reader.columns().iter().position(|own| own == column))
                .collect();
            for row in reader {
                // Groups store row numbers in 32 bits.
                if table.len() >= MAX_ROWS {
                    let (value, limit) = (table.len() as u64 + 1, MAX_ROWS as u64);
                    let source = Reason::TooLarge { what: "number of rows", value, limit };
                    return Err(DatasetError::new(path, source));
                }
                table.push(&row?, &indices);
            }
        }
        Ok(table)
    }

    fn push(&mut self, row: &Row, indices: &[Option<usize>]) {
        self.add(&row.name);
        for index in indices {
            let cell = index.and_then(|index| row.extra.get(index)).map_or("", String::as_str);
            self.add(cell);
        }
        self.targets.push(row.target);
        self.lines.push(row.line);
    }

    fn add(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Returns all columns except `video_name`.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the index of a column in [`Table::columns`].
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Returns the index of a required column.
    ///
    /// # Errors
    /// [`SplitError::NoColumn`].
    pub fn require(&self, name: &str) -> Result<usize, SplitError> {
        let known = || {
            let own = self.columns.iter().map(String::as_str);
            std::iter::once(NAME_COLUMN).chain(own).collect::<Vec<_>>().join(", ")
        };
        let missing = || SplitError::NoColumn { column: name.to_owned(), known: known() };
        self.column(name).ok_or_else(missing)
    }

    /// Returns a row's `video_name`, verbatim; empty beyond the last row.
    #[must_use]
    pub fn name(&self, row: usize) -> &str {
        self.at(row.saturating_mul(self.columns.len() + 1))
    }

    /// Returns a row's cell in the column with index `column` in [`Table::columns`], verbatim.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.at(row.saturating_mul(self.columns.len() + 1).saturating_add(column + 1))
    }

    fn at(&self, cell: usize) -> &str {
        let start = match cell.checked_sub(1) {
            Some(previous) => self.ends.get(previous).copied().unwrap_or_default(),
            None => 0,
        };
        let end = self.ends.get(cell).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// Returns a cell in normalized form for comparisons: trimmed, and targets as `0` and `1`.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> &str {
        if self.columns.get(column).is_some_and(|name| name == TARGET_COLUMN) {
            return match self.target(row) {
                Some(1) => "1",
                Some(_) => "0",
                None => "",
            };
        }
        self.cell(row, column).trim()
    }

    /// Returns 1 for fake, 0 for real, `None` if unknown.
    #[must_use]
    pub fn target(&self, row: usize) -> Option<u8> {
        self.targets.get(row).copied().flatten()
    }

    /// Returns the first line of a row in its manifest.
    #[must_use]
    pub fn line(&self, row: usize) -> u64 {
        self.lines.get(row).copied().unwrap_or_default()
    }

    /// Returns the manifests, in row order.
    #[must_use]
    pub fn files(&self) -> &[TableFile] {
        &self.files
    }

    /// Returns the index of a row's manifest.
    #[must_use]
    pub fn file_of(&self, row: usize) -> usize {
        self.files.partition_point(|file| file.first <= row).saturating_sub(1)
    }

    /// Returns the path of a row's clip.
    #[must_use]
    pub fn path(&self, row: usize) -> PathBuf {
        let root = self.files.get(self.file_of(row)).map(|file| file.root.as_path());
        let root = root.unwrap_or(Path::new(""));
        // The reader has refused names without a path.
        clip_path(root, self.name(row)).unwrap_or_else(|_| root.join(self.name(row)))
    }

    /// Returns for every row the first row with an equal path; `./a`, `b/../a` and `a` are equal.
    #[must_use]
    pub fn first_of_path(&self) -> Vec<usize> {
        let mut seen: HashMap<PathBuf, usize> = HashMap::with_capacity(self.len());
        (0..self.len()).map(|row| *seen.entry(normalize(&self.path(row))).or_insert(row)).collect()
    }
}

/// Splits a cell that may hold several values, separated by `;`.
pub fn values(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(';').map(str::trim).filter(|value| !value.is_empty())
}

/// Normalizes a path lexically: removes `.`, and `..` where possible without file access.
pub(super) fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn manifests_with_different_columns_are_concatenated() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.csv"), "target,video_name,note\n1.0,x.mp4, n \n,./y.mp4,\n").unwrap();
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("sub/b.csv"), "video_name,identity\n../x.mp4,p;q\n").unwrap();
        let table =
            Table::read(&[path("a.csv"), path("sub/b.csv")], &ManifestOptions::default()).unwrap();
        assert_eq!(table.columns(), ["target", "note", "identity"]);
        assert_eq!((table.name(1), table.name(2), table.name(3)), ("./y.mp4", "../x.mp4", ""));
        assert_eq!((table.cell(0, 0), table.value(0, 0), table.target(0)), ("1.0", "1", Some(1)));
        assert_eq!((table.cell(0, 1), table.value(0, 1)), (" n ", "n"));
        assert_eq!((table.cell(2, 0), table.cell(2, 2)), ("", "p;q"));
        assert_eq!((table.file_of(1), table.file_of(2), table.line(2)), (0, 1, 2));
        assert_eq!(table.first_of_path(), [0, 1, 0], "the second file names x.mp4 too");
        assert!(matches!(table.require("split"), Err(SplitError::NoColumn { known, .. })
            if known == "video_name, target, note, identity"));
    }

    #[test]
    fn cells_may_hold_several_values() {
        assert_eq!(values(" a; ;b;").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(values(" ").count(), 0);
    }

    #[test]
    fn paths_are_normalized() {
        for (path, expected) in
            [("./a//b", "a/b"), ("a/../b", "b"), ("../a", "../a"), ("/a/./..", "/")]
        {
            assert_eq!(normalize(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}

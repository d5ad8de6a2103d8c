//! How a manifest is read: where its names start, what its columns are called, and which rows are
//! selected.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Condition, NAME_COLUMN, TARGET_COLUMN};

/// How a manifest is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestOptions {
    /// The folder at which relative clip names start; `None` for the manifest's folder.
    pub root: Option<PathBuf>,
    /// The names of the columns.
    pub columns: ColumnNames,
    /// The rows to read: those that meet all conditions.
    pub conditions: Vec<Condition>,
}

impl ManifestOptions {
    /// Options for names that start at `root`.
    #[must_use]
    pub fn with_root(root: impl Into<PathBuf>) -> Self {
        Self { root: Some(root.into()), ..Self::default() }
    }

    /// Returns the folder at which relative names of the manifest at `path` start.
    #[must_use]
    pub fn root_of(&self, path: &Path) -> PathBuf {
        let folder = || path.parent().unwrap_or(Path::new("")).to_owned();
        self.root.clone().unwrap_or_else(folder)
    }
}

/// The names that a file gives to the two columns of a manifest.
///
/// [`Row`](super::Row) and [`columns`](super::ManifestReader::columns) use the manifest's own names
/// whatever the file calls them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnNames {
    /// The column with the clip name.
    pub name: String,
    /// The column with the label. A file may lack it only if it has the default name.
    pub target: String,
}

impl fmt::Display for ColumnNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` with `{}`", self.name, self.target)
    }
}

impl Default for ColumnNames {
    fn default() -> Self {
        Self { name: NAME_COLUMN.into(), target: TARGET_COLUMN.into() }
    }
}

impl ColumnNames {
    /// Returns whether both names are the manifest's own.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the manifest's own name of a column of the file.
    pub(super) fn own<'a>(&self, column: &'a str) -> &'a str {
        match column {
            column if column == self.name => NAME_COLUMN,
            column if column == self.target => TARGET_COLUMN,
            column => column,
        }
    }
}

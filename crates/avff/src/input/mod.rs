//! Tables that a command reads: manifests and predictions.

pub(crate) mod manifest;

use std::path::PathBuf;

use avff_data::ClipError;
use avff_datasets::DatasetError;

pub use self::manifest::ManifestId;

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A table that cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file that cannot be hashed.
    #[error(transparent)]
    File(#[from] ClipError),
    /// The table names no clip.
    #[error("{}: no rows below the header", path.display())]
    NoRows {
        /// The table.
        path: PathBuf,
    },
    /// The table has a column that the output adds.
    #[error("{}: has a column {column}, as the output will: rename it", path.display())]
    ColumnClash {
        /// The table.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// The table lacks a column.
    #[error("{}: there is no column {column}, but {known}", path.display())]
    UnknownColumn {
        /// The table.
        path: PathBuf,
        /// The column that was asked for.
        column: String,
        /// The columns that it has.
        known: String,
    },
    /// A column holds names or numbers rather than categories.
    #[error("the column {column} has more than {most} values: choose one of categories")]
    TooManyCategories {
        /// The column.
        column: String,
        /// The most values that are allowed.
        most: usize,
    },
    /// A score that is not a finite number.
    #[error("{}: line {line}: the score `{cell}` is no finite number", path.display())]
    Score {
        /// The table.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The cell's text.
        cell: String,
    },
}

impl InputError {
    pub(crate) fn unknown_column(path: impl Into<PathBuf>, column: &str, known: &[String]) -> Self {
        let known = match known {
            [] => "video_name alone".into(),
            known => known.join(", "),
        };
        Self::UnknownColumn { path: path.into(), column: column.into(), known }
    }
}

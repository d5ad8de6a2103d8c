//! Tables that commands read: manifests and predictions.

pub mod clips;
pub(crate) mod manifest;
#[cfg(feature = "tools")]
pub(crate) mod predictions;

use std::path::PathBuf;

use avff_data::ClipError;
use avff_datasets::DatasetError;

pub use self::manifest::ManifestId;

/// The column of scores, named as in the reference implementation.
pub(crate) const SCORE: &str = "y_pred";

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The table cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file cannot be hashed.
    #[error(transparent)]
    File(#[from] ClipError),
    /// The table has no rows.
    #[error("{}: no rows below the header", path.display())]
    NoRows {
        /// The table.
        path: PathBuf,
    },
    /// The table already has a column that the output adds.
    #[error("{}: the table already has the column {column}, which the output adds: rename it", path.display())]
    ColumnClash {
        /// The table.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// The table lacks a column.
    #[error("{}: there is no column {column}; the columns are {known}", path.display())]
    UnknownColumn {
        /// The table.
        path: PathBuf,
        /// The requested column.
        column: String,
        /// The columns of the table.
        known: String,
    },
    /// The column has too many values to be a column of categories.
    #[error(
        "the column {column} has more than {most} different values: choose a column of categories"
    )]
    TooManyCategories {
        /// The column.
        column: String,
        /// The maximum number of values.
        most: usize,
    },
    /// A score cannot be used.
    #[error("{}: line {line}: the score `{cell}` is not {expected}", path.display())]
    Score {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The text of the cell.
        cell: String,
        /// What a score has to be.
        expected: &'static str,
    },
    /// A cell is no fake segment.
    #[error("{}: line {line}: `{cell}` is no fake segment: give START-END;START-END in seconds", path.display())]
    Segment {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The text of the cell.
        cell: String,
    },
    /// A clip is listed twice, with other values.
    #[error(
        "{}: line {line}: {clip} has another score or target in line {first}", path.display()
    )]
    Repeated {
        /// The table.
        path: PathBuf,
        /// The line of the later row, from 1.
        line: u64,
        /// The line of the first row.
        first: u64,
        /// The clip's name.
        clip: String,
    },
}

impl InputError {
    pub(crate) fn unknown_column(path: impl Into<PathBuf>, column: &str, known: &[String]) -> Self {
        let known = match known {
            [] => "video_name".into(),
            known => known.join(", "),
        };
        Self::UnknownColumn { path: path.into(), column: column.into(), known }
    }
}

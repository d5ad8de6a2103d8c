//! A manifest in memory, whose rows can be shuffled.

use std::path::Path;

use crate::{
    error::{DatasetError, Reason},
    manifest::{ManifestOptions, ManifestReader, Row},
};

/// Maximum number of rows: 16 times the largest published set of clips, a few gigabytes.
const MAX_ROWS: usize = 1 << 24;

/// The rows of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    rows: Vec<Row>,
    columns: Vec<String>,
}

impl Dataset {
    /// Reads the manifest at `path`.
    ///
    /// # Errors
    /// The first problem with the file or a row, a manifest without rows, and [`Reason::TooLarge`]
    /// for more than 2^24 rows.
    pub fn read(path: &Path, options: &ManifestOptions) -> Result<Self, DatasetError> {
        let reader = ManifestReader::open(path, options)?;
        let columns = reader.columns().to_vec();
        let rows: Vec<Row> = reader.take(MAX_ROWS + 1).collect::<Result<_, _>>()?;
        Self::new(rows, columns).map_err(|source| DatasetError::new(path, source))
    }

    /// Creates a dataset from rows, whose `extra` cells belong to `columns`.
    ///
    /// # Errors
    /// [`Reason::Row`] if there are no rows, [`Reason::TooLarge`] if there are too many.
    pub fn new(rows: Vec<Row>, columns: Vec<String>) -> Result<Self, Reason> {
        if rows.is_empty() {
            return Err(Reason::Row { line: 1, what: "there are no rows".into() });
        }
        if rows.len() > MAX_ROWS {
            let (value, limit) = (rows.len() as u64, MAX_ROWS as u64);
            return Err(Reason::TooLarge { what: "number of rows", value, limit });
        }
        Ok(Self { rows, columns })
    }

    /// Returns all rows, in the manifest's order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the number of rows, which is at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a dataset is never empty")]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the index of a column in every row's `extra`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Returns the first row without a target.
    #[must_use]
    pub fn unlabeled(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.target.is_none())
    }
}

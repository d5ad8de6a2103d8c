//! A manifest held in memory, so that its rows can be shuffled.

use std::path::Path;

use crate::{
    error::{DatasetError, Reason},
    manifest::{ManifestReader, Row},
};

/// The most rows: 16 times the largest published set of clips, a few gigabytes.
const MAX_ROWS: usize = 1 << 24;

/// A manifest's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    rows: Vec<Row>,
    columns: Vec<String>,
}

impl Dataset {
    /// Reads the manifest at `path` in full; relative clip names start at `root`, or at its folder.
    ///
    /// # Errors
    /// The first thing that is wrong with the file or one of its rows, a manifest without rows, and
    /// [`Reason::TooLarge`] for more than 2^24 of them.
    pub fn read(path: &Path, root: Option<&Path>) -> Result<Self, DatasetError> {
        let reader = ManifestReader::open(path, root)?;
        let columns = reader.columns().to_vec();
        let rows: Vec<Row> = reader.take(MAX_ROWS + 1).collect::<Result<_, _>>()?;
        Self::new(rows, columns).map_err(|source| DatasetError::new(path, source))
    }

    /// These rows, whose `extra` cells are of `columns`.
    ///
    /// # Errors
    /// [`Reason::Row`] for no rows, [`Reason::TooLarge`] for too many.
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

    /// All rows, in the manifest's order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows there are; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The place of a column in every row's `extra`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The first row without a target.
    #[must_use]
    pub fn unlabelled(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.target.is_none())
    }
}

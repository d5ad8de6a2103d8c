//! The values that a split keeps in balance.

use std::collections::{BTreeMap, BTreeSet};

use super::{error::SplitError, table::Table};

/// Rows by the values they have in some columns; numbered in the order of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strata {
    of: Vec<u32>,
    names: Vec<String>,
}

impl Strata {
    /// Rows by their values in `columns`, several joined by `/`; one stratum without columns.
    ///
    /// # Errors
    /// [`SplitError::NoColumn`].
    pub fn new(table: &Table, columns: &[impl AsRef<str>]) -> Result<Self, SplitError> {
        let places = columns
            .iter()
            .map(|column| table.require(column.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let value = |row: usize| match places.as_slice() {
            [one] => table.value(row, *one).to_owned(),
            several => {
                let cells: Vec<_> = several.iter().map(|&place| table.value(row, place)).collect();
                cells.join("/")
            }
        };
        let distinct: BTreeSet<String> = (0..table.len()).map(value).collect();
        let numbers: BTreeMap<&str, u32> =
            distinct.iter().zip(0..).map(|(name, number)| (name.as_str(), number)).collect();
        let number = |row| numbers.get(value(row).as_str()).copied().unwrap_or_default();
        let of = (0..table.len()).map(number).collect();
        Ok(Self { of, names: distinct.into_iter().collect() })
    }

    /// The number of a row's stratum.
    #[must_use]
    pub fn of(&self, row: usize) -> usize {
        self.of.get(row).map_or(0, |&number| number as usize)
    }

    /// The values, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the rows of a stratum say nothing in any of the columns.
    #[must_use]
    pub fn is_unsaid(&self, stratum: usize) -> bool {
        self.names.get(stratum).is_none_or(|name| name.chars().all(|c| c == '/'))
    }

    /// The number of a value.
    ///
    /// # Errors
    /// [`SplitError::NoValue`] under the name `column`.
    pub fn find(&self, column: &str, value: &str) -> Result<usize, SplitError> {
        self.names.iter().position(|name| name == value).ok_or_else(|| {
            let mut known: Vec<&str> = self.names.iter().take(20).map(String::as_str).collect();
            if self.names.len() > known.len() {
                known.push("...");
            }
            let (column, value) = (column.to_owned(), value.to_owned());
            SplitError::NoValue { column, value, known: known.join(", ") }
        })
    }

    /// Rows in each stratum.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        for &number in &self.of {
            if let Some(size) = sizes.get_mut(number as usize) {
                *size += 1;
            }
        }
        sizes
    }
}

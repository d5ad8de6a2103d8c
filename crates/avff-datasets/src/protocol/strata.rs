//! The values that a split balances.

use std::collections::{BTreeMap, BTreeSet};

use super::{error::SplitError, table::Table};

/// Rows by their values in some columns. Strata are numbered in the order of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strata {
    numbers: Vec<u32>,
    names: Vec<String>,
}

impl Strata {
    /// Stratifies rows by their values in `columns`; several are joined by `/`. Without columns
    /// there is one stratum.
    ///
    /// # Errors
    /// [`SplitError::NoColumn`].
    pub fn new(table: &Table, columns: &[impl AsRef<str>]) -> Result<Self, SplitError> {
        let indices = columns
            .iter()
            .map(|column| table.require(column.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let value = |row: usize| match indices.as_slice() {
            [one] => table.value(row, *one).to_owned(),
            several => {
                let cells: Vec<_> = several.iter().map(|&index| table.value(row, index)).collect();
                cells.join("/")
            }
        };
        let distinct: BTreeSet<String> = (0..table.len()).map(value).collect();
        let number_by_name: BTreeMap<&str, u32> =
            distinct.iter().zip(0..).map(|(name, number)| (name.as_str(), number)).collect();
        let number = |row| number_by_name.get(value(row).as_str()).copied().unwrap_or_default();
        let numbers = (0..table.len()).map(number).collect();
        Ok(Self { numbers, names: distinct.into_iter().collect() })
    }

    /// Returns the stratum of a row.
    #[must_use]
    pub fn stratum_of(&self, row: usize) -> usize {
        self.numbers.get(row).map_or(0, |&number| number as usize)
    }

    /// Returns the values, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns whether the rows of a stratum are empty in all columns.
    #[must_use]
    pub fn is_blank(&self, stratum: usize) -> bool {
        self.names.get(stratum).is_none_or(|name| name.chars().all(|c| c == '/'))
    }

    /// Returns the stratum of a value.
    ///
    /// # Errors
    /// [`SplitError::NoValue`] with the name `column`.
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

    /// Returns the number of rows in each stratum.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        for &number in &self.numbers {
            if let Some(size) = sizes.get_mut(number as usize) {
                *size += 1;
            }
        }
        sizes
    }
}

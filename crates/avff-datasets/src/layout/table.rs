//! Reads CSV metadata row by row, with columns located by name.

use std::io::Read;

use csv::ByteRecord;

use super::scan::{Position, Rows};
use crate::{
    error::Reason,
    manifest::{MAX_COLUMNS, lines::Lines, next_record, quote, row_error},
    normal_form::composed,
};

/// A CSV file with a header. A byte order mark before the header (`utf-8-sig`) is skipped, and rows
/// may be longer or shorter than the header.
#[derive(Debug)]
pub(super) struct Table<R> {
    reader: csv::Reader<Lines<R>>,
    record: ByteRecord,
    /// Names of the columns, composed.
    header: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a>(&'a ByteRecord);

impl<R: Read> Table<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Reason::Empty`] without a header, [`Reason::Row`] for a header that is not UTF-8 or too
    /// wide.
    pub(super) fn open(input: R) -> Result<Self, Reason> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Lines::new(input));
        let mut record = ByteRecord::new();
        let line = next_record(&mut reader, &mut record)?.ok_or(Reason::Empty)?;
        if record.len() > MAX_COLUMNS {
            return Err(row_error(line, format!("{} columns", record.len())));
        }
        let cells = Cells(&record);
        let header = (0..record.len())
            .map(|index| cells.get(index).map(|name| composed(name).into_owned()))
            .collect::<Result<_, _>>()
            .map_err(|what| row_error(line, what))?;
        Ok(Self { reader, record, header })
    }

    /// Returns the index of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Returns the index of a required column.
    ///
    /// # Errors
    /// [`Reason::Row`] if the column is missing.
    pub(super) fn require(&self, name: &str) -> Result<usize, Reason> {
        self.column(name).ok_or_else(|| row_error(1, format!("the header has no `{name}` column")))
    }

    /// Returns the next row with its line.
    ///
    /// # Errors
    /// A row is too long, or the system reports an error. Nothing can be read afterwards.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Cells<'_>)>, Reason> {
        let line = next_record(&mut self.reader, &mut self.record)?;
        Ok(line.map(|line| (line, Cells(&self.record))))
    }
}

impl<'a> Cells<'a> {
    /// Returns a cell without surrounding whitespace.
    ///
    /// # Errors
    /// The row has no such cell, or the cell is not UTF-8.
    pub(super) fn get(self, index: usize) -> Result<&'a str, String> {
        let cell = self
            .0
            .get(index)
            .ok_or_else(|| format!("expected more than {index} cells, found {}", self.0.len()))?;
        let cell =
            str::from_utf8(cell).map_err(|_| "not UTF-8: save the file as UTF-8".to_owned())?;
        Ok(cell.trim())
    }

    /// Returns a cell of an optional column; empty if the column is absent.
    ///
    /// # Errors
    /// See [`Cells::get`].
    pub(super) fn optional(self, index: Option<usize>) -> Result<&'a str, String> {
        index.map_or(Ok(""), |index| self.get(index))
    }
}

/// Parses every row with `parse` and passes the result to `visit`.
///
/// # Errors
/// See [`Table::next`].
pub(super) fn rows<R: Read, T>(
    mut table: Table<R>,
    visit: Rows<'_, T>,
    parse: impl Fn(Cells<'_>) -> Result<T, String>,
) -> Result<(), Reason> {
    while let Some((line, cells)) = table.next()? {
        if visit(Position::Line(line), parse(cells)).is_break() {
            break;
        }
    }
    Ok(())
}

/// Parses the label 0 or 1, real or fake.
pub(super) fn label(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "0" | "real" => Ok(false),
        "1" | "fake" => Ok(true),
        _ => Err(format!("the label is {}, neither real nor fake", quote(cell))),
    }
}

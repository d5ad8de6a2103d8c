//! CSV metadata, row by row, with columns found by name.

use std::io::Read;

use csv::ByteRecord;

use super::scan::{Place, Rows};
use crate::{
    error::Reason,
    manifest::{MAX_COLUMNS, complaint, lines::Lines, next_record, quote},
};

/// A CSV file under a header. A mark before the header (`utf-8-sig`) is no part of it, and rows may
/// be longer or shorter than it.
#[derive(Debug)]
pub(super) struct Table<R> {
    reader: csv::Reader<Lines<R>>,
    record: ByteRecord,
    header: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a>(&'a ByteRecord);

impl<R: Read> Table<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Reason::Empty`] without one, [`Reason::Row`] for one that is no UTF-8 or too wide.
    pub(super) fn open(input: R) -> Result<Self, Reason> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Lines::new(input));
        let mut record = ByteRecord::new();
        let line = next_record(&mut reader, &mut record)?.ok_or(Reason::Empty)?;
        if record.len() > MAX_COLUMNS {
            return Err(complaint(line, format!("{} columns", record.len())));
        }
        let cells = Cells(&record);
        let header = (0..record.len())
            .map(|index| cells.get(index).map(str::to_owned))
            .collect::<Result<_, _>>()
            .map_err(|what| complaint(line, what))?;
        Ok(Self { reader, record, header })
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// The place of a column that has to be there.
    ///
    /// # Errors
    /// [`Reason::Row`] where it is not.
    pub(super) fn require(&self, name: &str) -> Result<usize, Reason> {
        self.column(name).ok_or_else(|| complaint(1, format!("the header has no `{name}` column")))
    }

    /// The next row and its line.
    ///
    /// # Errors
    /// A row that is too long, and what the system says; nothing can be read after either.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Cells<'_>)>, Reason> {
        let line = next_record(&mut self.reader, &mut self.record)?;
        Ok(line.map(|line| (line, Cells(&self.record))))
    }
}

impl<'a> Cells<'a> {
    /// A cell without the space around it.
    ///
    /// # Errors
    /// A row that ends before it, or a cell that is no UTF-8.
    pub(super) fn get(self, index: usize) -> Result<&'a str, String> {
        let cell = self
            .0
            .get(index)
            .ok_or_else(|| format!("{} cells, one more than {index} is needed", self.0.len()))?;
        let cell =
            str::from_utf8(cell).map_err(|_| "not UTF-8: save the file as UTF-8".to_owned())?;
        Ok(cell.trim())
    }

    /// A cell of a column that may be absent: empty then.
    ///
    /// # Errors
    /// As [`Cells::get`].
    pub(super) fn optional(self, index: Option<usize>) -> Result<&'a str, String> {
        index.map_or(Ok(""), |index| self.get(index))
    }
}

/// Hands every row to `visit`, as `parse` makes it.
///
/// # Errors
/// As [`Table::next`].
pub(super) fn rows<R: Read, T>(
    mut table: Table<R>,
    visit: Rows<'_, T>,
    parse: impl Fn(Cells<'_>) -> Result<T, String>,
) -> Result<(), Reason> {
    while let Some((line, cells)) = table.next()? {
        if visit(Place::Line(line), parse(cells)).is_break() {
            break;
        }
    }
    Ok(())
}

/// Reads 0 or 1, real or fake.
pub(super) fn label(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "0" | "real" => Ok(false),
        "1" | "fake" => Ok(true),
        _ => Err(format!("the label is {}: neither real nor fake", quote(cell))),
    }
}

//! Reads the rows of a shard's tables in blocks.

use std::{
    collections::VecDeque,
    fs::File,
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Position, Reader};

use super::MergeError;
use crate::output::OutputError;

/// The number of rows that are buffered for each table.
const BLOCK: usize = 64;

/// The rows of a table in order. The file is open only while a block is read, because many systems limit the
/// number of open files of a process.
pub(crate) struct Records {
    path: PathBuf,
    header: ByteRecord,
    next: Position,
    buffer: VecDeque<ByteRecord>,
}

impl Records {
    /// Opens the table at `path` and reads its header.
    ///
    /// # Errors
    /// Returns [`MergeError::Output`] or [`MergeError::Damaged`].
    pub(crate) fn open(path: &Path) -> Result<Self, MergeError> {
        let mut records = Self {
            path: path.into(),
            header: ByteRecord::new(),
            next: Position::new(),
            buffer: VecDeque::new(),
        };
        let header = records.next()?;
        records.header = header.ok_or_else(|| records.damaged("it has no header".into()))?;
        Ok(records)
    }

    pub(crate) fn header(&self) -> &ByteRecord {
        &self.header
    }

    /// Returns the next row, or `None` after the last row.
    ///
    /// # Errors
    /// Returns [`MergeError::Output`] or [`MergeError::Damaged`].
    pub(crate) fn next(&mut self) -> Result<Option<ByteRecord>, MergeError> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        Ok(self.buffer.pop_front())
    }

    fn fill(&mut self) -> Result<(), MergeError> {
        let output = OutputError::io(&self.path);
        let file = avff_files::open(&self.path).map_err(&output)?;
        let mut reader: Reader<File> =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
        let read = |error: csv::Error| output(error.into());
        reader.seek(self.next.clone()).map_err(read)?;
        for record in reader.byte_records().take(BLOCK) {
            self.buffer.push_back(record.map_err(read)?);
        }
        self.next = reader.position().clone();
        Ok(())
    }

    /// The error for a table that differs from what the run wrote.
    pub(crate) fn damaged(&self, reason: String) -> MergeError {
        MergeError::Damaged { path: self.path.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn rows_round_trip_byte_identically() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut writer = csv::WriterBuilder::new().flexible(true).from_path(&path).unwrap();
        for row in 0..(3 * BLOCK + 7) {
            let odd = ["", "a,b", "say \"hi\"", "two\nlines", "\u{feff}ä", "\r"][row % 6];
            writer.write_record([&row.to_string(), odd]).unwrap();
        }
        writer.write_record([""]).unwrap();
        writer.into_inner().unwrap();
        let mut records = Records::open(&path).unwrap();
        let mut copy = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        copy.write_byte_record(records.header()).unwrap();
        while let Some(record) = records.next().unwrap() {
            copy.write_byte_record(&record).unwrap();
        }
        assert!(copy.into_inner().unwrap() == fs::read(&path).unwrap());
        fs::write(&path, "").unwrap();
        assert!(Records::open(&path).is_err());
    }
}

//! A CSV that grows row by row and has its name once it is whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use avff_datasets::manifest::Row;

use super::{OutputError, partial};
use crate::failure::ClipFailure;

/// The columns of every table of clips that could not be read.
pub(crate) const ERRORS: [&str; 6] = ["path", "stage", "error", "hint", "video_name", "line"];

/// A CSV that is called `NAME.partial` until [`finish`](Self::finish). One that is not finished stays
/// there, to be resumed or replaced.
pub(crate) struct Table {
    path: PathBuf,
    partial: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
}

impl Table {
    /// An empty table that will be called `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, OutputError> {
        let partial = partial(path);
        let file = File::create(&partial).map_err(OutputError::io(&partial))?;
        Ok(Self::on(path, partial, file))
    }

    fn on(path: &Path, partial: PathBuf, file: File) -> Self {
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(file));
        Self { path: path.into(), partial, writer }
    }

    /// Keeps the header and `rows` rows of an unfinished table: later ones may be torn or not in the
    /// journal.
    pub(crate) fn resume(path: &Path, rows: usize) -> Result<Self, OutputError> {
        let partial = partial(path);
        // A run that was interrupted at its very end has finished its tables.
        if !partial.exists() && path.exists() {
            fs::rename(path, &partial).map_err(OutputError::io(path))?;
        }
        let output = OutputError::io(&partial);
        let mut file = OpenOptions::new().read(true).write(true).open(&partial).map_err(&output)?;
        let end = end_of_rows(&mut BufReader::new(&mut file), rows + 1).map_err(&output)?;
        let Some(end) = end else {
            let reason = format!("has fewer than the {rows} rows that the journal counts");
            return Err(OutputError::Damaged { path: partial, reason });
        };
        file.set_len(end).map_err(&output)?;
        file.seek(SeekFrom::End(0)).map_err(&output)?;
        Ok(Self::on(path, partial, file))
    }

    pub(crate) fn write<'a>(
        &mut self,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), OutputError> {
        let written = self.writer.write_record(cells);
        written.map_err(|error| self.failed(error.into()))
    }

    /// A row of another table.
    pub(crate) fn copy(&mut self, row: &csv::ByteRecord) -> Result<(), OutputError> {
        let written = self.writer.write_byte_record(row);
        written.map_err(|error| self.failed(error.into()))
    }

    /// A row under [`ERRORS`].
    pub(crate) fn failure(&mut self, row: &Row, failure: &ClipFailure) -> Result<(), OutputError> {
        let path = row.path.display().to_string();
        let hint = failure.hint.as_deref().unwrap_or_default();
        let line = row.line.to_string();
        self.write([&path, &failure.stage, &failure.error, hint, &row.name, &line])
    }

    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| self.failed(error))
    }

    /// Gives the table its name, for good.
    pub(crate) fn finish(mut self) -> Result<(), OutputError> {
        self.flush()?;
        let Self { path, partial, writer } = self;
        drop(writer);
        avff_files::finish(&partial, &path).map_err(OutputError::io(&path))
    }

    fn failed(&self, source: io::Error) -> OutputError {
        OutputError::Io { path: self.partial.clone(), source }
    }
}

/// Bytes up to the end of the given number of CSV rows; a quoted cell may hold line ends.
fn end_of_rows(reader: &mut impl BufRead, rows: usize) -> io::Result<Option<u64>> {
    let (mut at, mut found, mut quoted) = (0, 0, false);
    let mut line = Vec::new();
    while found < rows {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        at += length as u64;
        // A quote within a quoted cell is doubled, so the count's parity says what is open.
        quoted ^= line.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        found += usize::from(!quoted);
    }
    Ok(Some(at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_end_where_quotes_are_closed() {
        let text = b"a,b\n\"x\ny\",\"say \"\"hi\"\"\n\"\nlast,1\ntorn,";
        let end = |rows| end_of_rows(&mut &text[..], rows).unwrap();
        assert_eq!(end(1), Some(4));
        assert_eq!(end(2), Some(24));
        assert_eq!(end(3), Some(31));
        assert_eq!(end(4), None);
    }

    #[test]
    fn a_finished_table_resumes_and_an_unfinished_one_has_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut table = Table::create(&path).unwrap();
        for row in ["name", "one", "two"] {
            table.write([row]).unwrap();
        }
        table.flush().unwrap();
        assert!(!path.exists() && partial(&path).exists());
        table.finish().unwrap();
        assert!(path.exists() && !partial(&path).exists());
        assert!(matches!(Table::resume(&path, 3), Err(OutputError::Damaged { .. })));
        Table::resume(&path, 1).unwrap().finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "name\none\n");
    }
}

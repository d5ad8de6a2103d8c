//! CSV tables that are written row by row and get their final name when they are complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use avff_datasets::manifest::Row;

use super::{OutputError, create_folder_of, partial};
use crate::failure::ClipFailure;

/// The columns of errors files: tables of clips that could not be read.
pub(crate) const ERRORS: [&str; 6] = ["path", "stage", "error", "hint", "video_name", "line"];

/// A CSV that is called `NAME.partial` until [`finish`](Self::finish). An unfinished file remains, to be resumed
/// or replaced.
pub(crate) struct Table {
    path: PathBuf,
    partial: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
}

impl Table {
    /// Creates an empty table with the final name `path`, and its folder.
    pub(crate) fn create(path: &Path) -> Result<Self, OutputError> {
        create_folder_of(path)?;
        let partial = partial(path);
        let file = File::create(&partial).map_err(OutputError::io(path))?;
        Ok(Self::new(path, partial, file))
    }

    fn new(path: &Path, partial: PathBuf, file: File) -> Self {
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(file));
        Self { path: path.into(), partial, writer }
    }

    /// Resumes an unfinished table after its header and `rows` rows. Later rows may be incomplete or missing from
    /// the journal and are removed.
    pub(crate) fn resume(path: &Path, rows: usize) -> Result<Self, OutputError> {
        let partial = partial(path);
        // A run that was interrupted at its end has already renamed its tables.
        if !partial.exists() && path.exists() {
            fs::rename(path, &partial).map_err(OutputError::io(path))?;
        }
        let output = OutputError::io(&partial);
        let mut file = OpenOptions::new().read(true).write(true).open(&partial).map_err(&output)?;
        let end = end_of_rows(&mut BufReader::new(&mut file), rows + 1).map_err(&output)?;
        let Some(end) = end else {
            let reason = format!("it has fewer than the {rows} rows in the journal");
            return Err(OutputError::Damaged { path: partial, reason });
        };
        file.set_len(end).map_err(&output)?;
        file.seek(SeekFrom::End(0)).map_err(&output)?;
        Ok(Self::new(path, partial, file))
    }

    pub(crate) fn write<'a>(
        &mut self,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), OutputError> {
        let written = self.writer.write_record(cells);
        written.map_err(|error| self.failed(error.into()))
    }

    /// Writes a row of another table.
    pub(crate) fn copy(&mut self, row: &csv::ByteRecord) -> Result<(), OutputError> {
        let written = self.writer.write_byte_record(row);
        written.map_err(|error| self.failed(error.into()))
    }

    /// Writes a row with the columns [`ERRORS`].
    pub(crate) fn write_failure(
        &mut self,
        row: &Row,
        failure: &ClipFailure,
    ) -> Result<(), OutputError> {
        let path = row.path.display().to_string();
        let hint = failure.hint.as_deref().unwrap_or_default();
        let line = row.line.to_string();
        self.write([&path, &failure.stage, &failure.error, hint, &row.name, &line])
    }

    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| self.failed(error))
    }

    /// Completes the table and gives it its final name.
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

/// Returns the number of bytes of the first `rows` CSV rows. Quoted cells may contain line breaks.
fn end_of_rows(reader: &mut impl BufRead, rows: usize) -> io::Result<Option<u64>> {
    let (mut end, mut complete, mut quoted) = (0, 0, false);
    let mut line = Vec::new();
    while complete < rows {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        end += length as u64;
        // A quote inside a quoted cell is doubled, so an odd count means that a cell is still open.
        quoted ^= line.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        complete += usize::from(!quoted);
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_end_after_closed_quotes() {
        let text = b"a,b\n\"x\ny\",\"say \"\"hi\"\"\n\"\nlast,1\ntorn,";
        let end = |rows| end_of_rows(&mut &text[..], rows).unwrap();
        assert_eq!(end(1), Some(4));
        assert_eq!(end(2), Some(24));
        assert_eq!(end(3), Some(31));
        assert_eq!(end(4), None);
    }

    #[test]
    fn finished_tables_resume_and_unfinished_tables_are_partial() {
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

//! CSV tables that are written row by row and get their final name when they are complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use avff_datasets::manifest::Row;
use crc32fast::Hasher;

use super::{OutputError, create_folder_of, partial};
use crate::failure::ClipFailure;

/// The columns of errors files: tables of clips that could not be read.
pub(crate) const ERRORS: [&str; 6] = ["path", "stage", "error", "hint", "video_name", "line"];

/// A CSV that is called `NAME.partial` until [`finish`](Self::finish). An unfinished file remains, to be resumed
/// or replaced.
pub(crate) struct Table {
    path: PathBuf,
    partial: PathBuf,
    writer: csv::Writer<Summed>,
}

/// A file that is being written, and the CRC-32 of its bytes so far.
struct Summed {
    file: BufWriter<File>,
    sum: Hasher,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Table {
    /// Creates an empty table with the final name `path`, and its folder.
    pub(crate) fn create(path: &Path) -> Result<Self, OutputError> {
        create_folder_of(path)?;
        let partial = partial(path);
        let file = File::create(&partial).map_err(OutputError::io(path))?;
        Ok(Self::new(path, partial, file, Hasher::new()))
    }

    fn new(path: &Path, partial: PathBuf, file: File, sum: Hasher) -> Self {
        let file = Summed { file: BufWriter::new(file), sum };
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(file);
        Self { path: path.into(), partial, writer }
    }

    /// Resumes an unfinished table after its rows that the journal has, given by the table's
    /// [`checksum`](Self::checksum) after each; there is at least one. Later rows may be incomplete or missing
    /// from the journal and are removed.
    pub(crate) fn resume(path: &Path, checksums: &[u32]) -> Result<Self, OutputError> {
        let partial = partial(path);
        // A run that was interrupted at its end has already renamed its tables.
        let is_renamed = !partial.exists() && path.exists();
        let found = if is_renamed { path } else { &partial };
        let output = OutputError::io(found);
        let damaged = |reason| OutputError::Damaged { path: found.into(), reason };
        let rows = checksums.len();
        if !found.exists() {
            return Err(damaged(format!("it is missing, and the journal has {rows} of its rows")));
        }
        avff_files::expect_regular(found).map_err(&output)?;
        let mut file = OpenOptions::new().read(true).write(true).open(found).map_err(&output)?;
        let (end, sum) = match written(&mut BufReader::new(&mut file), checksums) {
            Ok(Written::Whole { end, sum }) => (end, sum),
            Ok(Written::Short) => {
                return Err(damaged(format!("it has fewer than the {rows} rows in the journal")));
            }
            Ok(Written::Changed { row }) => {
                let header = if row == 1 { "the header or " } else { "" };
                return Err(damaged(format!(
                    "{header}row {row} was changed: its CRC-32 is not the one in the journal"
                )));
            }
            Err(error) => return Err(output(error)),
        };
        file.set_len(end).map_err(&output)?;
        file.seek(SeekFrom::End(0)).map_err(&output)?;
        if is_renamed {
            fs::rename(path, &partial).map_err(&output)?;
        }
        Ok(Self::new(path, partial, file, sum))
    }

    /// Returns the CRC-32 of all bytes that were flushed.
    pub(crate) fn checksum(&self) -> u32 {
        self.writer.get_ref().sum.clone().finalize()
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

/// What an unfinished table holds of the rows in the journal.
#[derive(Debug)]
enum Written {
    /// All of them, and the header: so many bytes with this CRC-32.
    Whole { end: u64, sum: Hasher },
    /// Fewer rows.
    Short,
    /// Another row, counted from 1.
    Changed { row: usize },
}

/// Compares the first rows of a CSV with the CRC-32 of all bytes up to each. Quoted cells may contain line breaks.
fn written(reader: &mut impl BufRead, checksums: &[u32]) -> io::Result<Written> {
    let (mut end, mut complete, mut quoted) = (0, 0, false);
    let mut sum = Hasher::new();
    let mut line = Vec::new();
    // The header is row 0.
    while complete <= checksums.len() {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(Written::Short);
        }
        end += length as u64;
        sum.update(&line);
        // A quote inside a quoted cell is doubled, so an odd count means that a cell is still open.
        quoted ^= line.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        if quoted {
            continue;
        }
        let expected = complete.checked_sub(1).and_then(|row| checksums.get(row));
        if expected.is_some_and(|&expected| expected != sum.clone().finalize()) {
            return Ok(Written::Changed { row: complete });
        }
        complete += 1;
    }
    Ok(Written::Whole { end, sum })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn rows_end_after_closed_quotes() {
        let text = b"a,b\n\"x\ny\",\"say \"\"hi\"\"\n\"\nlast,1\ntorn,";
        let sums: Vec<u32> = [24, 31].map(|end| crc32fast::hash(&text[..end])).to_vec();
        let end = |sums: &[u32]| match written(&mut &text[..], sums).unwrap() {
            Written::Whole { end, .. } => end,
            other => panic!("{other:?}"),
        };
        assert_eq!((end(&[]), end(&sums[..1]), end(&sums)), (4, 24, 31));
        let more = [&sums[..], &[0]].concat();
        assert!(matches!(written(&mut &text[..], &more).unwrap(), Written::Short));
        let swapped = [sums[0], 1];
        let changed = written(&mut &text[..], &swapped).unwrap();
        assert!(matches!(changed, Written::Changed { row: 2 }), "{changed:?}");
    }

    #[test]
    fn finished_tables_resume_and_unfinished_tables_are_partial() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut table = Table::create(&path).unwrap();
        let sums = ["name", "one", "two"].map(|row| {
            table.write([row]).unwrap();
            table.flush().unwrap();
            table.checksum()
        });
        assert!(!path.exists() && partial(&path).exists());
        table.finish().unwrap();
        assert!(path.exists() && !partial(&path).exists());
        let reason = |checksums: &[u32]| match Table::resume(&path, checksums).err().unwrap() {
            OutputError::Damaged { reason, .. } => reason,
            other => panic!("{other}"),
        };
        assert!(reason(&[sums[1], sums[2], 0]).starts_with("it has fewer than the 3 rows"));
        assert!(reason(&sums[2..]).starts_with("the header or row 1 was changed"));
        assert!(path.exists(), "a table that is refused keeps its name");
        let mut table = Table::resume(&path, &sums[1..2]).unwrap();
        table.write(["two"]).unwrap();
        table.flush().unwrap();
        assert_eq!(table.checksum(), sums[2]);
        table.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "name\none\ntwo\n");
        fs::remove_file(&path).unwrap();
        assert!(reason(&sums[1..]).starts_with("it is missing"));
    }
}

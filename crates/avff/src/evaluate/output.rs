//! The files a run writes.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use avff_datasets::manifest::Row;
use avff_model::FusionScope;

use super::{Entry, beside, journal::Journal};
use crate::{error::Error, failure::ClipFailure, score::Score, shard::Shard};

/// Where everything goes, from the path of the predictions.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `NAME.csv`: a row for every clip that has a score.
    pub predictions: PathBuf,
    /// `NAME.errors.csv`: a row for every clip that has none.
    pub errors: PathBuf,
    /// `NAME.summary.json`: written at the end.
    pub summary: PathBuf,
    /// `NAME.journal`: there while a run is unfinished.
    pub journal: PathBuf,
    /// `NAME.rows`: what the journal of a finished shard becomes, for [`merge`](super::merge()).
    pub rows: PathBuf,
}

/// The columns of every table of clips that could not be read.
pub(crate) const ERRORS: [&str; 6] = ["path", "stage", "error", "hint", "video_name", "line"];
/// The column of scores, as the reference names it.
pub(crate) const SCORE: &str = "y_pred";
/// The column, where faces are cut out, that says whether one was found (1) or the pictures were taken
/// whole (0).
pub(super) const FACE: &str = "face";

/// The columns of predictions of ours.
pub(super) fn own_columns<'a>(faces: bool) -> impl Iterator<Item = &'a str> {
    ["video_name", SCORE].into_iter().chain(faces.then_some(FACE))
}

impl Paths {
    /// The files beside `output`.
    #[must_use]
    pub fn new(output: &Path) -> Self {
        Self {
            predictions: output.into(),
            errors: beside(output, "errors.csv"),
            summary: beside(output, "summary.json"),
            journal: beside(output, "journal"),
            rows: beside(output, "rows"),
        }
    }

    /// The files of a shard, or of a run that has none.
    #[must_use]
    pub fn of(output: &Path, shard: Option<Shard>) -> Self {
        match shard {
            Some(shard) => Self::new(&shard.file(output)),
            None => Self::new(output),
        }
    }

    /// Refuses to write over an input, and to any name but `*.csv`: a media file or checkpoint named
    /// by mistake would be lost.
    pub(super) fn spare(&self, input: &Path) -> Result<(), Error> {
        if self.predictions.extension().is_none_or(|extension| extension != "csv") {
            return Err(Error::Options("the output's name must end in .csv"));
        }
        Error::unless_in_a_folder(&self.predictions)?;
        let input = input.canonicalize().ok();
        for path in [&self.predictions, &self.errors, &self.summary, &self.journal, &self.rows] {
            if input.is_some() && path.canonicalize().ok() == input {
                return Err(Error::Options("the output would replace a file it is made from"));
            }
        }
        Ok(())
    }
}

impl Paths {
    /// Refuses to write over what an earlier run left.
    pub(super) fn refuse_leftovers(&self, fusion: FusionScope) -> Result<(), Error> {
        if self.journal.exists() {
            let path = self.journal.clone();
            return Err(match fusion {
                FusionScope::PerClip => Error::Unfinished { path },
                // Batches would be cut elsewhere.
                FusionScope::AcrossBatch => Error::UnfinishedAcrossBatch { path },
            });
        }
        self.refuse_results()
    }

    /// Refuses to write over results, those of an unfinished run too.
    pub(super) fn refuse_results(&self) -> Result<(), Error> {
        let files = [&self.predictions, &self.errors, &self.summary, &self.journal];
        match files.into_iter().find(|path| path.exists()) {
            Some(path) => Err(Error::Finished { path: path.clone() }),
            None => Ok(()),
        }
    }
}

/// Predictions and errors, row by row.
pub(super) struct Outputs {
    predictions: Table,
    errors: Table,
    /// Whether faces are cut out.
    faces: bool,
}

impl Outputs {
    pub(super) fn create(paths: &Paths, columns: &[String], faces: bool) -> Result<Self, Error> {
        let mut predictions = Table::create(&paths.predictions)?;
        let mut errors = Table::create(&paths.errors)?;
        let carried = columns.iter().map(String::as_str);
        predictions.write(own_columns(faces).chain(carried))?;
        errors.write(ERRORS)?;
        Ok(Self { predictions, errors, faces })
    }

    /// Cuts both files back to what the journal counts and goes on after it.
    pub(super) fn resume(
        paths: &Paths,
        columns: &[String],
        faces: bool,
        journal: &Journal,
    ) -> Result<Self, Error> {
        if journal.len() == 0 {
            return Self::create(paths, columns, faces);
        }
        let scored = journal.entries().iter().filter(|e| matches!(e, Entry::Scored { .. })).count();
        let failed = journal.entries().len() - scored;
        Ok(Self {
            predictions: Table::resume(&paths.predictions, scored)?,
            errors: Table::resume(&paths.errors, failed)?,
            faces,
        })
    }

    pub(super) fn predict(&mut self, row: &Row, score: &Score) -> Result<(), Error> {
        let probability = score.logits.probability_fake().to_string();
        let face = self.faces.then_some(if score.without_face { "0" } else { "1" });
        let carried = row.extra.iter().map(String::as_str);
        let own = [row.name.as_str(), &probability].into_iter().chain(face);
        self.predictions.write(own.chain(carried))
    }

    pub(super) fn fail(&mut self, row: &Row, failure: &ClipFailure) -> Result<(), Error> {
        self.errors.failure(row, failure)
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.predictions.flush()?;
        self.errors.flush()
    }
}

/// A CSV file under its path.
pub(crate) struct Table {
    path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
}

impl Table {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let file =
            File::create(path).map_err(|source| Error::Output { path: path.into(), source })?;
        Ok(Self::on(path, file))
    }

    fn on(path: &Path, file: File) -> Self {
        Self {
            path: path.into(),
            writer: csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(file)),
        }
    }

    /// Keeps the header and `rows` rows; later ones may be torn or not in the journal.
    fn resume(path: &Path, rows: usize) -> Result<Self, Error> {
        let output = |source| Error::Output { path: path.into(), source };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(output)?;
        let end = end_of_rows(&mut BufReader::new(&mut file), rows + 1).map_err(output)?;
        let Some(end) = end else {
            let reason = format!("has fewer than the {rows} rows that the journal counts");
            return Err(Error::Journal { path: path.into(), reason });
        };
        file.set_len(end).map_err(output)?;
        file.seek(SeekFrom::End(0)).map_err(output)?;
        Ok(Self::on(path, file))
    }

    pub(crate) fn write<'a>(
        &mut self,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Error> {
        let path = &self.path;
        self.writer
            .write_record(cells)
            .map_err(|e| Error::Output { path: path.clone(), source: e.into() })
    }

    /// A row of another table.
    pub(crate) fn copy(&mut self, row: &csv::ByteRecord) -> Result<(), Error> {
        let path = &self.path;
        self.writer
            .write_byte_record(row)
            .map_err(|e| Error::Output { path: path.clone(), source: e.into() })
    }

    /// A row under [`ERRORS`].
    pub(crate) fn failure(&mut self, row: &Row, failure: &ClipFailure) -> Result<(), Error> {
        let path = row.path.display().to_string();
        let hint = failure.hint.as_deref().unwrap_or_default();
        let line = row.line.to_string();
        self.write([&path, &failure.stage, &failure.error, hint, &row.name, &line])
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let path = &self.path;
        self.writer.flush().map_err(|source| Error::Output { path: path.clone(), source })
    }
}

/// The name of a file that is not whole yet.
pub(crate) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Bytes up to the end of the given number of CSV rows; a quoted cell may hold line ends.
fn end_of_rows(reader: &mut impl BufRead, rows: usize) -> std::io::Result<Option<u64>> {
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
}

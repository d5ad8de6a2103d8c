//! The files a run writes.

use std::path::{Path, PathBuf};

use avff_datasets::manifest::Row;
use avff_model::FusionScope;

use super::{Entry, EvaluateError, journal::Journal};
use crate::{
    failure::ClipFailure,
    output::{
        OutputError, expect_csv, expect_folder, expect_other,
        table::{ERRORS, Table},
    },
    score::Score,
    shard::Shard,
};

/// Where everything goes, from the path of the predictions.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `NAME.csv`: a row for every clip that has a score. `NAME.csv.partial` while a run is unfinished.
    pub predictions: PathBuf,
    /// `NAME.errors.csv`: a row for every clip that has none. `NAME.errors.csv.partial` while a run is
    /// unfinished.
    pub errors: PathBuf,
    /// `NAME.summary.json`: written at the end.
    pub summary: PathBuf,
    /// `NAME.journal`: there while a run is unfinished.
    pub journal: PathBuf,
    /// `NAME.rows`: what the journal of a finished shard becomes, for [`merge`](super::merge()).
    pub rows: PathBuf,
}

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
            errors: output.with_extension("errors.csv"),
            summary: output.with_extension("summary.json"),
            journal: output.with_extension("journal"),
            rows: output.with_extension("rows"),
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
    pub(super) fn expect_apart(&self, input: &Path) -> Result<(), OutputError> {
        expect_csv(&self.predictions)?;
        expect_folder(&self.predictions)?;
        let mut files =
            [&self.predictions, &self.errors, &self.summary, &self.journal, &self.rows].into_iter();
        files.try_for_each(|path| expect_other(path, input))
    }

    /// Refuses to write over what an earlier run left.
    pub(super) fn refuse_leftovers(&self, fusion: FusionScope) -> Result<(), EvaluateError> {
        if self.journal.exists() {
            let path = self.journal.clone();
            return Err(match fusion {
                FusionScope::PerClip => OutputError::Unfinished { path }.into(),
                // Batches would be cut elsewhere.
                FusionScope::AcrossBatch => EvaluateError::UnfinishedAcrossBatch { path },
            });
        }
        Ok(self.refuse_results()?)
    }

    /// Refuses to write over results, those of an unfinished run too.
    pub(super) fn refuse_results(&self) -> Result<(), OutputError> {
        let files = [&self.predictions, &self.errors, &self.summary, &self.journal];
        match files.into_iter().find(|path| path.exists()) {
            Some(path) => Err(OutputError::Results { path: path.clone() }),
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
    pub(super) fn create(
        paths: &Paths,
        columns: &[String],
        faces: bool,
    ) -> Result<Self, OutputError> {
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
    ) -> Result<Self, OutputError> {
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

    pub(super) fn predict(&mut self, row: &Row, score: &Score) -> Result<(), OutputError> {
        let probability = score.logits.probability_fake().to_string();
        let face = self.faces.then_some(if score.without_face { "0" } else { "1" });
        let carried = row.extra.iter().map(String::as_str);
        let own = [row.name.as_str(), &probability].into_iter().chain(face);
        self.predictions.write(own.chain(carried))
    }

    pub(super) fn fail(&mut self, row: &Row, failure: &ClipFailure) -> Result<(), OutputError> {
        self.errors.failure(row, failure)
    }

    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        self.predictions.flush()?;
        self.errors.flush()
    }

    /// Gives both tables their names, for good.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.predictions.finish()?;
        self.errors.finish()
    }
}

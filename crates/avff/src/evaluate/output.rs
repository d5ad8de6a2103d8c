//! The files of an evaluation.

use std::path::{Path, PathBuf};

use avff_datasets::manifest::Row;
use avff_model::FusionScope;

use super::{Entry, EvaluateError, journal::Journal};
use crate::{
    calibration::Answer,
    failure::ClipFailure,
    input::SCORE,
    output::{
        self, OutputError, expect_csv,
        table::{ERRORS, Table},
    },
    score::Score,
    shard::Shard,
};

/// The paths of all files, derived from the path of the predictions.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `NAME.csv`: one row per scored clip. `NAME.csv.partial` while the run is unfinished.
    pub predictions: PathBuf,
    /// `NAME.errors.csv`: one row per clip without a score. `NAME.errors.csv.partial` while the run is
    /// unfinished.
    pub errors: PathBuf,
    /// `NAME.notes.csv`: one row per note on a clip; written at the end if there are notes.
    pub notes: PathBuf,
    /// `NAME.left-out.csv`: one row per window that was left out because its clip is damaged there; written at
    /// the end if there are any.
    pub left_out: PathBuf,
    /// `NAME.summary.json`: written at the end.
    pub summary: PathBuf,
    /// `NAME.journal`: exists while the run is unfinished.
    pub journal: PathBuf,
    /// `NAME.rows`: the journal of a finished shard, for [`merge`](super::merge()).
    pub rows: PathBuf,
}

/// The column that runs with a face crop add: 1 if a face was found, 0 if whole frames were used.
const FACE: &str = "face";
/// The column that runs with the synchrony add: the correlation of lips and voice near an offset of 0; empty
/// where it cannot be told.
const SYNCHRONY: &str = "synchrony";

/// The columns that calibrated runs add: P(fake) at even odds, the base-10 logarithm of the likelihood ratio, and the
/// decision.
const CALIBRATED: [&str; 3] = ["p_fake", LOG10_RATIO, "decision"];
/// The column of the base-10 logarithm of the likelihood ratio.
pub(crate) const LOG10_RATIO: &str = "log10_lr";

/// The columns that an evaluation adds to the predictions if it is asked to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    /// Whether frames are cropped to faces.
    pub(super) face: bool,
    /// Whether the synchrony is measured.
    pub(super) synchrony: bool,
    /// Whether the detector is calibrated.
    pub(super) calibrated: bool,
}

impl Added {
    /// All columns before those of the manifest.
    pub(super) fn columns<'a>(self) -> impl Iterator<Item = &'a str> {
        let added = [self.face.then_some(FACE), self.synchrony.then_some(SYNCHRONY)];
        let calibrated = CALIBRATED.into_iter().filter(move |_| self.calibrated);
        ["video_name", SCORE].into_iter().chain(calibrated).chain(added.into_iter().flatten())
    }
}

impl Paths {
    /// The files beside `output`.
    #[must_use]
    pub fn new(output: &Path) -> Self {
        Self {
            predictions: output.into(),
            errors: output.with_extension("errors.csv"),
            notes: output.with_extension("notes.csv"),
            left_out: output.with_extension("left-out.csv"),
            summary: output.with_extension("summary.json"),
            journal: output.with_extension("journal"),
            rows: output.with_extension("rows"),
        }
    }

    /// The files of a shard, or of a run without shards.
    #[must_use]
    pub fn of(output: &Path, shard: Option<Shard>) -> Self {
        match shard {
            Some(shard) => Self::new(&shard.file(output)),
            None => Self::new(output),
        }
    }

    /// The tables with their roles in the summary.
    pub(crate) fn tables(&self) -> [(&'static str, &Path); 4] {
        [
            ("predictions", &self.predictions),
            ("errors", &self.errors),
            ("notes", &self.notes),
            ("left_out", &self.left_out),
        ]
    }

    /// Refuses output names that would overwrite `input` or do not end in `.csv`. A media file or checkpoint
    /// given by mistake would be lost otherwise.
    pub(super) fn expect_not_input(&self, input: &Path) -> Result<(), OutputError> {
        expect_csv(&self.predictions)?;
        let Self { predictions, errors, notes, left_out, summary, journal, rows } = self;
        let mut files = [predictions, errors, notes, left_out, summary, journal, rows].into_iter();
        files.try_for_each(|path| output::expect_not_input(path, input))
    }

    /// Refuses to overwrite the files of an earlier run.
    pub(super) fn refuse_leftovers(&self, fusion: FusionScope) -> Result<(), EvaluateError> {
        if self.journal.exists() {
            let path = self.journal.clone();
            return Err(match fusion {
                FusionScope::PerClip => OutputError::Unfinished { path }.into(),
                // A resumed run would form other batches.
                FusionScope::AcrossBatch => EvaluateError::UnfinishedAcrossBatch { path },
            });
        }
        Ok(self.refuse_results()?)
    }

    /// Refuses to overwrite results, including those of an unfinished run.
    pub(super) fn refuse_results(&self) -> Result<(), OutputError> {
        let files = [
            &self.predictions,
            &self.errors,
            &self.notes,
            &self.left_out,
            &self.summary,
            &self.journal,
        ];
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
    added: Added,
}

impl Outputs {
    pub(super) fn create(
        paths: &Paths,
        columns: &[String],
        added: Added,
    ) -> Result<Self, OutputError> {
        let predictions = Self::new_predictions(paths, columns, added)?;
        Ok(Self { predictions, errors: Self::new_errors(paths)?, added })
    }

    fn new_predictions(
        paths: &Paths,
        columns: &[String],
        added: Added,
    ) -> Result<Table, OutputError> {
        let mut table = Table::create(&paths.predictions)?;
        table.write(added.columns().chain(columns.iter().map(String::as_str)))?;
        Ok(table)
    }

    fn new_errors(paths: &Paths) -> Result<Table, OutputError> {
        let mut table = Table::create(&paths.errors)?;
        table.write(ERRORS)?;
        Ok(table)
    }

    /// Checks the rows that are in the journal, and continues both files after them.
    pub(super) fn resume(
        paths: &Paths,
        columns: &[String],
        added: Added,
        journal: &Journal,
    ) -> Result<Self, OutputError> {
        // A table without rows is written anew, with its header.
        let resume = |path: &Path, checksums: &[u32]| match checksums {
            [] => Ok(None),
            _ => Table::resume(path, checksums).map(Some),
        };
        let predictions = resume(&paths.predictions, &journal.checksums(true))?;
        let errors = resume(&paths.errors, &journal.checksums(false))?;
        Ok(Self {
            predictions: match predictions {
                Some(table) => table,
                None => Self::new_predictions(paths, columns, added)?,
            },
            errors: match errors {
                Some(table) => table,
                None => Self::new_errors(paths)?,
            },
            added,
        })
    }

    pub(super) fn predict(&mut self, row: &Row, score: &Score) -> Result<(), OutputError> {
        let probability = score.logits.probability_fake().to_string();
        let face = self.added.face.then_some(if score.without_face { "0" } else { "1" });
        let correlation = score.synchrony.and_then(|synchrony| synchrony.correlation);
        let correlation = correlation.map(|value| value.to_string()).unwrap_or_default();
        let correlation = self.added.synchrony.then_some(correlation.as_str());
        let copied = row.extra.iter().map(String::as_str);
        let answer = score.answer.filter(|_| self.added.calibrated).map(|answer| {
            let Answer { probability, log10_ratio, decision, .. } = answer;
            [format!("{probability:.6}"), format!("{log10_ratio:.4}"), decision.to_string()]
        });
        let answer = answer.iter().flatten().map(String::as_str);
        let added = [row.name.as_str(), &probability].into_iter().chain(answer);
        let added = added.chain(face).chain(correlation);
        self.predictions.write(added.chain(copied))
    }

    pub(super) fn fail(&mut self, row: &Row, failure: &ClipFailure) -> Result<(), OutputError> {
        self.errors.write_failure(row, failure)
    }

    /// Flushes both tables. Returns the CRC-32 of the table of an entry so far.
    pub(super) fn flush(&mut self, entry: &Entry) -> Result<u32, OutputError> {
        self.predictions.flush()?;
        self.errors.flush()?;
        Ok(match entry {
            Entry::Scored { .. } => self.predictions.checksum(),
            Entry::Failed(_) => self.errors.checksum(),
        })
    }

    /// Completes both tables and gives them their final names.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.predictions.finish()?;
        self.errors.finish()
    }
}

//! Scores the clips of a manifest into files.
//!
//! Worker threads decode ahead of the network through a bounded queue, so memory does not grow with the
//! manifest. Rows are written in the manifest's order. A journal lets an interrupted run resume; the
//! resumed run writes byte-identical files.

mod baseline;
mod classes;
mod clip_notes;
mod decisions;
mod error;
#[cfg(feature = "tools")]
mod foreign;
mod journal;
mod merge;
mod notes;
pub(crate) mod output;
mod report;
mod submission;
mod summary;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use avff_data::LeftOut;
use avff_datasets::manifest::{ManifestOptions, Row};
use avff_face::NoFace;
use avff_metrics::{MetricError, Scored};
use avff_model::FusionScope;

pub use baseline::Baseline;
pub use classes::only_class;
pub use decisions::Decisions;
pub use error::EvaluateError;
#[cfg(feature = "tools")]
pub use foreign::ForeignScores;
pub use merge::merge;
pub use output::Paths;
pub use report::{ColumnReport, ReportOptions};
pub use submission::Submission;
pub use summary::{CalibrationId, CheckpointId, Coverage, Run, Summary};

use crate::{
    calibration::{Answer, Decision},
    detector::{Detector, ScoreMany},
    error::Error,
    failure::ClipFailure,
    input::{InputError, manifest},
    output::{OutputError, read_json, vouch, write_json},
    score::{Logits, Score},
    shard::Shard,
};
use clip_notes::ClipNotes;
use journal::Journal;
use notes::{Repeats, WithoutTarget};
use output::{Added, Outputs};
use report::Categories;

/// Options of an evaluation.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// A CSV with a column `video_name`. `target` and other columns are copied to the predictions.
    pub csv: PathBuf,
    /// How the CSV is read: the folder of relative names, and the names of its columns.
    pub manifest: ManifestOptions,
    /// The path of the predictions. Errors, summary and journal are written beside it. A shard adds its number
    /// to the names ([`Paths::of`]).
    pub output: PathBuf,
    /// The shard of the rows to score; `None` for all rows.
    pub shard: Option<Shard>,
    /// Number of decoding threads; `None` for one per core.
    pub workers: Option<NonZeroUsize>,
    /// Whether to resume an unfinished run.
    pub resume: bool,
    /// Whether to replace the files of an earlier run, finished or not.
    pub overwrite: bool,
    /// Optional parts of the summary.
    pub report: ReportOptions,
}

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Processed rows of the manifest, or of the shard, including those before an interruption.
    pub done: u64,
    /// Rows of the manifest, or of the shard.
    pub total: u64,
    /// Processed rows whose clip could not be scored.
    pub failed: u64,
}

impl EvalOptions {
    /// Creates options that score all clips of `csv` into `output` and the files beside it.
    pub fn new(csv: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self {
            csv: csv.into(),
            manifest: ManifestOptions::default(),
            output: output.into(),
            shard: None,
            workers: None,
            resume: false,
            overwrite: false,
            report: ReportOptions::default(),
        }
    }
}

impl Detector {
    /// Returns a record of everything that a score depends on. Reads the whole checkpoint to hash it.
    ///
    /// # Errors
    /// Returns [`Error::Model`] if the checkpoint cannot be read.
    pub fn run(&self) -> Result<Run, Error> {
        Run::new(self)
    }

    /// Scores every clip of a CSV into `output` and the files beside it. The CSV has a column `video_name` and,
    /// optionally, `target`.
    ///
    /// # Errors
    /// Fails like [`evaluate_with`](Self::evaluate_with).
    pub fn evaluate(
        &self,
        csv: impl Into<PathBuf>,
        output: impl Into<PathBuf>,
    ) -> Result<Summary, EvaluateError> {
        self.evaluate_with(&EvalOptions::new(csv, output), &mut |_| {})
    }

    /// Scores every clip of a manifest and calls `progress` after each.
    ///
    /// Only a detector with an equal [`Run`] can resume an unfinished run.
    ///
    /// # Errors
    /// Fails if the run cannot start or if its files cannot be written. A clip that cannot be read does not
    /// fail the run: it gets a row in the errors file.
    pub fn evaluate_with(
        &self,
        options: &EvalOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Summary, EvaluateError> {
        evaluate(self, self.run()?, options, progress)
    }

    /// Like [`evaluate_with`](Self::evaluate_with) with an existing record of the run. This avoids hashing a
    /// large checkpoint again.
    ///
    /// # Errors
    /// Fails like [`evaluate_with`](Self::evaluate_with).
    pub fn evaluate_as(
        &self,
        run: Run,
        options: &EvalOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Summary, EvaluateError> {
        evaluate(self, run, options, progress)
    }
}

fn evaluate(
    detector: &Detector,
    mut run: Run,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, EvaluateError> {
    if options.resume && options.overwrite {
        return Err(EvaluateError::ResumeAndOverwrite);
    }
    if options.resume && run.fusion == FusionScope::AcrossBatch {
        return Err(EvaluateError::ResumeAcrossBatch);
    }
    if options.shard.is_some() && run.fusion == FusionScope::AcrossBatch {
        return Err(EvaluateError::ShardAcrossBatch);
    }
    let paths = Paths::of(&options.output, options.shard);
    paths.expect_not_input(&options.csv)?;
    paths.expect_not_input(Path::new(&run.checkpoint.path))?;
    let manifest = manifest::scan(&options.csv, &options.manifest, options.shard)?;
    run.manifest = Some(manifest.id.clone());
    run.shard = options.shard;
    let total = manifest.row_count();
    let added = Added {
        face: run.clip.face.is_some(),
        synchrony: run.synchrony,
        calibrated: run.calibration.is_some(),
    };
    if let Some(column) =
        added.columns().find(|added| manifest.columns.iter().any(|own| own == added))
    {
        return Err(InputError::ColumnClash { path: options.csv.clone(), column }.into());
    }
    let categories = Categories::for_manifest(&options.report.by, &manifest)?;

    if options.resume
        && !paths.journal.exists()
        && let Some(finished) = read_json::<Summary>(&paths.summary)?
    {
        finished.run.expect_same(&run)?;
        vouch::expect_unchanged(&finished.files, &paths.tables())?;
        options.report.expect_in(&finished)?;
        progress(Progress { done: total, total, failed: finished.coverage.failed });
        return Ok(finished);
    }
    let (mut outputs, mut journal) = if options.resume && paths.journal.exists() {
        let journal = Journal::resume(&paths, &run)?;
        (Outputs::resume(&paths, &manifest.columns, added, &journal)?, journal)
    } else {
        if !options.overwrite {
            paths.refuse_leftovers(run.fusion)?;
        }
        let journal = Journal::create(&paths, &run)?;
        // Earlier results keep their names until the new ones are complete.
        match Outputs::create(&paths, &manifest.columns, added) {
            Ok(outputs) => (outputs, journal),
            Err(error) => {
                // The run has not started, so there is nothing to resume.
                journal.remove()?;
                return Err(error.into());
            }
        }
    };

    let mut accumulator = Accumulator::new(categories, &manifest.columns);
    for (row, entry) in manifest.rows(0)?.zip(journal.entries()) {
        accumulator.count_row(entry, &row?);
    }
    let mut state = Progress { done: journal.len(), total, failed: accumulator.failed() };
    progress(state);

    let workers = options.workers.map_or_else(|| detector.workers(), NonZeroUsize::get);
    let rows = manifest.rows(journal.len())?;
    let scores = ScoreMany::of_rows(detector, rows, workers)?;
    for (row, outcome) in scores {
        write_row(&row?, outcome, &mut outputs, &mut journal, &mut accumulator)?;
        state.done = journal.len();
        state.failed = accumulator.failed();
        progress(state);
    }

    let (mut summary, clip_notes) = accumulator.finish(run, total, &options.report)?;
    // The journal is removed last: until then the run can be resumed.
    outputs.finish()?;
    clip_notes.write(&paths)?;
    summary.files = vouch::hashes(&paths.tables())?;
    write_json(&paths.summary, &summary)?;
    match &summary.run.shard {
        Some(_) => journal.rename(&paths.rows)?,
        None => journal.remove()?,
    }
    Ok(summary)
}

/// Writes the result of a row.
fn write_row(
    row: &Row,
    outcome: Result<Score, ClipFailure>,
    outputs: &mut Outputs,
    journal: &mut Journal,
    accumulator: &mut Accumulator,
) -> Result<(), OutputError> {
    let entry = match outcome {
        Ok(score) => {
            outputs.predict(row, &score)?;
            let Score { logits, without_face, notes, left_out, synchrony, answer, .. } = score;
            let correlation = synchrony.and_then(|synchrony| synchrony.correlation);
            let verdict = answer.map(Verdict::from);
            Entry::Scored { logits, without_face, correlation, verdict, notes, left_out }
        }
        Err(failure) => {
            outputs.fail(row, &failure)?;
            Entry::Failed(failure.stage)
        }
    };
    let checksum = outputs.flush(&entry)?;
    accumulator.count_row(&entry, row);
    // Written last, so that every row in the journal is in the other files.
    journal.append(&entry, checksum)
}

/// The stage that fails for clips without a face.
pub const NO_FACE: &str = "face";

/// The result of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Scored {
        logits: Logits,
        /// [`Score::without_face`].
        without_face: bool,
        /// The correlation of [`Score::synchrony`], if it was measured.
        correlation: Option<f64>,
        /// What the score means, if the detector is calibrated.
        verdict: Option<Verdict>,
        /// [`Score::notes`].
        notes: Vec<String>,
        /// [`Score::left_out`].
        left_out: Vec<LeftOut>,
    },
    Failed(String),
}

/// The parts of an [`Answer`] that a summary needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) log10_ratio: f64,
}

impl From<Answer> for Verdict {
    fn from(Answer { decision, log10_ratio, .. }: Answer) -> Self {
        Self { decision, log10_ratio }
    }
}

/// Accumulates the rows for the summary.
struct Accumulator {
    scored: u64,
    without_face: u64,
    failures: BTreeMap<String, u64>,
    labeled: Vec<Scored>,
    /// The correlation of lips and voice of each labeled clip.
    correlations: Vec<Option<f64>>,
    /// What the score of each labeled clip means.
    verdicts: Vec<Option<Verdict>>,
    /// The categories of the labeled clips.
    categories: Categories,
    repeats: Repeats,
    clip_notes: ClipNotes,
    without_target: Option<WithoutTarget>,
}

impl Accumulator {
    /// Starts without rows. `columns` are those of the manifest.
    fn new(categories: Categories, columns: &[String]) -> Self {
        Self {
            scored: 0,
            without_face: 0,
            failures: BTreeMap::new(),
            labeled: Vec::new(),
            correlations: Vec::new(),
            verdicts: Vec::new(),
            categories,
            repeats: Repeats::default(),
            clip_notes: ClipNotes::default(),
            without_target: WithoutTarget::of(columns),
        }
    }

    /// The number of rows without a score.
    fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    fn count_row(&mut self, entry: &Entry, row: &Row) {
        self.count(entry, &row.name, row.target, |position| {
            row.extra.get(position).map(String::as_str)
        });
    }

    /// Adds a row with its label. `cell` returns the row's cell at a column position.
    fn count<'a>(
        &mut self,
        entry: &Entry,
        name: &str,
        target: Option<u8>,
        cell: impl Fn(usize) -> Option<&'a str>,
    ) {
        self.repeats.add(name);
        match entry {
            Entry::Scored { logits, without_face, correlation, verdict, notes, left_out } => {
                self.scored += 1;
                self.clip_notes.add(name, notes, left_out);
                self.without_face += u64::from(*without_face);
                let (fake, real) = (logits.fake, logits.real);
                if let Some(target) = target {
                    self.labeled.push(Scored { fake, real, target });
                    self.correlations.push(*correlation);
                    self.verdicts.push(*verdict);
                    self.categories.add(cell);
                }
            }
            Entry::Failed(stage) => *self.failures.entry(stage.clone()).or_default() += 1,
        }
    }

    /// Returns the summary of all rows, and the notes on their clips.
    fn finish(
        mut self,
        run: Run,
        total: u64,
        report: &ReportOptions,
    ) -> Result<(Summary, ClipNotes), MetricError> {
        let skips = run.clip.face.is_some_and(|face| face.no_face == NoFace::Skip);
        let skipped = if skips { self.failures.remove(NO_FACE).unwrap_or(0) } else { 0 };
        let coverage = Coverage {
            rows: total,
            scored: self.scored,
            without_face: self.without_face,
            with_notes: self.clip_notes.clips(),
            with_left_out: self.clip_notes.clips_with_left_out(),
            failed: self.failed(),
            skipped,
            fraction: match total {
                // A shard without rows is complete.
                0 => 1.0,
                _ => self.scored as f64 / total.saturating_sub(skipped).max(1) as f64,
            },
            failures_by_stage: self.failures,
        };
        let metrics =
            (!self.labeled.is_empty()).then(|| report.metrics(&self.labeled)).transpose()?;
        let by = self.categories.reports(&self.labeled, report)?;
        let decisions = run.calibration.as_ref().map(|calibration| {
            Decisions::new(calibration, &self.labeled, &self.verdicts, &self.categories, report)
        });
        let decisions = decisions.transpose()?.flatten();
        let baseline = Baseline::new(&self.labeled, &self.correlations, self.categories, report)?;
        let without_target = self.without_target.as_ref().map(WithoutTarget::note);
        let notes = without_target.into_iter().chain(self.repeats.note()).collect();
        let files = BTreeMap::new();
        let likely_target = self.without_target.and_then(|without| without.likely);
        let summary = Summary {
            run,
            coverage,
            metrics,
            baseline,
            decisions,
            notes,
            by,
            files,
            likely_target,
        };
        Ok((summary, self.clip_notes))
    }
}

//! A manifest's clips to scores on disk.
//!
//! Worker threads decode ahead of the network through a bounded queue, so memory does not grow
//! with the manifest. Rows are written in the manifest's order as they are done, and a journal
//! beside them lets an interrupted run go on to the same bytes.

mod error;
mod journal;
mod merge;
pub(crate) mod output;
mod report;
mod summary;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use avff_datasets::manifest::Row;
use avff_face::NoFace;
use avff_metrics::{MetricError, Scored};
use avff_model::FusionScope;

pub use error::EvaluateError;
pub use merge::merge;
pub use output::Paths;
pub use report::{ColumnReport, ReportOptions};
pub use summary::{CheckpointId, Coverage, Run, Summary};

use crate::{
    detector::{Detector, ScoreMany},
    error::Error,
    failure::ClipFailure,
    input::{InputError, manifest},
    output::{OutputError, read_json, write_json},
    score::{Logits, Score},
    shard::Shard,
};
use journal::Journal;
use output::Outputs;
use report::Categories;

/// What to score and where to put it.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// A CSV with a column `video_name`; `target` and others are carried through.
    pub csv: PathBuf,
    /// Where relative paths start; `None` for the CSV's folder.
    pub root: Option<PathBuf>,
    /// The predictions; errors, summary and journal go beside it. A shard's files have its number in
    /// their names ([`Paths::of`]).
    pub output: PathBuf,
    /// The part of the rows that is scored; `None` for all.
    pub shard: Option<Shard>,
    /// Decoding threads; `None` for one a core.
    pub workers: Option<NonZeroUsize>,
    /// Go on with an unfinished run.
    pub resume: bool,
    /// Replace what an earlier run left, finished or not.
    pub overwrite: bool,
    /// What the summary says on request.
    pub report: ReportOptions,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows of the manifest, or of the shard, that are done, in this run or before it was interrupted.
    pub done: u64,
    /// Rows of the manifest, or of the shard.
    pub total: u64,
    /// Of those done, the ones that could not be read.
    pub failed: u64,
}

impl EvalOptions {
    /// Scores all clips of `csv` into `output` and the files beside it.
    pub fn new(csv: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self {
            csv: csv.into(),
            root: None,
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
    /// Everything that a score depends on, as a record. Reads the whole checkpoint for its hash.
    ///
    /// # Errors
    /// [`Error::Model`] where the checkpoint cannot be read.
    pub fn run(&self) -> Result<Run, Error> {
        Run::new(self)
    }

    /// Scores every clip of a CSV with a column `video_name` and, if known, `target`, into `output` and
    /// the files beside it.
    ///
    /// # Errors
    /// As [`evaluate_with`](Self::evaluate_with).
    pub fn evaluate(
        &self,
        csv: impl Into<PathBuf>,
        output: impl Into<PathBuf>,
    ) -> Result<Summary, EvaluateError> {
        self.evaluate_with(&EvalOptions::new(csv, output), &mut |_| {})
    }

    /// Scores every clip of a manifest, and tells `progress` after each.
    ///
    /// An unfinished run is only resumed by a detector with an equal [`Run`].
    ///
    /// # Errors
    /// Anything that keeps the run from starting or its files from being written. A clip that cannot be
    /// read is no error of the run: it has a row in the errors file.
    pub fn evaluate_with(
        &self,
        options: &EvalOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Summary, EvaluateError> {
        evaluate(self, self.run()?, options, progress)
    }

    /// [`evaluate_with`](Self::evaluate_with) where the record of the run is at hand: it holds a hash of
    /// the checkpoint, which takes a while for a large file.
    ///
    /// # Errors
    /// As [`evaluate_with`](Self::evaluate_with).
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
    paths.expect_apart(&options.csv)?;
    paths.expect_apart(Path::new(&run.checkpoint.path))?;
    let manifest = manifest::scan(&options.csv, options.root.as_deref(), options.shard)?;
    run.manifest = Some(manifest.id.clone());
    run.shard = options.shard;
    let total = manifest.due();
    let faces = run.clip.face.is_some();
    if let Some(column) =
        output::own_columns(faces).find(|own| manifest.columns.iter().any(|column| column == own))
    {
        return Err(InputError::ColumnClash { path: options.csv.clone(), column }.into());
    }
    let categories = Categories::of(&options.report.by, &manifest)?;

    if options.resume
        && !paths.journal.exists()
        && let Some(finished) = read_json::<Summary>(&paths.summary)?
    {
        finished.run.expect_same(&run)?;
        options.report.expect_in(&finished)?;
        progress(Progress { done: total, total, failed: finished.coverage.failed });
        return Ok(finished);
    }
    let (mut outputs, mut journal) = if options.resume && paths.journal.exists() {
        let journal = Journal::resume(&paths.journal, &run)?;
        (Outputs::resume(&paths, &manifest.columns, faces, &journal)?, journal)
    } else {
        if !options.overwrite {
            paths.refuse_leftovers(run.fusion)?;
        }
        let journal = Journal::create(&paths.journal, &run)?;
        // Earlier results keep their names until these are whole.
        match Outputs::create(&paths, &manifest.columns, faces) {
            Ok(outputs) => (outputs, journal),
            Err(error) => {
                // Nothing has begun, so nothing is left to resume.
                journal.remove()?;
                return Err(error.into());
            }
        }
    };

    let mut tally = Tally::new(categories);
    for (row, entry) in manifest.rows(0)?.zip(journal.entries()) {
        tally.count_row(entry, &row?);
    }
    let mut state = Progress { done: journal.len(), total, failed: tally.failures.values().sum() };
    progress(state);

    let workers = options.workers.map_or_else(|| detector.workers(), NonZeroUsize::get);
    let rows = manifest.rows(journal.len())?;
    let scores = ScoreMany::new(
        detector,
        rows,
        |row| match row {
            Ok(row) => Ok(row.path.as_path()),
            Err(_) => Err(ClipFailure::manifest()),
        },
        workers,
    )?;
    for (row, outcome) in scores {
        finish(&row?, outcome, &mut outputs, &mut journal, &mut tally)?;
        state.done = journal.len();
        state.failed = tally.failures.values().sum();
        progress(state);
    }

    let summary = tally.summary(run, total, &options.report)?;
    // The journal goes last: until then the run can be resumed.
    outputs.finish()?;
    write_json(&paths.summary, &summary)?;
    match &summary.run.shard {
        Some(_) => journal.keep(&paths.rows)?,
        None => journal.remove()?,
    }
    Ok(summary)
}

/// Writes a row.
fn finish(
    row: &Row,
    outcome: Result<Score, ClipFailure>,
    outputs: &mut Outputs,
    journal: &mut Journal,
    tally: &mut Tally,
) -> Result<(), OutputError> {
    let entry = match outcome {
        Ok(score) => {
            outputs.predict(row, &score)?;
            Entry::Scored { logits: score.logits, without_face: score.without_face }
        }
        Err(failure) => {
            outputs.fail(row, &failure)?;
            Entry::Failed(failure.stage)
        }
    };
    outputs.flush()?;
    tally.count_row(&entry, row);
    // Last, so that what the journal counts is in the other files.
    journal.append(&entry)
}

/// The stage of clips without a face.
pub const NO_FACE: &str = "face";

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Scored {
        logits: Logits,
        /// [`Score::without_face`].
        without_face: bool,
    },
    Failed(String),
}

/// What the summary needs to know of all rows.
struct Tally {
    scored: u64,
    without_face: u64,
    failures: BTreeMap<String, u64>,
    labelled: Vec<Scored>,
    /// Of the labelled.
    categories: Categories,
}

impl Tally {
    fn new(categories: Categories) -> Self {
        let (failures, labelled) = (BTreeMap::new(), Vec::new());
        Self { scored: 0, without_face: 0, failures, labelled, categories }
    }

    fn count_row(&mut self, entry: &Entry, row: &Row) {
        self.count(entry, row.target, |place| row.extra.get(place).map(String::as_str));
    }

    /// One more row, with its label and its cells by their place.
    fn count<'a>(
        &mut self,
        entry: &Entry,
        target: Option<u8>,
        cell: impl Fn(usize) -> Option<&'a str>,
    ) {
        match entry {
            Entry::Scored { logits, without_face } => {
                self.scored += 1;
                self.without_face += u64::from(*without_face);
                let (fake, real) = (logits.fake, logits.real);
                if let Some(target) = target {
                    self.labelled.push(Scored { fake, real, target });
                    self.categories.add(cell);
                }
            }
            Entry::Failed(stage) => *self.failures.entry(stage.clone()).or_default() += 1,
        }
    }

    fn summary(
        mut self,
        run: Run,
        total: u64,
        report: &ReportOptions,
    ) -> Result<Summary, MetricError> {
        let skips = run.clip.face.is_some_and(|face| face.no_face == NoFace::Skip);
        let skipped = if skips { self.failures.remove(NO_FACE).unwrap_or(0) } else { 0 };
        let coverage = Coverage {
            rows: total,
            scored: self.scored,
            without_face: self.without_face,
            failed: self.failures.values().sum(),
            skipped,
            fraction: match total {
                // A shard beyond the last row has nothing to miss.
                0 => 1.0,
                _ => self.scored as f64 / total.saturating_sub(skipped).max(1) as f64,
            },
            failures_by_stage: self.failures,
        };
        let metrics = (!self.labelled.is_empty()).then(|| report.of(&self.labelled)).transpose()?;
        let by = self.categories.reports(&self.labelled, report)?;
        Ok(Summary { run, coverage, metrics, by })
    }
}

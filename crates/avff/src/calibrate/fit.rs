//! Fits a calibration to the predictions of `avff eval`, and writes it.

use std::path::{Path, PathBuf};

use avff_calibration::{CalibrateOptions, Calibration, CalibrationError, Clips, cllr};
use avff_data::ClipError;
use avff_metrics::{MetricError, delong, roc_auc};
use avff_model::{Checkpoint, FusionScope, ModelError};

use crate::{
    calibration::{
        CALIBRATION_ENTRY, FittedOn, Outcomes, Propositions, Record, Tested, TestedKind, log_odds,
        side_file,
    },
    evaluate::{Paths, Summary},
    hash,
    input::{
        InputError,
        predictions::{Labeled, Scores},
    },
    output::{OutputError, read_json, vouch},
    overwrite_guard,
};

/// What to calibrate.
#[derive(Debug, Clone)]
pub struct CalibrateRequest {
    /// The predictions of the calibration clips, from [`evaluate`](crate::Detector::evaluate). The summary lies beside
    /// them.
    pub predictions: PathBuf,
    /// A name of the clips; `None` for that of the CSV that names them.
    pub name: Option<String>,
    /// What to say with every decision.
    pub note: Option<String>,
    /// What the two classes mean.
    pub propositions: Option<Propositions>,
    /// Clips to test on.
    pub tests: Vec<TestSet>,
    /// A column with kinds of fakes; tests count each kind.
    pub by: Option<String>,
    /// How to fit.
    pub options: CalibrateOptions,
}

/// Predictions of clips that are tested on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSet {
    /// The name of the clips.
    pub name: String,
    /// The predictions.
    pub predictions: PathBuf,
}

/// A calibration that is fitted, but not written yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The record.
    pub record: Record,
    /// The scores of fakes and of real clips.
    pub(super) clips: Clips,
    /// The path of the checkpoint, as the run names it.
    pub checkpoint: String,
}

/// Why nothing is calibrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// A table cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file cannot be written or was changed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The checkpoint cannot be read or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The clips do not allow a fit.
    #[error("{}: {source}", path.display())]
    Fit {
        /// The predictions.
        path: PathBuf,
        /// The reason.
        source: CalibrationError,
    },
    /// There is no summary beside the predictions.
    #[error(
        "{}: the summary {} is missing; it says which checkpoint gave the scores and how clips were prepared",
        predictions.display(), summary.display()
    )]
    NoSummary {
        /// The predictions.
        predictions: PathBuf,
        /// The summary that is missing.
        summary: PathBuf,
    },
    /// The scores are another checkpoint's.
    #[error("{}: it did not give the scores: its SHA-256 is {is}, theirs is {was}", checkpoint.display())]
    OtherCheckpoint {
        /// The checkpoint.
        checkpoint: PathBuf,
        /// Its SHA-256.
        is: String,
        /// That of the scores' checkpoint.
        was: String,
    },
    /// Scores depend on the other clips of a batch.
    #[error("{}: with across-batch attention, a score depends on other clips, so it has no meaning by itself", .0.display())]
    AcrossBatch(PathBuf),
    /// The same clips would be fitted and tested on.
    #[error("{}: the calibration is fitted to these clips, so they cannot test it", .0.display())]
    TestedOnFit(PathBuf),
    /// A `.pth` has no place for a calibration.
    #[error("{}: a checkpoint of this format has no place for a calibration: write {}", checkpoint.display(), side_file(checkpoint).display())]
    NoPlace {
        /// The checkpoint.
        checkpoint: PathBuf,
    },
}

impl CalibrateError {
    fn fit(path: &Path, source: impl Into<CalibrationError>) -> Self {
        Self::Fit { path: path.into(), source: source.into() }
    }
}

/// Fits a calibration to predictions with targets.
///
/// # Errors
/// [`CalibrateError`]: a table that cannot be read, too few clips of a class, a test on the clips of the fit.
pub fn calibrate(request: &CalibrateRequest) -> Result<Fitted, CalibrateError> {
    let path = &request.predictions;
    let paths = Paths::new(path);
    let Some(summary) = read_json::<Summary>(&paths.summary)? else {
        let (predictions, summary) = (path.clone(), paths.summary);
        return Err(CalibrateError::NoSummary { predictions, summary });
    };
    vouch::expect_unchanged(&summary.files, &paths.tables())?;
    if summary.run.fusion == FusionScope::AcrossBatch {
        return Err(CalibrateError::AcrossBatch(path.clone()));
    }
    let table = labeled(path, None)?;
    let clips = Clips::new(&table.scores, &table.is_fake);
    let clips = clips.map_err(|error| CalibrateError::fit(path, error))?;
    let calibration = Calibration::fit(&clips, &request.options);
    let calibration = calibration.map_err(|error| CalibrateError::fit(path, error))?;
    let run = summary.run;
    let csv = run.manifest.as_ref();
    let csv_name = csv.and_then(|csv| Path::new(&csv.path).file_name());
    let name =
        || csv_name.map_or_else(|| "clips".into(), |name| name.to_string_lossy().into_owned());
    let fitted_on = FittedOn {
        name: request.name.clone().unwrap_or_else(name),
        predictions_sha256: sha256(path)?,
        csv_sha256: csv.map(|csv| csv.sha256.clone()),
        checkpoint_sha256: run.checkpoint.sha256,
        clip: run.clip.for_weights(),
        aggregate: run.aggregate,
        config: run.config,
    };
    let test = |set: &TestSet| {
        let tested = test(&calibration, set, request.by.as_deref())?;
        if tested.predictions_sha256 == fitted_on.predictions_sha256 {
            return Err(CalibrateError::TestedOnFit(set.predictions.clone()));
        }
        Ok(tested)
    };
    let tested_on = request.tests.iter().map(test).collect::<Result<_, _>>()?;
    let note = request.note.clone();
    let propositions = request.propositions.clone();
    let record = Record { note, propositions, calibration, fitted_on, tested_on };
    Ok(Fitted { record, clips, checkpoint: run.checkpoint.path })
}

/// Reads the labeled clips of a table, with scores as log odds.
fn labeled(path: &Path, by: Option<&str>) -> Result<Labeled, InputError> {
    let columns: Vec<&str> = by.into_iter().collect();
    let mut labeled = Labeled::read(path, &columns, Scores::Probabilities)?;
    // Probabilities are written as the shortest text of an f32.
    labeled.scores.iter_mut().for_each(|score| *score = log_odds(*score as f32));
    Ok(labeled)
}

fn sha256(path: &Path) -> Result<String, InputError> {
    hash::content(path).map_err(|error| InputError::File(ClipError::new(path, error)))
}

/// Decides on the clips of a test.
fn test(
    calibration: &Calibration,
    set: &TestSet,
    by: Option<&str>,
) -> Result<Tested, CalibrateError> {
    let path = &set.predictions;
    let labeled = labeled(path, by)?;
    let kinds: Vec<&str> =
        labeled.cells.iter().map(|cells| cells.first().map_or("", String::as_str)).collect();
    let fails = |error: CalibrationError| CalibrateError::fit(path, error);
    let mut decided = Vec::new();
    for (score, is_fake) in labeled.scores.iter().zip(&labeled.is_fake) {
        let answer = calibration.answer(*score, calibration.error).map_err(fails)?;
        decided.push((*is_fake, answer.decision));
    }
    let ratios: Vec<f64> =
        labeled.scores.iter().map(|score| calibration.log_ratio(*score)).collect();
    let ratios = Clips::new(&ratios, &labeled.is_fake).map_err(|error| fails(error.into()))?;
    let mut names: Vec<&str> = Vec::new();
    for (kind, is_fake) in kinds.iter().zip(&labeled.is_fake) {
        if *is_fake && !kind.is_empty() && !names.contains(kind) {
            names.push(kind);
        }
    }
    let kind = |name: &&str| -> Result<TestedKind, MetricError> {
        let own = |at: &usize| !labeled.is_fake[*at] || kinds[*at] == *name;
        let rows: Vec<usize> = (0..labeled.scores.len()).filter(own).collect();
        let scores: Vec<f64> = rows.iter().map(|at| labeled.scores[*at]).collect();
        let is_fake: Vec<bool> = rows.iter().map(|at| labeled.is_fake[*at]).collect();
        let interval = delong(&scores, &is_fake).ok().and_then(|d| d.interval(0.95).ok());
        Ok(TestedKind {
            kind: (*name).to_owned(),
            outcomes: rows.iter().map(|at| decided[*at]).collect(),
            auc: roc_auc(&scores, &is_fake)?,
            interval,
        })
    };
    let tested = names.iter().map(kind).collect::<Result<_, _>>();
    Ok(Tested {
        name: set.name.clone(),
        predictions_sha256: sha256(path)?,
        outcomes: decided.iter().copied().collect::<Outcomes>(),
        cllr: cllr(&ratios),
        kinds: tested.map_err(|error| fails(error.into()))?,
    })
}

impl Fitted {
    /// Writes the calibration into a copy of the checkpoint that gave the scores, or to a file of its own where the
    /// output ends in `.json`.
    ///
    /// # Errors
    /// [`CalibrateError::OtherCheckpoint`], [`CalibrateError::NoPlace`], and errors of reading and writing.
    pub fn write(&self, checkpoint: &Path, output: &Path) -> Result<(), CalibrateError> {
        let opened = Checkpoint::open(checkpoint)?;
        let (is, was) = (opened.sha256()?, self.record.fitted_on.checkpoint_sha256.clone());
        if is != was {
            return Err(CalibrateError::OtherCheckpoint { checkpoint: checkpoint.into(), is, was });
        }
        overwrite_guard::weights(output)?;
        // Serializing plain data with string keys cannot fail.
        let json = serde_json::to_value(&self.record).unwrap_or_default();
        if output.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
            let text = serde_json::to_string(&json).unwrap_or_default();
            return Ok(avff_files::write(output, text).map_err(OutputError::io(output))?);
        }
        let Some(metadata) = opened.metadata() else {
            return Err(CalibrateError::NoPlace { checkpoint: checkpoint.into() });
        };
        let mut metadata = metadata.clone();
        metadata.extra.insert(CALIBRATION_ENTRY.into(), json);
        Ok(opened.copy_with(&metadata, output)?)
    }
}

#[cfg(feature = "sheets")]
impl Fitted {
    /// Draws the calibration clips and the calibration.
    #[must_use]
    pub fn figures(&self) -> Vec<super::Figure> {
        let Record { calibration, fitted_on, .. } = &self.record;
        let ratios = self.clips.map(|score| calibration.log_ratio(score));
        let reliability = &calibration.quality.reliability;
        super::figures(&fitted_on.name, &self.clips, Some(&ratios), Some(reliability))
    }
}

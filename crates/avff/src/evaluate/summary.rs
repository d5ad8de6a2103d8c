//! The options and the result of a run, as JSON and as a table.

use std::collections::BTreeMap;

use avff_calibration::OperatingPoint;
use avff_data::ClipSpec;
use avff_metrics::{BinaryReport, BootstrapOptions, IntervalMethod, Metric};
use avff_model::{AvffConfig, FusionScope};
use serde::{Deserialize, Serialize};

use super::{Baseline, Decisions, report::ColumnReport};
use crate::{
    calibration::Judge,
    checkpoint::{note, warning_of},
    detector::Detector,
    error::Error,
    input::ManifestId,
    network::Arithmetic,
    output::{Difference, OutputError, changed_keys, difference},
    score::Aggregate,
    shard::Shard,
    table::{Text, interval_cell as cell},
};

/// Everything that scores depend on. It contains no timestamps, so that equal runs write equal files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Version of this library.
    pub version: String,
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// The manifest of the clips; `None` for clips given one by one.
    pub manifest: Option<ManifestId>,
    /// The device that the network ran on.
    pub device: String,
    /// Which clips the cross-modal blocks attended over.
    pub fusion: FusionScope,
    /// The compute precision.
    #[serde(default)]
    pub arithmetic: Arithmetic,
    /// Clips per batch, if scores depend on it.
    pub batch_size: Option<usize>,
    /// The clip spec: how clips were prepared.
    pub clip: ClipSpec,
    /// How the windows of a clip were aggregated to its score; `None` if clips were scored whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// The calibration that decisions were made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationId>,
    /// Whether the synchrony of lips and voice was measured as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synchrony: bool,
    /// The shard of the rows; `None` for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The network's config.
    pub config: AvffConfig,
}

/// The identity of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointId {
    /// The path, as given.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Whether it was trained to detect fakes; `None` if the file does not store this.
    pub trained: Option<bool>,
    /// The author's note about its scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The identity of a calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationId {
    /// SHA-256 of the calibration.
    pub sha256: String,
    /// A name of the clips that it was fitted to.
    pub fitted_on: String,
    /// The error rate of decisions, of each class.
    pub error: f64,
    /// Its thresholds, with the rates of its own clips.
    pub points: Vec<OperatingPoint>,
    /// What its author says with every decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl CalibrationId {
    fn new(judge: &Judge) -> Self {
        let record = judge.record();
        Self {
            sha256: record.sha256(),
            fitted_on: record.fitted_on.name.clone(),
            error: judge.error(),
            points: record.calibration.points.clone(),
            note: record.note.clone(),
        }
    }
}

impl Run {
    /// Describes a detector. Reads the whole checkpoint to hash it.
    ///
    /// # Errors
    /// Returns [`Error::Model`] if the checkpoint cannot be read.
    pub(crate) fn new(detector: &Detector) -> Result<Self, Error> {
        let (checkpoint, options) = (detector.checkpoint(), detector.options());
        let batch_size = match options.fusion {
            FusionScope::AcrossBatch => options.batch_size,
            FusionScope::PerClip => None,
        };
        let clip = detector.spec().clone();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").into(),
            checkpoint: CheckpointId {
                path: checkpoint.path().display().to_string(),
                sha256: checkpoint.sha256()?,
                trained: checkpoint.metadata().map(|metadata| metadata.trained),
                note: note(checkpoint).map(Into::into),
            },
            manifest: None,
            device: options.device.to_string(),
            fusion: options.fusion,
            arithmetic: options.arithmetic,
            batch_size,
            aggregate: (!clip.sampling.is_whole()).then_some(detector.aggregate()),
            clip,
            calibration: detector.judge().ok().map(CalibrationId::new),
            synchrony: detector.measures_synchrony(),
            shard: None,
            config: detector.config().clone(),
        })
    }

    /// Whether the weights were never trained, so that the scores are meaningless.
    #[must_use]
    pub fn is_untrained(&self) -> bool {
        self.checkpoint.trained == Some(false)
    }

    /// The warning to show with every score: that the weights were never trained, or the note of the
    /// checkpoint's author.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        warning_of(self.checkpoint.trained, self.checkpoint.note.as_deref())
    }

    pub(crate) fn to_json(&self) -> String {
        // Serializing plain data with string keys cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks that two runs give the same scores. Paths may differ, but not the contents of files.
    pub(crate) fn expect_same(&self, now: &Self) -> Result<(), OutputError> {
        if let (Some(was), Some(now)) = (&self.manifest, &now.manifest) {
            was.expect_same(now)?;
        }
        let shard = |run: &Self| run.shard.map_or_else(|| "not given".into(), |s| s.to_string());
        let difference =
            self.differs(now).or_else(|| difference([("the shard", shard(self), shard(now))]));
        match difference {
            Some(difference) => Err(OutputError::OtherRun(difference)),
            None => Ok(()),
        }
    }

    /// Returns the first difference of two runs, ignoring their shards.
    pub(super) fn differs(&self, now: &Self) -> Option<Difference> {
        let hash = |run: &Self| run.manifest.as_ref().map(|m| m.sha256.clone()).unwrap_or_default();
        let root =
            |run: &Self| format!("{:?}", run.manifest.as_ref().and_then(|m| m.root.as_ref()));
        let columns = |run: &Self| {
            let columns = run.manifest.as_ref().map(|m| m.columns.to_string());
            columns.unwrap_or_default()
        };
        let rows =
            |run: &Self| run.manifest.as_ref().map(ManifestId::selection).unwrap_or_default();
        let calibration = |run: &Self| {
            run.calibration.as_ref().map_or_else(
                || "none".into(),
                |id| format!("{} at an error rate of {}", id.sha256, id.error),
            )
        };
        let measured = |is: bool| if is { "measured" } else { "not measured" }.to_owned();
        let (clip_was, clip_now) = changed_keys(&self.clip, &now.clip);
        let (config_was, config_now) = changed_keys(&self.config, &now.config);
        difference([
            ("the version", self.version.clone(), now.version.clone()),
            ("the checkpoint", self.checkpoint.sha256.clone(), now.checkpoint.sha256.clone()),
            ("the CSV", hash(self), hash(now)),
            ("the root folder", root(self), root(now)),
            ("the pair of columns", columns(self), columns(now)),
            ("the selection of rows", rows(self), rows(now)),
            ("the device", self.device.clone(), now.device.clone()),
            ("the fusion attention", format!("{:?}", self.fusion), format!("{:?}", now.fusion)),
            ("the precision", format!("{:?}", self.arithmetic), format!("{:?}", now.arithmetic)),
            ("the batch size", format!("{:?}", self.batch_size), format!("{:?}", now.batch_size)),
            ("the clip preparation", clip_was, clip_now),
            ("the aggregate", format!("{:?}", self.aggregate), format!("{:?}", now.aggregate)),
            ("the calibration", calibration(self), calibration(now)),
            ("the synchrony", measured(self.synchrony), measured(now.synchrony)),
            ("the network", config_was, config_now),
        ])
    }
}

/// How many rows have a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Rows of the manifest, or of the shard.
    pub rows: u64,
    /// Rows with a score.
    pub scored: u64,
    /// Scored rows whose clip was not cropped because no face was found.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_face: u64,
    /// Scored rows whose clip has notes, which are in `NAME.notes.csv`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub with_notes: u64,
    /// Scored rows whose clip has windows that were left out because it is damaged there; they are in
    /// `NAME.left-out.csv`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub with_left_out: u64,
    /// Rows without a score, except skipped rows.
    pub failed: u64,
    /// Rows skipped because no face was found, if such clips are to be skipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// `scored / (rows - skipped)`.
    pub fraction: f64,
    /// Counts of rows without a score by the stage that failed.
    pub failures_by_stage: BTreeMap<String, u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Everything that scores depend on.
    pub run: Run,
    /// How many rows have a score.
    pub coverage: Coverage,
    /// Metrics over the labeled scored rows; `None` without such rows.
    pub metrics: Option<BinaryReport>,
    /// Metrics of lips and voice compared without learning, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What was decided of the labeled clips, if the detector is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Decisions>,
    /// Notes on the manifest: missing labels, repeated clips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Metrics by category, for the requested columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<ColumnReport>,
    /// SHA-256 of the tables that were written: `predictions`, `errors`, and `notes` and `left_out` if there are
    /// any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The column that may have the labels of a manifest without the column `target`; not kept in the file.
    #[serde(skip)]
    pub likely_target: Option<String>,
}

impl Summary {
    /// Formats coverage and metrics as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let Coverage {
            rows,
            scored,
            without_face,
            with_left_out,
            skipped,
            fraction,
            failures_by_stage,
            ..
        } = &self.coverage;
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| {
            table.row([name.to_owned(), value]);
        };
        row("coverage", format!("{scored} of {rows} clips ({:.1} %)", fraction * 100.0));
        if *without_face > 0 {
            row("without face crop", format!("{without_face} (no face: 0 in the column `face`)"));
        }
        if *with_left_out > 0 {
            let clips = if *with_left_out == 1 { "clip" } else { "clips" };
            row(
                "scored in part",
                format!("{with_left_out} {clips} (windows with damage are left out)"),
            );
        }
        if *skipped > 0 {
            row("skipped", format!("{skipped} (no face)"));
        }
        for (stage, count) in failures_by_stage {
            row("not scored", format!("{count} ({stage})"));
        }
        match &self.metrics {
            None => row("metrics", "none: no clip has both a score and a target".into()),
            Some(m) => {
                row("clips with target", format!("{} ({} fake, {} real)", m.n, m.n_fake, m.n_real));
                for metric in Metric::score_based() {
                    row(metric.title, cell(m.get(metric), m.interval(metric), 4));
                }
                if let Some(baseline) = &self.baseline {
                    let auc = baseline.auc();
                    row("AUC without learning", format!("{auc} ({} clips)", baseline.measured));
                }
                for note in &m.notes {
                    row("note", note.clone());
                }
                if let Some(i) = &m.intervals {
                    let BootstrapOptions { level, replicates, .. } = i.options;
                    let how = methods();
                    row(
                        "confidence intervals",
                        format!("level {level}: {how}, {replicates} resamples"),
                    );
                    for note in &i.notes {
                        row("note", format!("interval of {note}"));
                    }
                }
            }
        }
        if self.metrics.is_some() && self.decisions.is_none() {
            row("decisions", "none: uncalibrated for these clips".into());
        }
        for note in &self.notes {
            row("note", note.clone());
        }
        row("device", self.run.device.clone());
        let weights = self.run.checkpoint.sha256.get(..16).unwrap_or_default();
        row("checkpoint", format!("{} (SHA-256 {weights}...)", self.run.checkpoint.path));
        let mut text = table.to_string();
        if let Some(decisions) = &self.decisions {
            text = format!("{text}\n\n{}", decisions.table());
        }
        for column in &self.by {
            text = format!("{text}\n\n{}", column.table(self.baseline.as_ref()));
        }
        if let Some(warning) = self.run.warning() {
            text = format!("warning: {warning}\n{text}");
        }
        text
    }
}

/// Describes how intervals are estimated, naming the metrics that do not use the bootstrap.
fn methods() -> String {
    let exceptions = Metric::with_interval().filter_map(|metric| match metric.interval {
        Some(IntervalMethod::Bootstrap) | None => None,
        Some(method) => Some(format!("{} by {method}, ", metric.title)),
    });
    exceptions.collect::<String>() + "others by bootstrap within each class"
}

//! What a run was and what came of it, as JSON and as a table.

use std::collections::BTreeMap;

use avff_data::ClipSpec;
use avff_metrics::{BinaryReport, BootstrapOptions, IntervalMethod, Metric};
use avff_model::{AvffConfig, FusionScope};
use serde::{Deserialize, Serialize};

use super::report::{ColumnReport, cell};
use crate::{
    checkpoint::{note, warning_of},
    detector::Detector,
    error::Error,
    input::ManifestId,
    network::Arithmetic,
    output::{Difference, OutputError, difference},
    score::Aggregate,
    shard::Shard,
    table::Text,
};

/// Everything that scores depend on. Holds no times, so that equal runs give equal files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Version of this library.
    pub version: String,
    /// The weights.
    pub checkpoint: CheckpointId,
    /// The clips; `None` for files named one by one.
    pub manifest: Option<ManifestId>,
    /// Where the network ran.
    pub device: String,
    /// What the cross-modal blocks attended over.
    pub fusion: FusionScope,
    /// What the network computed with.
    #[serde(default)]
    pub arithmetic: Arithmetic,
    /// Clips in a batch, where that can change a score.
    pub batch_size: Option<usize>,
    /// How clips were prepared.
    pub clip: ClipSpec,
    /// How the windows of a clip made its score; `None` where clips were read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// The part of the rows that was scored; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The network.
    pub config: AvffConfig,
}

/// A checkpoint, by what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointId {
    /// As it was asked for.
    pub path: String,
    /// Of the file.
    pub sha256: String,
    /// Whether it was trained to tell fake from real; `None` where the file does not say.
    pub trained: Option<bool>,
    /// What whoever made it wants to be known of its scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Run {
    /// Describes a detector; reads all of the checkpoint for its hash.
    ///
    /// # Errors
    /// [`Error::Model`] where the checkpoint cannot be read.
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
            shard: None,
            config: detector.config().clone(),
        })
    }

    /// Whether scores of this run mean nothing, as its weights were never trained.
    #[must_use]
    pub fn is_untrained(&self) -> bool {
        self.checkpoint.trained == Some(false)
    }

    /// What has to be said wherever a score shows: that it means nothing, or what the checkpoint's maker
    /// wrote.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        warning_of(self.checkpoint.trained, self.checkpoint.note.as_deref())
    }

    pub(crate) fn to_json(&self) -> String {
        // Plain data with string keys: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether two runs give the same scores; paths may differ, contents may not.
    pub(crate) fn expect_same(&self, now: &Self) -> Result<(), OutputError> {
        let shard = |run: &Self| run.shard.map_or_else(|| "not given".into(), |s| s.to_string());
        let found =
            self.differs(now).or_else(|| difference([("the shard", shard(self), shard(now))]));
        match found {
            Some(other) => Err(OutputError::OtherRun(other)),
            None => Ok(()),
        }
    }

    /// In what two runs differ, but for their shards.
    pub(super) fn differs(&self, now: &Self) -> Option<Difference> {
        let hash = |run: &Self| run.manifest.as_ref().map(|m| m.sha256.clone()).unwrap_or_default();
        let root =
            |run: &Self| format!("{:?}", run.manifest.as_ref().and_then(|m| m.root.as_ref()));
        let clip = |run: &Self| serde_json::to_string(&run.clip).unwrap_or_default();
        let config = |run: &Self| serde_json::to_string(&run.config).unwrap_or_default();
        difference([
            ("the version", self.version.clone(), now.version.clone()),
            ("the checkpoint", self.checkpoint.sha256.clone(), now.checkpoint.sha256.clone()),
            ("the CSV", hash(self), hash(now)),
            ("the root folder", root(self), root(now)),
            ("the device", self.device.clone(), now.device.clone()),
            ("the fusion attention", format!("{:?}", self.fusion), format!("{:?}", now.fusion)),
            ("the precision", format!("{:?}", self.arithmetic), format!("{:?}", now.arithmetic)),
            ("the batch size", format!("{:?}", self.batch_size), format!("{:?}", now.batch_size)),
            ("the clip preparation", clip(self), clip(now)),
            ("the aggregate", format!("{:?}", self.aggregate), format!("{:?}", now.aggregate)),
            ("the network", config(self), config(now)),
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
    /// Of those, the ones whose pictures were taken whole as there is no face.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_face: u64,
    /// Rows without, those left out aside.
    pub failed: u64,
    /// Rows that are left out as there is no face, where that was asked for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// `scored / (rows - skipped)`.
    pub fraction: f64,
    /// Rows without a score by the stage that failed.
    pub failures_by_stage: BTreeMap<String, u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What scores depend on.
    pub run: Run,
    /// How many rows have a score.
    pub coverage: Coverage,
    /// Over the scored rows that have a target; `None` where there are none.
    pub metrics: Option<BinaryReport>,
    /// The same by category, for the columns that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<ColumnReport>,
}

impl Summary {
    /// Coverage and metrics, for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let Coverage { rows, scored, without_face, skipped, fraction, failures_by_stage, .. } =
            &self.coverage;
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| {
            table.row([name.to_owned(), value]);
        };
        row("coverage", format!("{scored} of {rows} clips ({:.1} %)", fraction * 100.0));
        if *without_face > 0 {
            row("scored whole", format!("{without_face} (no face: 0 in the column `face`)"));
        }
        if *skipped > 0 {
            row("left out", format!("{skipped} (no face)"));
        }
        for (stage, count) in failures_by_stage {
            row("not read", format!("{count} ({stage})"));
        }
        match &self.metrics {
            None => row("metrics", "none: no clip has both a score and a target".into()),
            Some(m) => {
                row("clips with target", format!("{} ({} fake, {} real)", m.n, m.n_fake, m.n_real));
                for metric in Metric::of_scores() {
                    row(metric.title, cell(m.get(metric), m.interval(metric), 4));
                }
                for note in &m.notes {
                    row("note", note.clone());
                }
                if let Some(i) = &m.intervals {
                    let BootstrapOptions { level, replicates, .. } = i.options;
                    let how = methods();
                    row("intervals", format!("level {level}: {how}, {replicates} resamples"));
                    for note in &i.notes {
                        row("note", format!("interval of {note}"));
                    }
                }
            }
        }
        row("device", self.run.device.clone());
        let weights = self.run.checkpoint.sha256.get(..16).unwrap_or_default();
        row("checkpoint", format!("{} (SHA-256 {weights}...)", self.run.checkpoint.path));
        let mut text = table.to_string();
        for column in &self.by {
            text = format!("{text}\n\n{}", column.table());
        }
        if let Some(warning) = self.run.warning() {
            text = format!("{warning}\n{text}");
        }
        text
    }
}

/// How intervals are estimated: those by another method than the bootstrap by name.
fn methods() -> String {
    let by_name = Metric::with_interval().filter_map(|metric| match metric.interval {
        Some(IntervalMethod::Bootstrap) | None => None,
        Some(method) => Some(format!("{} by {method}, ", metric.title)),
    });
    by_name.collect::<String>() + "others by bootstrap within each class"
}

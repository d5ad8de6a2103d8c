//! The options and the result of a crop, as JSON and as a table.

use std::collections::BTreeMap;

use avff_face::{FaceCrop, NoFace};
use avff_media::FrameCoding;
use serde::{Deserialize, Serialize};

use super::{CropOptions, Stages};
use crate::{
    evaluate::NO_FACE,
    input::ManifestId,
    output::{Difference, OutputError, changed_keys, difference},
    shard::Shard,
    table::Text,
};

/// Everything that the cropped clips depend on. It contains no timestamps, so that equal runs write equal
/// files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CropRun {
    /// Version of this library.
    pub version: String,
    /// The manifest of the clips.
    pub manifest: ManifestId,
    /// How faces were cropped.
    pub face: FaceCrop,
    /// Number of frames kept; `None` for all.
    pub frames: Option<usize>,
    /// Side of the frames, in pixels; `None` if they were not resampled.
    pub size: Option<usize>,
    /// JPEG quality; `None` for PNG.
    pub jpeg: Option<u8>,
    /// The shard of the rows; `None` for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl CropRun {
    pub(super) fn new(options: &CropOptions, manifest: ManifestId) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            manifest,
            face: options.face,
            frames: options.frames,
            size: options.size,
            jpeg: match options.coding {
                FrameCoding::Png => None,
                FrameCoding::Jpeg(quality) => Some(quality),
            },
            shard: options.shard,
        }
    }

    /// Checks that two runs write the same clips. The CSV's path may differ, but not its content.
    pub(super) fn expect_same(&self, now: &Self) -> Result<(), OutputError> {
        self.manifest.expect_same(&now.manifest)?;
        let shards = [("the shard", show(&self.shard), show(&now.shard))];
        match self.differs(now).or_else(|| difference(shards)) {
            Some(difference) => Err(OutputError::OtherRun(difference)),
            None => Ok(()),
        }
    }

    /// Returns the first difference of two runs, ignoring their shards.
    pub(super) fn differs(&self, now: &Self) -> Option<Difference> {
        let columns = |run: &Self| run.manifest.columns.to_string();
        let (face_was, face_now) = changed_keys(&self.face, &now.face);
        difference([
            ("the version", self.version.clone(), now.version.clone()),
            ("the CSV", self.manifest.sha256.clone(), now.manifest.sha256.clone()),
            ("the root folder", show(&self.manifest.root), show(&now.manifest.root)),
            ("the pair of columns", columns(self), columns(now)),
            ("the selection of rows", self.manifest.selection(), now.manifest.selection()),
            ("the face crop", face_was, face_now),
            ("the number of frames", show(&self.frames), show(&now.frames)),
            ("the size", show(&self.size), show(&now.size)),
            ("the JPEG quality", show(&self.jpeg), show(&now.jpeg)),
        ])
    }
}

fn show(value: &Option<impl ToString>) -> String {
    value.as_ref().map_or_else(|| "not given".into(), ToString::to_string)
}

/// The result of a crop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CropSummary {
    /// Everything that the clips depend on.
    pub run: CropRun,
    /// Rows of the manifest, or of the shard.
    pub rows: u64,
    /// Rows whose clip was cropped.
    pub cropped: u64,
    /// Rows skipped because no face was found, if such clips are to be skipped.
    pub skipped: u64,
    /// All remaining rows.
    pub failed: u64,
    /// `cropped / (rows - skipped)`.
    pub fraction: f64,
    /// Counts of failed rows by the stage that failed.
    pub failures_by_stage: Stages,
    /// Mean over the cropped clips of the share of examined frames in which the face was detected.
    pub face_coverage: Option<f64>,
    /// SHA-256 of the tables that were written: `manifest` and `errors`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

impl CropSummary {
    pub(super) fn new(run: CropRun, rows: u64) -> Self {
        Self {
            run,
            rows,
            cropped: 0,
            skipped: 0,
            failed: 0,
            fraction: 0.0,
            failures_by_stage: Stages::new(),
            face_coverage: None,
            files: BTreeMap::new(),
        }
    }

    /// Counts a row whose clip was not cropped.
    pub(super) fn count_failure(&mut self, stage: String) {
        if stage == NO_FACE && self.run.face.no_face == NoFace::Skip {
            self.skipped += 1;
        } else {
            self.failed += 1;
            *self.failures_by_stage.entry(stage).or_default() += 1;
        }
    }

    /// Completes the summary after the last row. `coverage` is the sum of the clips' face coverages.
    pub(super) fn finish(&mut self, coverage: f64) {
        let expected = self.rows.saturating_sub(self.skipped);
        // A shard without rows is complete.
        let empty = self.rows == 0;
        self.fraction = if empty { 1.0 } else { self.cropped as f64 / expected.max(1) as f64 };
        self.face_coverage = (self.cropped > 0).then(|| coverage / self.cropped as f64);
    }

    /// Formats the summary as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let share = self.fraction * 100.0;
        row("cropped", format!("{} of {} clips ({share:.1} %)", self.cropped, self.rows));
        if let Some(coverage) = self.face_coverage {
            row("face detected in", format!("{:.1} % of the examined frames", coverage * 100.0));
        }
        if self.skipped > 0 {
            row("skipped", format!("{} (no face)", self.skipped));
        }
        for (stage, count) in &self.failures_by_stage {
            row("not cropped", format!("{count} ({stage})"));
        }
        table.to_string()
    }
}

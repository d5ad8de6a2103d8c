//! The summary of packing clips.

use std::collections::BTreeMap;

use avff_data::shards::Packed;
use avff_datasets::Row;

use crate::{failure::ClipFailure, table::Text};

/// The result of packing clips.
#[derive(Debug, Clone, PartialEq)]
pub struct PackSummary {
    /// Rows of the manifest, or of the part.
    pub rows: u64,
    /// Clips, bytes and shards, with those of earlier runs.
    pub packed: Packed,
    /// Clips that were in whole shards before.
    pub earlier: u64,
    /// Counts of failed rows of this run by the stage that failed.
    pub failures_by_stage: BTreeMap<String, u64>,
    /// Name and reason of the first clip of this run that could not be packed.
    pub first_failure: Option<(String, String)>,
}

impl PackSummary {
    pub(super) fn new(rows: u64, earlier: Packed) -> Self {
        Self {
            rows,
            packed: earlier,
            earlier: earlier.clips,
            failures_by_stage: BTreeMap::new(),
            first_failure: None,
        }
    }

    pub(super) fn count_failure(&mut self, row: &Row, failure: ClipFailure) {
        self.first_failure.get_or_insert((row.name.clone(), failure.error));
        *self.failures_by_stage.entry(failure.stage).or_default() += 1;
    }

    pub(super) fn finish(&mut self, packed: Packed) {
        self.packed = packed;
    }

    /// Returns the share of the rows that were packed.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        // A part without rows is complete.
        if self.rows == 0 { 1.0 } else { self.packed.clips as f64 / self.rows as f64 }
    }

    /// Formats the summary as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let Packed { clips, bytes, shards, failed } = self.packed;
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let share = self.fraction() * 100.0;
        row("packed", format!("{clips} of {} clips ({share:.1} %)", self.rows));
        if self.earlier > 0 {
            row("of them before", format!("{}", self.earlier));
        }
        row("shards", format!("{shards}, {:.1} MB", bytes as f64 / 1e6));
        row("a clip", format!("{:.0} kB", bytes as f64 / 1e3 / clips.max(1) as f64));
        for (stage, count) in &self.failures_by_stage {
            row("not packed", format!("{count} ({stage})"));
        }
        let now: u64 = self.failures_by_stage.values().sum();
        if failed > now {
            row("not packed before", format!("{}", failed - now));
        }
        table.to_string()
    }
}

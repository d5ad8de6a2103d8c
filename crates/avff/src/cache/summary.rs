//! The summary of filling a cache.

use std::collections::BTreeMap;

use avff_data::{ClipSpec, cache::CacheCounts};
use avff_face::NoFace;

use crate::{evaluate::NO_FACE, table::Text};

/// The result of filling a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheSummary {
    /// Rows of the manifest, or of the shard.
    pub rows: u64,
    /// Rows whose clip was completely cached at the end.
    pub cached: u64,
    /// Size of their entries on disk, in bytes. A clip of several rows is counted once per row.
    pub bytes: u64,
    /// Rows whose clip was cached and then evicted to make room for others.
    pub evicted: u64,
    /// Rows skipped because no face was found, if the spec skips such clips.
    pub skipped: u64,
    /// All remaining rows.
    pub failed: u64,
    /// Counts of failed rows by the stage that failed.
    pub failures_by_stage: BTreeMap<String, u64>,
    /// `cached / (rows - skipped)`.
    pub fraction: f64,
    /// Counts of cache entries: found, missing, written and more.
    pub counts: CacheCounts,
    /// Whether clips without a face are skipped.
    skips_faceless: bool,
}

impl CacheSummary {
    pub(super) fn new(spec: &ClipSpec, rows: u64) -> Self {
        Self {
            rows,
            cached: 0,
            bytes: 0,
            evicted: 0,
            skipped: 0,
            failed: 0,
            failures_by_stage: BTreeMap::new(),
            fraction: 0.0,
            counts: CacheCounts::default(),
            skips_faceless: spec.face.is_some_and(|face| face.no_face == NoFace::Skip),
        }
    }

    pub(super) fn count_failure(&mut self, stage: String) {
        if stage == NO_FACE && self.skips_faceless {
            self.skipped += 1;
        } else {
            self.failed += 1;
            *self.failures_by_stage.entry(stage).or_default() += 1;
        }
    }

    /// Completes the summary after the last row. `sizes` holds the size of each clip that was cached, or
    /// `None` for a clip that was evicted since.
    pub(super) fn finish(&mut self, sizes: impl Iterator<Item = Option<u64>>, counts: CacheCounts) {
        for size in sizes {
            match size {
                Some(bytes) => (self.cached, self.bytes) = (self.cached + 1, self.bytes + bytes),
                None => self.evicted += 1,
            }
        }
        let expected = self.rows.saturating_sub(self.skipped);
        // A shard without rows is complete.
        let empty = self.rows == 0;
        self.fraction = if empty { 1.0 } else { self.cached as f64 / expected.max(1) as f64 };
        self.counts = counts;
    }

    /// Formats the summary as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let CacheCounts { hits, misses, stored, not_stored, corrupt, evicted } = self.counts;
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let share = self.fraction * 100.0;
        row("cached", format!("{} of {} clips ({share:.1} %)", self.cached, self.rows));
        row("size on disk", format!("{:.1} MB ({} bytes)", self.bytes as f64 / 1e6, self.bytes));
        row("entries", format!("{hits} found, {misses} missing, {stored} written"));
        if not_stored > 0 {
            row("entries not written", not_stored.to_string());
        }
        if corrupt > 0 {
            row("damaged entries", format!("{corrupt} (decoded again)"));
        }
        if evicted > 0 {
            row("evicted entries", format!("{evicted} (least recently used)"));
        }
        if self.evicted > 0 {
            row("evicted clips", format!("{} (the cache is too small)", self.evicted));
        }
        if self.skipped > 0 {
            row("skipped", format!("{} (no face)", self.skipped));
        }
        for (stage, count) in &self.failures_by_stage {
            row("not cached", format!("{count} ({stage})"));
        }
        table.to_string()
    }
}

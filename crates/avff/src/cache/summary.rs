//! What came of filling a cache.

use std::collections::BTreeMap;

use avff_data::{ClipSpec, cache::CacheCounts};
use avff_face::NoFace;

use crate::{evaluate::NO_FACE, table::Text};

/// What came of filling a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheSummary {
    /// Rows of the manifest, or of the shard.
    pub rows: u64,
    /// Rows whose clip was in the cache, all of it, at the end.
    pub cached: u64,
    /// Bytes of their entries on disk; a clip of several rows counts as often.
    pub bytes: u64,
    /// Rows whose clip was in the cache and made room for others.
    pub dropped: u64,
    /// Rows that are left out as there is no face, where that was asked for.
    pub skipped: u64,
    /// All other rows.
    pub failed: u64,
    /// Failed rows by the stage that failed.
    pub failures_by_stage: BTreeMap<String, u64>,
    /// `cached / (rows - skipped)`.
    pub fraction: f64,
    /// Entries: those found, those made.
    pub counts: CacheCounts,
    /// Whether clips without a face are left out.
    skips: bool,
}

impl CacheSummary {
    pub(super) fn new(spec: &ClipSpec, rows: u64) -> Self {
        Self {
            rows,
            cached: 0,
            bytes: 0,
            dropped: 0,
            skipped: 0,
            failed: 0,
            failures_by_stage: BTreeMap::new(),
            fraction: 0.0,
            counts: CacheCounts::default(),
            skips: spec.face.is_some_and(|face| face.no_face == NoFace::Skip),
        }
    }

    pub(super) fn count_failure(&mut self, stage: String) {
        if stage == NO_FACE && self.skips {
            self.skipped += 1;
        } else {
            self.failed += 1;
            *self.failures_by_stage.entry(stage).or_default() += 1;
        }
    }

    /// Once every row is read; `sizes` are those of the clips that were kept, none for what is gone
    /// again.
    pub(super) fn finish(&mut self, sizes: impl Iterator<Item = Option<u64>>, counts: CacheCounts) {
        for size in sizes {
            match size {
                Some(bytes) => (self.cached, self.bytes) = (self.cached + 1, self.bytes + bytes),
                None => self.dropped += 1,
            }
        }
        let due = self.rows.saturating_sub(self.skipped);
        // A shard beyond the last row has nothing to miss.
        let empty = self.rows == 0;
        self.fraction = if empty { 1.0 } else { self.cached as f64 / due.max(1) as f64 };
        self.counts = counts;
    }

    /// For a person.
    #[must_use]
    pub fn table(&self) -> String {
        let CacheCounts { hits, misses, stored, not_stored, corrupt, evicted } = self.counts;
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let share = self.fraction * 100.0;
        row("in the cache", format!("{} of {} clips ({share:.1} %)", self.cached, self.rows));
        row("their size", format!("{:.1} MB ({} bytes)", self.bytes as f64 / 1e6, self.bytes));
        row("entries", format!("{hits} found, {misses} missing, {stored} written"));
        if not_stored > 0 {
            row("not written", format!("{not_stored} entries"));
        }
        if corrupt > 0 {
            row("damaged", format!("{corrupt} entries, made anew"));
        }
        if evicted > 0 {
            row("made room", format!("{evicted} entries, longest unused"));
        }
        if self.dropped > 0 {
            row("dropped again", format!("{} clips: the cache is too small", self.dropped));
        }
        if self.skipped > 0 {
            row("left out", format!("{} (no face)", self.skipped));
        }
        for (stage, count) in &self.failures_by_stage {
            row("not cached", format!("{count} ({stage})"));
        }
        table.to_string()
    }
}

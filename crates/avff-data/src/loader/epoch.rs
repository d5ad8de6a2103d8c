//! The batches of one epoch, prepared in advance by threads and returned in order.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    config::{LastBatch, Unreadable},
    cut::Cut,
    order::{Orders, Pick},
    sample::{BuiltSample, SampleBuilder},
};
use crate::{augment::Mixing, error::ClipError, prefetch::Prefetch, tensors::Clip};

/// The progress of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderState {
    /// The epoch, from 0.
    pub epoch: u64,
    /// Number of returned batches.
    pub step: usize,
    /// Number of rows of the epoch's order that are in those batches or were skipped; with a cut,
    /// in any process.
    pub position: usize,
}

impl LoaderState {
    /// Returns the start of an epoch.
    #[must_use]
    pub fn start(epoch: u64) -> Self {
        Self { epoch, step: 0, position: 0 }
    }
}

/// The samples of one training step.
#[derive(Debug)]
pub struct Batch {
    /// The tensors of each sample.
    pub clips: Vec<Clip>,
    /// The origin of each sample, in the same order.
    pub origins: Vec<Origin>,
    /// The place of the batch's first clip among those of the epoch, in any process.
    pub first: usize,
    /// The places in the batch of the clips that belong together, part by part. Without a
    /// [`Cut`], one part of all clips.
    pub parts: Vec<Range<usize>>,
    /// Time that the caller waited for the batch.
    pub waited: Duration,
}

/// The origin of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its row in the dataset.
    pub row: usize,
    /// Its label, 1 for fake: the row's label unless the sample was mixed.
    pub target: Option<u8>,
    /// How it was mixed.
    pub mixing: Mixing,
    /// The row of the mixed-in clip.
    pub partner: Option<usize>,
}

/// A clip that could not be read.
#[derive(Debug)]
pub struct SkippedClip {
    /// Its row in the dataset.
    pub row: usize,
    /// The error, with its path.
    pub error: ClipError,
}

/// An iterator over the batches of an epoch.
///
/// The iterator ends after an error, which is that of the first unreadable clip.
pub struct Epoch {
    samples: Prefetch<Pick, Result<BuiltSample, ClipError>>,
    state: LoaderState,
    /// Number of samples per batch of this process.
    batch: usize,
    /// Number of samples per batch of all processes.
    whole: usize,
    /// Number of rows of the epoch.
    rows: usize,
    cut: Cut,
    last: LastBatch,
    unreadable: Unreadable,
    skipped: Vec<SkippedClip>,
    waited: Duration,
    done: bool,
}

impl Epoch {
    pub(super) fn new(builder: &Arc<SampleBuilder>, orders: &Orders, state: LoaderState) -> Self {
        let config = &builder.config;
        let picks = orders.rest(state.epoch, state.position, config).into_iter();
        let (worker_builder, epoch) = (Arc::clone(builder), state.epoch);
        let samples = Prefetch::new(picks, config.workers, config.prefetch, move |&pick| {
            worker_builder.build(epoch, pick)
        });
        Self {
            samples,
            state,
            batch: config.cut.places(config.batch).len(),
            whole: config.batch,
            rows: orders.len(),
            cut: config.cut.clone(),
            last: config.last,
            unreadable: config.unreadable,
            skipped: Vec::new(),
            waited: Duration::ZERO,
            done: false,
        }
    }

    /// Returns the progress, from which the epoch can be resumed after the last batch.
    #[must_use]
    pub fn state(&self) -> LoaderState {
        self.state
    }

    /// Returns the total time that the caller has waited.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Returns the clips skipped so far because they could not be read, since the start or the
    /// resumption, in order. Partners of mixed samples are included.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedClip] {
        &self.skipped
    }

    /// Fills the batch until it is complete or no samples remain.
    fn fill(&mut self, batch: &mut Batch) -> Result<(), ClipError> {
        while batch.clips.len() < self.batch {
            let Some((pick, built)) = self.samples.next() else { return Ok(()) };
            self.state.position += 1;
            match built {
                Ok(built) => {
                    batch.clips.push(built.clip);
                    batch.origins.push(built.origin);
                    let skipped = built.skipped_partners.into_iter();
                    self.skipped.extend(skipped.map(|(row, error)| SkippedClip { row, error }));
                }
                Err(error) if self.unreadable == Unreadable::Skip => {
                    self.skipped.push(SkippedClip { row: pick.row as usize, error });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch, ClipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let first = self.state.position;
        let mut batch = Batch {
            clips: Vec::new(),
            origins: Vec::new(),
            first,
            parts: Vec::new(),
            waited: Duration::ZERO,
        };
        let start = Instant::now();
        let filled = self.fill(&mut batch);
        batch.waited = start.elapsed();
        self.waited += batch.waited;
        let full = batch.clips.len() == self.batch;
        self.done = filled.is_err() || !full;
        if let Err(error) = filled {
            return Some(Err(error));
        }
        if full || (!batch.clips.is_empty() && self.last == LastBatch::Keep) {
            self.state.step += 1;
            // Processes that share batches skip no clip, so the order tells the batch's size.
            let mut clips = batch.clips.len();
            if !self.cut.is_whole() {
                clips = self.whole.min(self.rows - first);
                self.state.position = first + clips;
            }
            batch.parts = self.cut.ranges(clips).collect();
            return Some(Ok(batch));
        }
        // Without a single batch in the complete order, training would continue forever without
        // data.
        let no_samples = self.state.step == 0 && batch.clips.is_empty();
        no_samples.then(|| self.skipped.pop()).flatten().map(|skipped| Err(skipped.error))
    }
}

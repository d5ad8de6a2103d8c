//! The batches of one epoch, made ahead by threads and handed out in order.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    config::{LastBatch, Unreadable},
    order::{Orders, Pick},
    sample::{Made, Maker},
};
use crate::{augment::Mixing, error::ClipError, prefetch::Prefetch, tensors::Clip};

/// Where an epoch stands: how much of it was handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderState {
    /// The epoch, from 0.
    pub epoch: u64,
    /// Batches that were handed out.
    pub step: usize,
    /// Rows of the epoch's order that are in those batches or were left out on the way.
    pub position: usize,
}

impl LoaderState {
    /// The start of an epoch.
    #[must_use]
    pub fn start(epoch: u64) -> Self {
        Self { epoch, step: 0, position: 0 }
    }
}

/// Samples for one step.
#[derive(Debug)]
pub struct Batch {
    /// The tensors, each sample's by itself.
    pub clips: Vec<Clip>,
    /// Where each of them comes from, in the same order.
    pub origins: Vec<Origin>,
    /// How long the caller waited for it.
    pub waited: Duration,
}

/// What a sample was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its row in the dataset.
    pub row: usize,
    /// Its label, 1 for fake: the row's, unless it was mixed.
    pub target: Option<u8>,
    /// How it was mixed.
    pub mixing: Mixing,
    /// The row it was mixed with.
    pub partner: Option<usize>,
}

/// A clip that could not be read.
#[derive(Debug)]
pub struct LeftOut {
    /// Its row in the dataset.
    pub row: usize,
    /// Why; with its path.
    pub error: ClipError,
}

/// An iterator over the batches of an epoch.
///
/// It ends after an error, which is the first clip that could not be read.
pub struct Epoch {
    samples: Prefetch<Pick, Result<Made, ClipError>>,
    state: LoaderState,
    batch: usize,
    last: LastBatch,
    unreadable: Unreadable,
    left_out: Vec<LeftOut>,
    waited: Duration,
    done: bool,
}

impl Epoch {
    pub(super) fn new(maker: &Arc<Maker>, orders: &Orders, state: LoaderState) -> Self {
        let config = &maker.config;
        let picks = orders.epoch(state.epoch).into_iter().skip(state.position);
        let (making, epoch) = (Arc::clone(maker), state.epoch);
        let samples = Prefetch::new(picks, config.workers, config.ahead, move |&pick| {
            making.make(epoch, pick)
        });
        Self {
            samples,
            state,
            batch: config.batch,
            last: config.last,
            unreadable: config.unreadable,
            left_out: Vec::new(),
            waited: Duration::ZERO,
            done: false,
        }
    }

    /// Where it stands: what to resume from once the last batch is done with.
    #[must_use]
    pub fn state(&self) -> LoaderState {
        self.state
    }

    /// How long the caller waited for all batches so far.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Clips that could not be read and were left out so far, since the start or the resumption, in the
    /// order in which they would have come; partners of mixed samples too.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Takes samples until the batch is full or there are no more.
    fn fill(&mut self, batch: &mut Batch) -> Result<(), ClipError> {
        while batch.clips.len() < self.batch {
            let Some((pick, made)) = self.samples.next() else { return Ok(()) };
            self.state.position += 1;
            match made {
                Ok(made) => {
                    batch.clips.push(made.clip);
                    batch.origins.push(made.origin);
                    let passed = made.passed_over.into_iter();
                    self.left_out.extend(passed.map(|(row, error)| LeftOut { row, error }));
                }
                Err(error) if self.unreadable == Unreadable::Skip => {
                    self.left_out.push(LeftOut { row: pick.row as usize, error });
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
        let mut batch = Batch { clips: Vec::new(), origins: Vec::new(), waited: Duration::ZERO };
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
            return Some(Ok(batch));
        }
        // Not one batch came of the whole order: training would go on with nothing, for ever.
        let nothing = self.state.step == 0 && batch.clips.is_empty();
        nothing.then(|| self.left_out.pop()).flatten().map(|left_out| Err(left_out.error))
    }
}

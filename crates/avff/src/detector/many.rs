//! Many clips at once: decoded ahead of the network, scored in batches, handed out in order.
//!
//! Samples fill batches whatever clip they are of, and their logits find the way back to it. A clip
//! with a window that cannot be read has no score.

use std::{collections::VecDeque, path::Path};

use avff_data::{
    Clip, load_samples,
    pipeline::Sample,
    prefetch::{Event, Streams},
    windows::Span,
};

use super::Detector;
use crate::{
    error::Error,
    failure::{ClipFailure, guarded},
    network::Network,
    score::{Aggregate, Logits, Score, WindowScore},
};

/// An iterator over every item with the score of its clip, or why it has none, in the order of the
/// items. Decodes ahead of the network in constant memory.
pub struct ScoreMany<'a, I> {
    network: &'a dyn Network,
    aggregate: Aggregate,
    samples: Streams<I, Result<Sample, ClipFailure>>,
    /// Clips whose turn has not come, oldest first; the last may still get samples.
    clips: VecDeque<Pending<I>>,
    /// The number of the first of them among all clips.
    first: usize,
    batch: Vec<Clip>,
    /// For each sample of the batch, the number of its clip.
    owners: Vec<usize>,
}

struct Pending<I> {
    /// Once all samples are there.
    item: Option<I>,
    samples: Vec<(Span, Vec<usize>)>,
    logits: Vec<Logits>,
    without_face: bool,
    failure: Option<ClipFailure>,
}

impl<I> Pending<I> {
    fn new() -> Self {
        Self {
            item: None,
            samples: Vec::new(),
            logits: Vec::new(),
            without_face: false,
            failure: None,
        }
    }

    fn is_ready(&self) -> bool {
        let scored = self.failure.is_some() || self.logits.len() == self.samples.len();
        self.item.is_some() && scored
    }

    fn outcome(self, aggregate: Aggregate) -> Result<Score, ClipFailure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let windows = self
            .samples
            .into_iter()
            .zip(self.logits)
            .map(|((span, frames), logits)| WindowScore { span, frames, logits })
            .collect();
        Score::of(windows, self.without_face, aggregate)
    }
}

impl<'a, I: Send + 'static> ScoreMany<'a, I> {
    /// Scores the clips of `items`; `path` says where each is, or why it is nowhere.
    pub(crate) fn new(
        detector: &'a Detector,
        items: impl Iterator<Item = I> + Send + 'static,
        path: impl Fn(&I) -> Result<&Path, ClipFailure> + Send + Sync + 'static,
        workers: usize,
    ) -> Result<Self, Error> {
        let (network, aggregate) = (detector.network()?, detector.aggregate());
        let spec = detector.spec().clone();
        // Enough that the next batch is decoded while the network is busy with this one.
        let ahead = network.batch_size().max(workers);
        let samples = Streams::new(items, workers, ahead, move |item, emit| {
            let read = guarded(|| {
                let path = path(item)?;
                load_samples(path, &spec, &mut |sample| emit(Ok(sample)))?;
                Ok(())
            });
            if let Err(failure) = read {
                let _ = emit(Err(failure));
            }
        });
        let (clips, batch, owners) = (VecDeque::new(), Vec::new(), Vec::new());
        Ok(Self { network, aggregate, samples, clips, first: 0, batch, owners })
    }

    /// Scores what is in the batch.
    fn flush(&mut self) {
        let outcomes: Vec<Result<Logits, ClipFailure>> = match self.network.logits(&self.batch) {
            Ok(logits) => logits.into_iter().map(Ok).collect(),
            Err(error) => {
                let failure = ClipFailure::network(&error);
                self.batch.iter().map(|_| Err(failure.clone())).collect()
            }
        };
        self.batch.clear();
        for (owner, outcome) in self.owners.drain(..).zip(outcomes) {
            // A clip that failed midway may be gone.
            let clip = owner.checked_sub(self.first).and_then(|index| self.clips.get_mut(index));
            let Some(clip) = clip else { continue };
            match outcome {
                Ok(logits) => clip.logits.push(logits),
                Err(failure) => clip.failure = Some(failure),
            }
        }
    }

    /// The number and entry of the clip that is being read.
    fn open(&mut self) -> (usize, &mut Pending<I>) {
        if self.clips.back().is_none_or(|clip| clip.item.is_some()) {
            self.clips.push_back(Pending::new());
        }
        let index = self.clips.len() - 1;
        (self.first + index, &mut self.clips[index])
    }
}

impl<I: Send + 'static> Iterator for ScoreMany<'_, I> {
    type Item = (I, Result<Score, ClipFailure>);

    fn next(&mut self) -> Option<Self::Item> {
        let size = self.network.batch_size().max(1);
        loop {
            if self.clips.front().is_some_and(Pending::is_ready) {
                let mut clip = self.clips.pop_front()?;
                self.first += 1;
                let item = clip.item.take()?;
                return Some((item, clip.outcome(self.aggregate)));
            }
            // A long stretch of unreadable clips must not wait for a batch to fill.
            if self.batch.len() >= size
                || (self.clips.len() > 4 * size + 64 && !self.batch.is_empty())
            {
                self.flush();
                continue;
            }
            match self.samples.next() {
                Some(Event::Part(Ok(Sample { span, frames, clip, without_face }))) => {
                    let (owner, open) = self.open();
                    open.samples.push((span, frames));
                    open.without_face |= without_face;
                    self.batch.push(clip);
                    self.owners.push(owner);
                }
                Some(Event::Part(Err(failure))) => self.open().1.failure = Some(failure),
                Some(Event::End(item)) => self.open().1.item = Some(item),
                None if self.batch.is_empty() => return None,
                None => self.flush(),
            }
        }
    }
}

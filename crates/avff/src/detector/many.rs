//! Scores many clips: decodes ahead of the network, scores in batches and yields results in order.
//!
//! A batch may hold samples of several clips; each sample remembers its clip. A clip with an unreadable
//! window has no score.

use std::{collections::VecDeque, ops::ControlFlow, path::Path, sync::Arc};

use avff_data::{
    Clip, Coverage, StreamChoices, load_samples,
    pipeline::Sample,
    prefetch::{Event, Streams},
    synchrony::Synchrony,
    windows::Span,
};
use avff_datasets::manifest::Row;
use avff_media::memory::Reservation;

use super::{Detector, judged, measure};
use crate::{
    calibration::Judge,
    error::Error,
    failure::{ClipFailure, guarded},
    network::Network,
    score::{Aggregate, Logits, Score, WindowScore},
};

/// An iterator over items and the scores of their clips, in the order of the items. A clip that cannot be
/// scored yields its failure. Clips are decoded ahead of the network in constant memory.
pub struct ScoreMany<'a, I> {
    network: &'a dyn Network,
    aggregate: Aggregate,
    judge: Option<&'a Judge>,
    samples: Streams<I, Result<Part, ClipFailure>>,
    /// Clips that are not yielded yet, oldest first. The last one may still receive samples.
    clips: VecDeque<Pending<I>>,
    /// The index of the first pending clip among all clips.
    first: usize,
    batch: Vec<Clip>,
    /// The clip index of each sample in the batch.
    owners: Vec<usize>,
}

/// What is read of a clip.
enum Part {
    /// A window, and its share of the budget of memory.
    Sample(Sample, Reservation),
    /// The windows that are left out, and the synchrony if it is measured, after the last sample.
    End(Coverage, Option<Result<Synchrony, ClipFailure>>),
}

struct Pending<I> {
    /// Set once all samples of the clip have arrived.
    item: Option<I>,
    samples: Vec<(Span, Vec<usize>)>,
    logits: Vec<Logits>,
    coverage: Coverage,
    without_face: bool,
    streams: Option<StreamChoices>,
    notes: Arc<[String]>,
    synchrony: Option<Result<Synchrony, ClipFailure>>,
    failure: Option<ClipFailure>,
}

impl<I> Pending<I> {
    fn new() -> Self {
        Self {
            item: None,
            samples: Vec::new(),
            logits: Vec::new(),
            coverage: Coverage::default(),
            without_face: false,
            streams: None,
            notes: Arc::default(),
            synchrony: None,
            failure: None,
        }
    }

    fn is_ready(&self) -> bool {
        let scored = self.failure.is_some() || self.logits.len() == self.samples.len();
        self.item.is_some() && scored
    }

    fn outcome(self, aggregate: Aggregate, judge: Option<&Judge>) -> Result<Score, ClipFailure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let windows = self
            .samples
            .into_iter()
            .zip(self.logits)
            .map(|((span, frames), logits)| WindowScore { span, frames, logits })
            .collect();
        // A clip without a window has no output.
        let streams = self.streams.ok_or_else(ClipFailure::not_finite)?;
        let (coverage, without_face) = (self.coverage, self.without_face);
        let score = Score::of(windows, coverage, without_face, streams, &self.notes, aggregate)?;
        Ok(judged(score.with_synchrony(self.synchrony), judge))
    }
}

impl<'a, I: Send + 'static> ScoreMany<'a, I> {
    /// Scores the clips of `items`. `path` returns the path of an item's clip, or why it has none.
    pub(crate) fn new(
        detector: &'a Detector,
        items: impl Iterator<Item = I> + Send + 'static,
        path: impl Fn(&I) -> Result<&Path, ClipFailure> + Send + Sync + 'static,
        workers: usize,
    ) -> Result<Self, Error> {
        let (network, aggregate) = (detector.network()?, detector.aggregate());
        let (spec, lips) = (detector.spec().clone(), detector.lips());
        // Decodes the next batch while the network computes the current one.
        let prefetch = network.batch_size().max(workers);
        let samples = Streams::new(items, workers, prefetch, move |item, emit| {
            let read = guarded(|| {
                let path = path(item)?;
                let synchrony = lips.measured(|| measure(path, &spec))?;
                let mut failure = None;
                let coverage =
                    load_samples(path, &spec, &mut |sample| match sample.clip.reserve() {
                        Ok(memory) => emit(Ok(Part::Sample(sample, memory))),
                        Err(error) => {
                            failure = Some(ClipFailure::of(&error));
                            ControlFlow::Break(())
                        }
                    })?;
                if let Some(failure) = failure {
                    return Err(failure);
                }
                Ok(Part::End(coverage, synchrony))
            });
            let _ = emit(read);
        });
        let (clips, batch, owners) = (VecDeque::new(), Vec::new(), Vec::new());
        let judge = detector.judge().ok();
        Ok(Self { network, aggregate, judge, samples, clips, first: 0, batch, owners })
    }

    /// Scores the samples in the batch.
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
            // A clip that failed before its last window may already have been yielded.
            let clip = owner.checked_sub(self.first).and_then(|index| self.clips.get_mut(index));
            let Some(clip) = clip else { continue };
            match outcome {
                Ok(logits) => clip.logits.push(logits),
                Err(failure) => clip.failure = Some(failure),
            }
        }
    }

    /// The index and the entry of the clip that currently receives samples.
    fn open(&mut self) -> (usize, &mut Pending<I>) {
        if self.clips.back().is_none_or(|clip| clip.item.is_some()) {
            self.clips.push_back(Pending::new());
        }
        let index = self.clips.len() - 1;
        (self.first + index, &mut self.clips[index])
    }
}

impl<'a, E: Send + 'static> ScoreMany<'a, Result<Row, E>> {
    /// Scores the clips of rows. A row that cannot be read fails.
    pub(crate) fn of_rows(
        detector: &'a Detector,
        rows: impl Iterator<Item = Result<Row, E>> + Send + 'static,
        workers: usize,
    ) -> Result<Self, Error> {
        Self::new(
            detector,
            rows,
            |row| match row {
                Ok(row) => Ok(row.path.as_path()),
                Err(_) => Err(ClipFailure::manifest()),
            },
            workers,
        )
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
                return Some((item, clip.outcome(self.aggregate, self.judge)));
            }
            // A long sequence of unreadable clips must not wait until a batch is full.
            if self.batch.len() >= size
                || (self.clips.len() > 4 * size + 64 && !self.batch.is_empty())
            {
                self.flush();
                continue;
            }
            match self.samples.next() {
                Some(Event::Part(Ok(Part::Sample(sample, _memory)))) => {
                    let Sample { span, frames, clip, without_face, streams, notes } = sample;
                    let (owner, open) = self.open();
                    open.samples.push((span, frames));
                    open.without_face |= without_face;
                    open.streams = Some(streams);
                    open.notes = notes;
                    self.batch.push(clip);
                    self.owners.push(owner);
                }
                Some(Event::Part(Ok(Part::End(coverage, synchrony)))) => {
                    let open = self.open().1;
                    (open.coverage, open.synchrony) = (coverage, synchrony);
                }
                Some(Event::Part(Err(failure))) => self.open().1.failure = Some(failure),
                Some(Event::End(item)) => self.open().1.item = Some(item),
                None if self.batch.is_empty() => return None,
                None => self.flush(),
            }
        }
    }
}

//! Samples of clips, as they are read, to scores of clips, in order.
//!
//! Samples fill batches whatever clip they are of, and their logits find the way back to it. A clip
//! with a window that cannot be read has no score.

use std::{collections::VecDeque, fmt, num::NonZeroUsize, path::Path, str::FromStr};

use avff_data::{
    Clip, ClipSpec, load_samples,
    pipeline::Sample,
    prefetch::{Event, Streams},
    windows::Span,
};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{ClipFailure, guarded},
    scorer::{Logits, Scorer},
};

/// How the windows of a clip make its score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// The mean of each logit: how the clip looks as a whole.
    #[default]
    Mean,
    /// The logits of the window that looks most fake: whether any part does. Longer clips have more
    /// windows to be suspected for.
    Max,
}

/// A word that names no [`Aggregate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown aggregate `{0}`: use mean or max")]
pub struct UnknownAggregate(pub String);

impl Aggregate {
    /// Every way, in the order help texts list them.
    pub const ALL: [Self; 2] = [Self::Mean, Self::Max];

    /// The word for it on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Max => "max",
        }
    }

    /// One pair of logits for all windows; `None` without a window or with one that is not finite.
    #[must_use]
    pub fn of(self, windows: &[WindowScore]) -> Option<Logits> {
        if !windows.iter().all(|window| window.logits.is_finite()) {
            return None;
        }
        let mut logits = windows.iter().map(|window| window.logits);
        match self {
            // A lone window is itself, to the last bit.
            _ if windows.len() == 1 => logits.next(),
            Self::Max => logits.max_by(|a, b| a.fake.total_cmp(&b.fake)),
            Self::Mean if windows.is_empty() => None,
            Self::Mean => {
                let mean = |output: fn(Logits) -> f32| {
                    let sum: f64 = logits.clone().map(|logits| f64::from(output(logits))).sum();
                    (sum / windows.len() as f64) as f32
                };
                Some(Logits { fake: mean(|logits| logits.fake), real: mean(|logits| logits.real) })
            }
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Aggregate {
    type Err = UnknownAggregate;

    fn from_str(word: &str) -> Result<Self, UnknownAggregate> {
        let found = Self::ALL.into_iter().find(|way| way.name() == word);
        found.ok_or_else(|| UnknownAggregate(word.to_owned()))
    }
}

/// The score of a clip and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipScore {
    /// Of the clip.
    pub logits: Logits,
    /// Its windows in order; one, the whole clip, where clips are read whole.
    pub windows: Vec<WindowScore>,
    /// Whether its pictures were taken whole as no face was found: another preparation than that of
    /// the other clips.
    pub without_face: bool,
}

/// The score of a part of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowScore {
    /// The part.
    pub span: Span,
    /// The places of its pictures in display order, from 0.
    pub frames: Vec<usize>,
    /// The network's outputs.
    pub logits: Logits,
}

/// How clips are read and scored.
pub struct ClipScoresOptions {
    /// How samples are made.
    pub spec: ClipSpec,
    /// How the windows of a clip make its score.
    pub aggregate: Aggregate,
    /// Decoding threads.
    pub workers: NonZeroUsize,
}

/// An iterator over every item with the score of its clip, or why it has none, in the order of the
/// items. Decodes ahead of the network in constant memory.
pub struct ClipScores<'a, I> {
    scorer: &'a dyn Scorer,
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

    fn outcome(self, aggregate: Aggregate) -> Result<ClipScore, ClipFailure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let windows: Vec<WindowScore> = self
            .samples
            .into_iter()
            .zip(self.logits)
            .map(|((span, frames), logits)| WindowScore { span, frames, logits })
            .collect();
        let logits = aggregate.of(&windows).ok_or_else(ClipFailure::not_finite)?;
        Ok(ClipScore { logits, windows, without_face: self.without_face })
    }
}

impl<'a, I: Send + 'static> ClipScores<'a, I> {
    /// Scores the clips of `items`; `path` says where each is, or why it is nowhere.
    pub fn new(
        scorer: &'a dyn Scorer,
        items: impl Iterator<Item = I> + Send + 'static,
        path: impl Fn(&I) -> Result<&Path, ClipFailure> + Send + Sync + 'static,
        options: ClipScoresOptions,
    ) -> Self {
        let ClipScoresOptions { spec, aggregate, workers } = options;
        // Enough that the next batch is decoded while the network is busy with this one.
        let ahead = scorer.batch_size().max(workers.get());
        let samples = Streams::new(items, workers.get(), ahead, move |item, emit| {
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
        Self { scorer, aggregate, samples, clips, first: 0, batch, owners }
    }

    /// Scores what is in the batch.
    fn flush(&mut self) {
        let outcomes: Vec<Result<Logits, ClipFailure>> = match self.scorer.score(&self.batch) {
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

impl<I: Send + 'static> Iterator for ClipScores<'_, I> {
    type Item = (I, Result<ClipScore, ClipFailure>);

    fn next(&mut self) -> Option<Self::Item> {
        let size = self.scorer.batch_size().max(1);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn window(fake: f32, real: f32) -> WindowScore {
        let span = Span { start: 0.0, end: 1.0 };
        WindowScore { span, frames: vec![0], logits: Logits { fake, real } }
    }

    #[test]
    fn windows_make_a_score() {
        let windows = [window(-1.0, 2.0), window(3.0, -2.0), window(1.0, 0.75)];
        let mean = Aggregate::Mean.of(&windows).unwrap();
        assert_eq!((mean.fake, mean.real), (1.0, 0.25));
        let max = Aggregate::Max.of(&windows).unwrap();
        assert_eq!((max.fake, max.real), (3.0, -2.0));
        let odd = 0.1 + f32::EPSILON;
        assert_eq!(Aggregate::Mean.of(&[window(odd, odd)]).unwrap().fake, odd);
    }

    #[test]
    fn no_window_and_no_number_make_none() {
        for way in Aggregate::ALL {
            assert_eq!(way.of(&[]), None);
            assert_eq!(way.of(&[window(1.0, 0.0), window(f32::NAN, 0.0)]), None);
            assert_eq!(way.of(&[window(1.0, f32::INFINITY)]), None);
            assert_eq!(way.name().parse::<Aggregate>().unwrap(), way);
        }
    }
}

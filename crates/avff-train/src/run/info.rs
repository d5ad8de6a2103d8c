//! `run.json`: what a run is and how it stands.

use std::{collections::BTreeMap, path::Path};

use avff_metrics::Better;
use serde::{Deserialize, Serialize};

use super::{
    error::{RunError, written},
    record::{Position, Record},
    utc,
};

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// Being trained; in a folder that nobody holds, left so by a kill or a power cut.
    Running,
    /// All epochs were trained.
    Done,
    /// Stopped before its end, by a signal or on request; it can be resumed.
    Interrupted,
    /// Stopped by an error.
    Failed,
}

/// The metric that says which epoch is best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BestBy {
    /// Its name among an epoch's values, such as `val/loss`.
    pub metric: String,
    /// Which way it gets better.
    pub better: Better,
}

impl BestBy {
    /// The best of some epochs; the first of equals, none where no epoch has the metric.
    #[must_use]
    pub fn best<'a>(&self, epochs: impl IntoIterator<Item = &'a Record>) -> Option<(u64, f64)> {
        let mut best: Option<(u64, f64)> = None;
        for record in epochs {
            let Some(value) = record.values.get(&self.metric) else { continue };
            if best.is_none_or(|(_, old)| self.better.improves(value, old)) {
                best = Some((record.epoch, value));
            }
        }
        best.filter(|(_, value)| !value.is_nan())
    }
}

/// What a run is, before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it is called.
    pub name: String,
    /// What is trained, in the recipe's word.
    pub stage: String,
    /// The version of the code.
    pub code_version: String,
    /// Where it is trained, such as `cpu` or `cuda:0`, since backends round differently; none where a run is
    /// older than this entry.
    #[serde(default)]
    pub device: Option<String>,
    /// The random seed.
    pub seed: u64,
    /// Epochs that are asked for.
    pub epochs: u64,
    /// Hashes of what it learns from and starts from, by what it is: `train`, `validation`, `start`.
    pub data: BTreeMap<String, String>,
    /// Which epoch is best.
    pub best_by: BestBy,
}

/// Where a run went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// When, in UTC.
    pub at: String,
    /// Steps that were taken.
    pub step: u64,
    /// Epochs that had ended.
    pub epochs: u64,
}

/// The contents of `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// What the run is.
    #[serde(flatten)]
    pub about: About,
    /// When it was first started, in UTC.
    pub started: String,
    /// When it last stopped, in UTC; none while it runs, or if it had no chance to say so.
    #[serde(default)]
    pub ended: Option<String>,
    /// How it stands.
    pub state: State,
    /// Why it stands so, where there is more to say.
    #[serde(default)]
    pub reason: Option<String>,
    /// Each time that it went on.
    #[serde(default)]
    pub resumed: Vec<Resumed>,
}

/// Larger than any run writes; a file beyond it is none of ours.
const MOST_BYTES: u64 = 16 << 20;

impl RunInfo {
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            started: utc::now(),
            ended: None,
            state: State::Running,
            reason: None,
            resumed: Vec::new(),
        }
    }

    /// Reads a `run.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] and [`RunError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let read = |source| RunError::Read { path: path.into(), source };
        let malformed = |reason| RunError::Malformed { path: path.into(), reason };
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > MOST_BYTES {
            return Err(malformed(format!("it has {bytes} bytes, no run writes so many")));
        }
        let text = std::fs::read(path).map_err(read)?;
        serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), RunError> {
        let json = |writer: &mut std::io::BufWriter<std::fs::File>| {
            serde_json::to_writer_pretty(&mut *writer, self)?;
            std::io::Write::write_all(writer, b"\n")
        };
        written(path, avff_files::write_with(path, json))
    }

    pub(super) fn go_on(&mut self, Position { step, epochs }: Position, now: About) {
        // One that was done and has no more to do is looked at, and no step comes of it.
        if self.state != State::Done || epochs < now.epochs {
            self.resumed.push(Resumed { at: utc::now(), step, epochs });
        }
        self.about = now;
        (self.state, self.reason, self.ended) = (State::Running, None, None);
    }

    pub(super) fn end(&mut self, state: State, reason: Option<String>) {
        (self.state, self.reason, self.ended) = (state, reason, Some(utc::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::Values;

    #[test]
    fn nan_is_never_best() {
        let epochs: Vec<Record> = [f64::NAN, 0.5, 0.4, 0.4, f64::NAN, 0.7]
            .iter()
            .zip(1..)
            .map(|(&value, epoch)| Record::epoch(epoch, epoch, Values::from([("val/x", value)])))
            .collect();
        let by = |better| BestBy { metric: "val/x".into(), better };
        assert_eq!(by(Better::Lower).best(&epochs), Some((3, 0.4)));
        assert_eq!(by(Better::Higher).best(&epochs), Some((6, 0.7)));
        assert_eq!(by(Better::Higher).best(&epochs[..1]), None);
        assert_eq!(BestBy { metric: "val/y".into(), ..by(Better::Lower) }.best(&epochs), None);
    }
}

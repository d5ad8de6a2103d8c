//! `run.json`: the description and state of a run.

use std::{collections::BTreeMap, path::Path};

use avff_metrics::Better;
use avff_model::checkpoint::Matched;
use serde::{Deserialize, Serialize};

use super::{
    error::{RunError, written},
    record::{Position, Record},
    utc,
};

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// In training. Without a lock, the process was killed or lost power.
    Running,
    /// All epochs are trained.
    Done,
    /// Stopped early, by a signal or on request; the run can be resumed.
    Interrupted,
    /// Stopped by an error.
    Failed,
}

/// The metric that determines the best epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BestBy {
    /// Name of the metric in the values of an epoch, such as `val/loss`.
    pub metric: String,
    /// Direction of improvement.
    pub better: Better,
}

impl BestBy {
    /// Returns number and value of the best epoch. Ties go to the first epoch; `None` if no epoch
    /// has the metric.
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

/// Description of a run, fixed before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Name of the run.
    pub name: String,
    /// Training stage, as in the recipe.
    pub stage: String,
    /// Version of the code.
    pub code_version: String,
    /// Training device, such as `cpu` or `cuda:0`, because backends round differently. `None` for
    /// runs that are older than this field.
    #[serde(default)]
    pub device: Option<String>,
    /// The random seed.
    pub seed: u64,
    /// Number of requested epochs.
    pub epochs: u64,
    /// Hashes of the training data and of the initial weights, by role: `train`, `validation`,
    /// `start`.
    pub data: BTreeMap<String, String>,
    /// How much of a packed data set could be read, by role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<String, String>,
    /// Keys of the initial weights, for a run that takes those that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
    /// Metric that determines the best epoch.
    pub best_by: BestBy,
}

/// A continuation of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Time, in UTC.
    pub at: String,
    /// Number of steps taken before.
    pub step: u64,
    /// Number of epochs finished before.
    pub epochs: u64,
}

/// The contents of `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Description of the run.
    #[serde(flatten)]
    pub about: About,
    /// Time of the first start, in UTC.
    pub started: String,
    /// Time of the last stop, in UTC; `None` while the run is active or if it was killed.
    #[serde(default)]
    pub ended: Option<String>,
    /// Current state.
    pub state: State,
    /// Reason of the state, if there is more to say.
    #[serde(default)]
    pub reason: Option<String>,
    /// All continuations.
    #[serde(default)]
    pub resumed: Vec<Resumed>,
    /// Number of different clips that could not be read and were skipped, at the end of the last
    /// epoch.
    #[serde(default)]
    pub skipped_clips: u64,
}

/// Maximum size of a `run.json`; no run writes more.
const MAX_BYTES: u64 = 16 << 20;

impl RunInfo {
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            started: utc::now(),
            ended: None,
            state: State::Running,
            reason: None,
            resumed: Vec::new(),
            skipped_clips: 0,
        }
    }

    /// Reads a `run.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] and [`RunError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let read = |source| RunError::Read { path: path.into(), source };
        let malformed = |reason| RunError::Malformed { path: path.into(), reason };
        avff_files::expect_regular(path).map_err(read)?;
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > MAX_BYTES {
            return Err(malformed(format!(
                "it has {bytes} bytes, but no run writes more than {MAX_BYTES}"
            )));
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

    pub(super) fn resume(&mut self, Position { step, epochs }: Position, now: About) {
        // A finished run without further epochs takes no step, so it is not recorded.
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

//! A summary of a run from its files.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    error::RunError,
    folder::{METRICS, RUN, is_locked},
    history::History,
    info::{BestBy, RunInfo, State},
    metrics,
    record::Values,
};

/// Search depth below the given folder.
const DEPTH: usize = 2;

/// State and results of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Folder of the run.
    pub path: PathBuf,
    /// Contents of `run.json`; the state is not `running` if no process trains the run.
    #[serde(flatten)]
    pub info: RunInfo,
    /// Number of the last finished epoch; 0 for none.
    pub epochs_done: u64,
    /// Number of steps taken.
    pub step: u64,
    /// Best epoch by the run's own metric.
    pub best: Option<Best>,
    /// Values of the last epoch, or of the last step before the first epoch ends.
    pub last: Values,
    /// Training time in seconds.
    pub seconds: f64,
    /// Number of unreadable lines in `metrics.jsonl`.
    pub unreadable_lines: u64,
    /// All metrics.
    #[serde(skip)]
    pub history: History,
}

/// The best epoch of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    /// Metric that determined the best epoch.
    pub metric: String,
    /// Epoch number.
    pub epoch: u64,
    /// Value of the metric.
    pub value: f64,
}

impl Overview {
    /// Reads a run, which may be active: the lock is held only for an instant.
    ///
    /// # Errors
    /// [`RunError::NotARun`], [`RunError::Read`], [`RunError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let file = path.join(RUN);
        if !file.is_file() {
            return Err(RunError::NotARun { path: path.into() });
        }
        // Checked before the state is read, so that a run that ends in between shows as done.
        let held = is_locked(path);
        let mut info = RunInfo::read(&file)?;
        if info.state == State::Running && !held {
            info.state = State::Interrupted;
            info.reason = Some("the process was killed or lost power".into());
        }
        let mut history = History::default();
        let unreadable_lines = metrics::read(&path.join(METRICS), |record| history.push(record))?;
        let epochs = history.epochs();
        let last = epochs.last().or(history.latest()).map(|record| record.values.clone());
        let mut overview = Self {
            path: path.into(),
            epochs_done: epochs.iter().map(|record| record.epoch).max().unwrap_or(0),
            step: history.latest().map_or(0, |record| record.step),
            best: None,
            last: last.unwrap_or_default(),
            seconds: history.seconds(),
            unreadable_lines,
            info,
            history,
        };
        overview.best = overview.best_by(&overview.info.about.best_by);
        Ok(overview)
    }

    /// Returns the best epoch by another metric than the run's own.
    #[must_use]
    pub fn best_by(&self, by: &BestBy) -> Option<Best> {
        let (epoch, value) = by.best(self.history.epochs())?;
        Some(Best { metric: by.metric.clone(), epoch, value })
    }
}

/// Finds the runs in a folder: the folder itself, or runs up to two levels below, but none within
/// runs.
///
/// # Errors
/// [`RunError::Read`] if the folder itself cannot be listed.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let mut runs = Vec::new();
    if is_run(folder) {
        runs.push(folder.into());
    } else {
        let children_below =
            children(folder).map_err(|source| RunError::Read { path: folder.into(), source })?;
        children_below.into_iter().for_each(|path| gather(path, DEPTH - 1, &mut runs));
    }
    Ok(runs)
}

fn gather(path: PathBuf, depth: usize, runs: &mut Vec<PathBuf>) {
    if is_run(&path) {
        runs.push(path);
    } else if depth > 0 {
        // Other users' folders may be unreadable.
        for path in children(&path).unwrap_or_default() {
            gather(path, depth - 1, runs);
        }
    }
}

fn is_run(path: &Path) -> bool {
    path.join(RUN).is_file()
}

fn children(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::run::{About, Record, RunFolder, RunLog, testing::about};

    #[test]
    fn overview_shows_current_state() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("set/run");
        let mut log = RunLog::start(RunFolder::create(&path, about(), "").unwrap()).unwrap();
        log.write(Record::step(1, 1, [("train/loss", 0.9)].into())).unwrap();
        let state = || Overview::read(&path).unwrap().info.state;
        assert_eq!(state(), State::Running);
        assert_eq!(Overview::read(&path).unwrap().last.get("train/loss"), Some(0.9));
        for (epoch, loss) in [(1, 0.5), (2, 0.4), (3, 0.6)] {
            log.write(Record::epoch(epoch, epoch, [("val/loss", loss)].into())).unwrap();
        }
        // Dropping leaves the folder as a killed process does.
        drop(log);
        assert_eq!(state(), State::Interrupted);
        let log = RunLog::resume(
            RunFolder::open(&path).unwrap(),
            crate::run::Position { step: 2, epochs: 2 },
            About { epochs: 7, ..about() },
            "epochs = 7\n",
        );
        log.unwrap().finish(State::Failed, Some("the loss is NaN".into())).unwrap();
        let overview = Overview::read(&path).unwrap();
        assert_eq!(
            (overview.epochs_done, overview.step, overview.info.state),
            (2, 2, State::Failed)
        );
        assert_eq!(overview.best.map(|best| (best.epoch, best.value)), Some((2, 0.4)));
        assert_eq!((overview.info.resumed.len(), overview.info.about.epochs), (1, 7));
        assert_eq!(RunFolder::open(&path).unwrap().recipe().unwrap(), "epochs = 7\n");
        assert_eq!(find(root.path()).unwrap(), [path.as_path()]);
        assert_eq!(find(&path).unwrap(), [path.as_path()]);
        assert!(find(&root.path().join("absent")).is_err());
    }
}

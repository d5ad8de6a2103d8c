//! A run seen from outside, whoever trains it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    error::RunError,
    folder::{METRICS, RUN, is_held},
    history::History,
    info::{BestBy, RunInfo, State},
    metrics,
    record::Values,
};

/// Folders below the one that is searched.
const DEPTH: usize = 2;

/// How a run stands and what it reached.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Its folder.
    pub path: PathBuf,
    /// What `run.json` says, but that a run that nobody trains is not `running`.
    #[serde(flatten)]
    pub info: RunInfo,
    /// The last epoch that ended; 0 for none.
    pub epochs_done: u64,
    /// Steps taken.
    pub step: u64,
    /// The best epoch by the run's own metric.
    pub best: Option<Best>,
    /// What the last epoch reported, or the last step where no epoch has ended.
    pub last: Values,
    /// Time spent training, in seconds.
    pub seconds: f64,
    /// Lines of `metrics.jsonl` that cannot be read.
    pub unreadable_lines: u64,
    /// All its numbers.
    #[serde(skip)]
    pub history: History,
}

/// The best epoch of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    /// By what.
    pub metric: String,
    /// Its number.
    pub epoch: u64,
    /// The metric's value.
    pub value: f64,
}

impl Overview {
    /// Looks at a run. It may be running: nothing is locked for longer than an instant.
    ///
    /// # Errors
    /// [`RunError::NotARun`], [`RunError::Read`], [`RunError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let file = path.join(RUN);
        if !file.is_file() {
            return Err(RunError::NotARun { path: path.into() });
        }
        // Before the state is read: a run that ends in between shows as done, not as killed.
        let held = is_held(path);
        let mut info = RunInfo::read(&file)?;
        if info.state == State::Running && !held {
            info.state = State::Interrupted;
            info.reason = Some("it ended without a word, as by a kill or a power cut".into());
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

    /// The best epoch by another metric than the run's own.
    #[must_use]
    pub fn best_by(&self, by: &BestBy) -> Option<Best> {
        let (epoch, value) = by.best(self.history.epochs())?;
        Some(Best { metric: by.metric.clone(), epoch, value })
    }
}

/// The runs in a folder: itself, or those up to two levels below; runs within runs are not looked for.
///
/// # Errors
/// [`RunError::Read`] where the folder itself cannot be listed.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let mut found = Vec::new();
    if is_run(folder) {
        found.push(folder.into());
    } else {
        let below =
            children(folder).map_err(|source| RunError::Read { path: folder.into(), source })?;
        below.into_iter().for_each(|path| gather(path, DEPTH - 1, &mut found));
    }
    Ok(found)
}

fn gather(path: PathBuf, depth: usize, found: &mut Vec<PathBuf>) {
    if is_run(&path) {
        found.push(path);
    } else if depth > 0 {
        // Folders of others may be closed to us.
        for path in children(&path).unwrap_or_default() {
            gather(path, depth - 1, found);
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
    fn a_run_is_seen_as_it_stands() {
        let scene = tempfile::tempdir().unwrap();
        let path = scene.path().join("set/run");
        let mut log = RunLog::start(RunFolder::create(&path, about(), "").unwrap()).unwrap();
        log.write(Record::step(1, 1, [("train/loss", 0.9)].into())).unwrap();
        let state = || Overview::read(&path).unwrap().info.state;
        assert_eq!(state(), State::Running);
        assert_eq!(Overview::read(&path).unwrap().last.get("train/loss"), Some(0.9));
        for (epoch, loss) in [(1, 0.5), (2, 0.4), (3, 0.6)] {
            log.write(Record::epoch(epoch, epoch, [("val/loss", loss)].into())).unwrap();
        }
        // As a kill leaves it.
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
        assert_eq!(find(scene.path()).unwrap(), [path.as_path()]);
        assert_eq!(find(&path).unwrap(), [path.as_path()]);
        assert!(find(&scene.path().join("absent")).is_err());
    }
}

//! All that a run reports, to all the places it is looked for.

use std::time::{Duration, Instant};

use super::{
    error::RunError,
    folder::{EVENTS, METRICS, RESULT, RunFolder},
    history::History,
    info::{About, State},
    metrics::MetricsLog,
    record::{Kind, Position, Record},
    result,
    tensorboard::EventFile,
};

/// The least time between two drawings.
const REDRAW: Duration = Duration::from_secs(10);

/// A run that is being trained: its folder, and the reports that go there.
///
/// ```
/// use avff_metrics::Better;
/// use avff_train::run::{About, BestBy, Record, RunFolder, RunLog, State, Values};
///
/// let scene = tempfile::tempdir()?;
/// let about = About {
///     name: "first try".into(),
///     stage: "finetune".into(),
///     code_version: env!("CARGO_PKG_VERSION").into(),
///     device: Some("cpu".into()),
///     seed: 7,
///     epochs: 1,
///     data: [("train".into(), "sha256:…".into())].into(),
///     best_by: BestBy { metric: "val/map".into(), better: Better::Higher },
/// };
/// let folder = RunFolder::create(&scene.path().join("run"), about, "seed = 7\n")?;
/// let mut log = RunLog::start(folder)?;
/// log.write(Record::step(1, 1, Values::from([("train/loss", 0.7), ("lr", 1e-5)])))?;
/// log.write(Record::epoch(1, 1, Values::from([("train/loss", 0.7), ("val/map", 0.6)])))?;
/// assert_eq!(log.best(), Some((1, 0.6)));
/// log.finish(State::Done, None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RunLog {
    folder: RunFolder,
    metrics: MetricsLog,
    events: EventFile,
    history: History,
    /// When plots were last made.
    drawn: Option<Instant>,
}

impl RunLog {
    /// Starts the reports of a new run.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn start(folder: RunFolder) -> Result<Self, RunError> {
        let metrics = MetricsLog::create(&folder.path().join(METRICS))?;
        Self::begin(folder, metrics, History::default(), Position::default())
    }

    /// Goes on after `position`, the place of the checkpoint that training resumes from. Reports of later
    /// steps are dropped, since those steps come again. `recipe` is the one to follow from there on, as TOML,
    /// and `now` what the run is by it: what it was but for its `epochs`, or another one where nothing of it was kept.
    ///
    /// # Errors
    /// [`RunError::Read`] and [`RunError::Write`].
    pub fn resume(
        mut folder: RunFolder,
        position: Position,
        now: About,
        recipe: &str,
    ) -> Result<Self, RunError> {
        let mut history = History::default();
        let path = folder.path().join(METRICS);
        let metrics = MetricsLog::resume(&path, position, |record| history.push(record))?;
        folder.go_on(position, now, recipe)?;
        let mut log = Self::begin(folder, metrics, history, position)?;
        result::write(&log.folder.path().join(RESULT), log.history.epochs())?;
        log.draw();
        Ok(log)
    }

    fn begin(
        folder: RunFolder,
        mut metrics: MetricsLog,
        mut history: History,
        position: Position,
    ) -> Result<Self, RunError> {
        let session = Record::session(position);
        metrics.append(&session)?;
        let events = EventFile::create(&folder.path().join(EVENTS), position, session.time)?;
        history.push(session);
        Ok(Self { folder, metrics, events, history, drawn: None })
    }

    /// Reports a step or an epoch. With an epoch, the table is made anew, and plots are unless they were a
    /// moment ago; [`finish`](Self::finish) makes them in any case. A plot that cannot be
    /// drawn is a warning, since no run should end for it.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write(&mut self, record: Record) -> Result<(), RunError> {
        self.metrics.append(&record)?;
        self.events.append(&record)?;
        let kind = record.kind;
        self.history.push(record);
        if kind == Kind::Epoch {
            self.metrics.sync()?;
            result::write(&self.folder.path().join(RESULT), self.history.epochs())?;
            // Epochs of a few seconds would be slowed down by their plots.
            if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
                self.draw();
            }
        }
        Ok(())
    }

    /// Closes the run: how it ended, and why where there is more to say.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn finish(mut self, state: State, reason: Option<String>) -> Result<(), RunError> {
        self.metrics.sync()?;
        self.draw();
        self.folder.finish(state, reason)
    }

    /// Number and value of the best epoch so far, by the run's own metric.
    #[must_use]
    pub fn best(&self) -> Option<(u64, f64)> {
        self.about().best_by.best(self.history.epochs())
    }

    /// What the run is.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.folder.info().about
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// All that was reported, before an interruption too.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    fn draw(&mut self) {
        self.drawn = Some(Instant::now());
        #[cfg(feature = "plots")]
        if let Err(error) =
            super::plots::draw(&self.folder.path().join(super::folder::PLOTS), &self.history)
        {
            tracing::warn!(%error, "the plots are not up to date");
        }
    }
}

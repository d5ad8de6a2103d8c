//! Writes all reports of a run to its files.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    error::RunError,
    folder::{EVENTS, METRICS, RESULT, RunFolder, SKIPPED},
    history::History,
    info::{About, State},
    metrics::MetricsLog,
    record::{Kind, Position, Record},
    result,
    skipped::SkippedClips,
    tensorboard::EventFile,
};

/// Minimum time between two updates of the plots.
const MIN_PLOT_INTERVAL: Duration = Duration::from_secs(10);

/// A run in training: its folder and its reports.
///
/// ```
/// use avff_metrics::Better;
/// use avff_train::run::{About, BestBy, Record, RunFolder, RunLog, State, Values};
///
/// let root = tempfile::tempdir()?;
/// let about = About {
///     name: "first try".into(),
///     stage: "finetune".into(),
///     code_version: env!("CARGO_PKG_VERSION").into(),
///     device: Some("cpu".into()),
///     seed: 7,
///     epochs: 1,
///     data: [("train".into(), "sha256:…".into())].into(),
///     coverage: Default::default(),
///     matched: None,
///     best_by: BestBy { metric: "val/map".into(), better: Better::Higher },
/// };
/// let folder = RunFolder::create(&root.path().join("run"), about, "seed = 7\n")?;
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
    skipped: SkippedClips,
    /// Time of the last update of the plots.
    plotted_at: Option<Instant>,
}

impl RunLog {
    /// Starts reporting for a new run.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn start(folder: RunFolder) -> Result<Self, RunError> {
        let metrics = MetricsLog::create(&folder.path().join(METRICS))?;
        SkippedClips::clear(&folder.path().join(SKIPPED))?;
        Self::begin(folder, metrics, History::default(), Position::default())
    }

    /// Continues after `position`, the position of the checkpoint from which training resumes.
    /// Reports of later steps are removed, because those steps are repeated. `recipe` is the recipe
    /// from here on, as TOML, and `now` its description. It equals the earlier one except for
    /// `epochs`, unless training starts over.
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
        folder.continue_run(position, now, recipe)?;
        if position == Position::default() {
            SkippedClips::clear(&folder.path().join(SKIPPED))?;
        }
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
        let skipped = SkippedClips::open(&folder.path().join(SKIPPED))?;
        Ok(Self { folder, metrics, events, history, skipped, plotted_at: None })
    }

    /// Reports a step or an epoch. An epoch also updates the table, and the plots unless they were
    /// updated just before; [`finish`](Self::finish) always updates them. A failed plot is only a
    /// warning, so that it cannot end a run.
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
            self.folder.count_skipped(self.skipped.count())?;
            result::write(&self.folder.path().join(RESULT), self.history.epochs())?;
            // Plotting would slow down epochs of a few seconds.
            if self.plotted_at.is_none_or(|plotted_at| plotted_at.elapsed() >= MIN_PLOT_INTERVAL) {
                self.draw();
            }
        }
        Ok(())
    }

    /// Records a clip that could not be read and was skipped. Returns whether the run skips it for
    /// the first time.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn clip_skipped(&mut self, path: &Path, error: &str) -> Result<bool, RunError> {
        self.skipped.add(path, error)
    }

    /// Returns the number of different clips that were skipped, including those before an
    /// interruption.
    #[must_use]
    pub fn skipped_clips(&self) -> u64 {
        self.skipped.count()
    }

    /// Closes the run with its final state, and a reason if there is more to say.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn finish(mut self, state: State, reason: Option<String>) -> Result<(), RunError> {
        self.metrics.sync()?;
        self.draw();
        self.folder.count_skipped(self.skipped.count())?;
        self.folder.finish(state, reason)
    }

    /// Returns number and value of the best epoch so far, by the run's own metric.
    #[must_use]
    pub fn best(&self) -> Option<(u64, f64)> {
        self.about().best_by.best(self.history.epochs())
    }

    /// Returns the description of the run.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.folder.info().about
    }

    /// Returns the folder of the run.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Returns all reports, including those before an interruption.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    fn draw(&mut self) {
        self.plotted_at = Some(Instant::now());
        #[cfg(feature = "plots")]
        if let Err(error) = super::plots::draw(
            &self.folder.path().join(super::folder::PLOTS),
            &self.about().name,
            &self.history,
        ) {
            tracing::warn!(%error, "cannot update the plots");
        }
    }
}

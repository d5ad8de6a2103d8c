//! Reports of a run: writes them to its folder and forwards them to an observer.

use std::path::Path;

use avff_data::ClipError;
use avff_train::{
    Recipe, TrainError,
    optim::OptimizerConfig,
    run::{Record, RunLog, State, Values, folder::SKIPPED},
    trainer::{EpochReport, Observer, StepReport},
};

/// Values of the run as a whole; all other values belong to training or validation.
const RUN_VALUES: [&str; 4] = ["lr", "gradient_norm", "loss_scale", "skipped"];

/// The name of a value in the run's reports: `PART/QUANTITY`, with qualifiers after dots.
pub(super) fn name_of(part: &str, name: &str) -> String {
    if RUN_VALUES.contains(&name) {
        return name.to_owned();
    }
    let (name, suffix) = match name.strip_prefix("ema_") {
        Some(name) => (name, ".ema"),
        None => (name, ""),
    };
    match name.strip_suffix("_loss") {
        Some(kind) => format!("{part}/loss.{kind}{suffix}"),
        None => format!("{part}/{name}{suffix}"),
    }
}

/// Returns all values of an epoch by their names in the reports.
#[must_use]
pub fn epoch_values(report: &EpochReport) -> Values {
    let mut values = Values::default();
    for (part, numbers) in [("train", &report.train), ("val", &report.validation)] {
        for (name, value) in numbers {
            values.set(name_of(part, name), *value);
        }
    }
    values.set("lr", report.lr);
    values
}

/// Returns the names and the factors of parameter groups with a learning rate of their own. A group
/// is named by its first key, and by the number of its other keys.
fn group_rates(optimizer: &OptimizerConfig) -> Vec<(String, f64)> {
    let groups = optimizer.groups.iter().filter(|group| group.lr_factor != 1.0);
    groups
        .filter_map(|group| {
            let (first, others) = group.keys.split_first()?;
            let others =
                if others.is_empty() { String::new() } else { format!("+{}", others.len()) };
            Some((format!("lr.{first}{others}"), group.lr_factor))
        })
        .collect()
}

/// Number of skipped clips that the log names; the run's folder lists all of them.
const NAMED: u64 = 10;

/// Writes the run's reports.
pub(super) struct Reporter<'a> {
    log: Option<RunLog>,
    /// The metric that determines the best epoch.
    best: Option<&'static str>,
    watch: &'a mut dyn Observer,
    /// Names of parameter groups, and their learning rates as multiples of the run's.
    groups: Vec<(String, f64)>,
    /// Skipped clips that this process met for the first time.
    new_skipped: u64,
}

impl<'a> Reporter<'a> {
    /// Creates a reporter. Only one process of a run has a `log`.
    pub(super) fn new(log: Option<RunLog>, recipe: &Recipe, watch: &'a mut dyn Observer) -> Self {
        let best = recipe.best_metric().map(|metric| metric.key);
        let groups = group_rates(&recipe.optimizer);
        Self { log, best, watch, groups, new_skipped: 0 }
    }

    /// The number of different clips that the run has skipped.
    pub(super) fn skipped_clips(&self) -> u64 {
        self.log.as_ref().map_or(0, RunLog::skipped_clips)
    }

    /// Closes the reports.
    pub(super) fn finish(self, state: State, reason: Option<String>) -> Result<(), TrainError> {
        match self.log {
            Some(log) => {
                if self.new_skipped > NAMED {
                    let count = log.skipped_clips();
                    let list = log.folder().path().join(SKIPPED);
                    tracing::warn!("{count} clips were skipped; {} lists them", list.display());
                }
                Ok(log.finish(state, reason)?)
            }
            None => Ok(()),
        }
    }

    fn add_group_rates(&self, values: &mut Values, lr: f64) {
        for (name, factor) in &self.groups {
            values.set(name.as_str(), lr * factor);
        }
    }

    fn write(&mut self, record: Record) -> Result<(), TrainError> {
        match &mut self.log {
            Some(log) => Ok(log.write(record)?),
            None => Ok(()),
        }
    }
}

impl Observer for Reporter<'_> {
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        let mut values = Values::default();
        for (name, value) in &report.values {
            values.set(name_of("train", name), *value);
        }
        if let Some((_, lr)) = report.values.iter().find(|(name, _)| *name == "lr") {
            self.add_group_rates(&mut values, *lr);
        }
        let seconds = report.took.as_secs_f64();
        values.set("clips_per_second", report.clips as f64 / seconds.max(1e-9));
        values.set("data_wait", report.waited.as_secs_f64() / seconds.max(1e-9));
        self.write(Record::step(report.epoch, report.step, values))?;
        self.watch.step(report)
    }

    fn validated(&mut self, clips: u64) -> Result<(), TrainError> {
        self.watch.validated(clips)
    }

    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        let mut values = epoch_values(report);
        self.add_group_rates(&mut values, report.lr);
        self.write(Record::epoch(report.epoch, report.step, values))?;
        let best = report.validation.iter().find(|(name, _)| Some(name.as_str()) == self.best);
        if let Some((name, value)) = best.filter(|(_, value)| !value.is_finite()) {
            tracing::warn!(
                "{name} of epoch {} is {value}, so it cannot be the best epoch",
                report.epoch
            );
        }
        self.watch.epoch(report)
    }

    fn saved(&mut self, path: &Path) -> Result<(), TrainError> {
        self.watch.saved(path)
    }

    fn clip_skipped(&mut self, error: &ClipError) -> Result<(), TrainError> {
        // Each epoch meets the unreadable clips again.
        let text = crate::error_text::chain(&error.source);
        if let Some(log) = &mut self.log
            && log.clip_skipped(&error.path, &text)?
        {
            self.new_skipped += 1;
            if self.new_skipped <= NAMED {
                tracing::warn!("skipped clip: {}", crate::error_text::chain(error));
            } else if self.new_skipped == NAMED + 1 {
                let list = log.folder().path().join(SKIPPED);
                tracing::warn!("more clips are skipped; {} lists them", list.display());
            }
        }
        self.watch.clip_skipped(error)
    }
}

#[cfg(test)]
mod tests {
    use avff_train::optim::Group;

    use super::*;

    #[test]
    fn groups_with_their_own_rate_are_named() {
        let group = |keys: &[&str], lr_factor| Group {
            keys: keys.iter().map(|&key| key.into()).collect(),
            lr_factor,
            weight_decay: None,
        };
        let mut optimizer = OptimizerConfig::adam(1e-4);
        optimizer.groups = vec![
            group(&["mlp_head"], 50.0),
            group(&["video_encoder"], 1.0),
            group(&["a2v", "v2a", "fusion"], 0.1),
        ];
        let expected = [("lr.mlp_head".to_owned(), 50.0), ("lr.a2v+2".to_owned(), 0.1)];
        assert_eq!(group_rates(&optimizer), expected);
    }

    #[test]
    fn names_contain_part_and_quantity() {
        for (name, expected) in [
            ("loss", "val/loss"),
            ("audio_loss", "val/loss.audio"),
            ("ema_loss", "val/loss.ema"),
            ("ema_video_loss", "val/loss.video.ema"),
            ("map", "val/map"),
            ("lr", "lr"),
        ] {
            assert_eq!(name_of("val", name), expected);
        }
    }
}

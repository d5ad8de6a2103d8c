//! What a run tells, into its folder and on to whoever watches.

use std::path::Path;

use avff_data::ClipError;
use avff_train::{
    TrainError,
    run::{Record, RunLog, State, Values},
    trainer::{EpochReport, StepReport, Watch},
};

/// The run's own numbers; all others are of training or of validation.
const OWN: [&str; 4] = ["lr", "gradient_norm", "loss_scale", "skipped"];

/// A number's name in the run's reports: `PART/QUANTITY`, with a dot before what it is of.
pub(super) fn name_of(part: &str, name: &str) -> String {
    if OWN.contains(&name) {
        return name.to_owned();
    }
    let (name, of) = match name.strip_prefix("ema_") {
        Some(name) => (name, ".ema"),
        None => (name, ""),
    };
    match name.strip_suffix("_loss") {
        Some(kind) => format!("{part}/loss.{kind}{of}"),
        None => format!("{part}/{name}{of}"),
    }
}

/// All of an epoch's numbers, by their names in its reports.
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

/// Writes the run's reports.
pub(super) struct Reporter<'a> {
    log: Option<RunLog>,
    /// What tells the best epoch.
    best: Option<&'static str>,
    watch: &'a mut dyn Watch,
}

impl<'a> Reporter<'a> {
    /// `log` is there in one process of a run alone.
    pub(super) fn new(
        log: Option<RunLog>,
        best: Option<&'static str>,
        watch: &'a mut dyn Watch,
    ) -> Self {
        Self { log, best, watch }
    }

    /// Closes the reports.
    pub(super) fn finish(self, state: State, reason: Option<String>) -> Result<(), TrainError> {
        match self.log {
            Some(log) => Ok(log.finish(state, reason)?),
            None => Ok(()),
        }
    }

    fn write(&mut self, record: Record) -> Result<(), TrainError> {
        match &mut self.log {
            Some(log) => Ok(log.write(record)?),
            None => Ok(()),
        }
    }
}

impl Watch for Reporter<'_> {
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        let mut values = Values::default();
        for (name, value) in &report.values {
            values.set(name_of("train", name), *value);
        }
        let seconds = report.took.as_secs_f64();
        values.set("clips_per_second", report.clips as f64 / seconds.max(1e-9));
        values.set("data_wait", report.waited.as_secs_f64() / seconds.max(1e-9));
        self.write(Record::step(report.epoch, report.step, values))?;
        self.watch.step(report)
    }

    fn judged(&mut self, clips: u64) -> Result<(), TrainError> {
        self.watch.judged(clips)
    }

    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        self.write(Record::epoch(report.epoch, report.step, epoch_values(report)))?;
        let best = report.validation.iter().find(|(name, _)| Some(name.as_str()) == self.best);
        if let Some((name, value)) = best.filter(|(_, value)| !value.is_finite()) {
            tracing::warn!(
                "{name} of epoch {} is {value}: it is not kept as the best",
                report.epoch
            );
        }
        self.watch.epoch(report)
    }

    fn saved(&mut self, path: &Path) -> Result<(), TrainError> {
        self.watch.saved(path)
    }

    fn left_out(&mut self, error: &ClipError) -> Result<(), TrainError> {
        tracing::warn!("left out: {}", crate::error_text::chain(error));
        self.watch.left_out(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_belongs_together() {
        for (name, wanted) in [
            ("loss", "val/loss"),
            ("audio_loss", "val/loss.audio"),
            ("ema_loss", "val/loss.ema"),
            ("ema_video_loss", "val/loss.video.ema"),
            ("map", "val/map"),
            ("lr", "lr"),
        ] {
            assert_eq!(name_of("val", name), wanted);
        }
    }
}

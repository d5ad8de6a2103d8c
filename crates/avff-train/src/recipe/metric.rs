//! The validation metrics that a recipe can name.

use super::{Recipe, Stage};
use crate::schedule::Schedule;

/// A validation metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its key in a recipe and in the records of a run.
    pub name: &'static str,
    /// Whether less is better.
    pub lower_is_better: bool,
}

impl Metric {
    /// Whether it is defined only where there are reals and fakes.
    #[must_use]
    pub fn needs_both_classes(self) -> bool {
        FINETUNE.contains(&self) && !["accuracy", "loss"].contains(&self.name)
    }
}

const fn lower(name: &'static str) -> Metric {
    Metric { name, lower_is_better: true }
}

const fn higher(name: &'static str) -> Metric {
    Metric { name, lower_is_better: false }
}

/// The losses of pre-training and its retrieval accuracy; the first is the stage's own.
const PRETRAIN: &[Metric] = &[
    lower("loss"),
    lower("audio_loss"),
    lower("video_loss"),
    lower("contrastive_loss"),
    higher("retrieval"),
];

/// The fields of [`BinaryReport`](crate::metrics::BinaryReport) and the loss; the first is the stage's own.
const FINETUNE: &[Metric] = &[
    higher("map"),
    higher("ap"),
    higher("auc"),
    higher("mean_auc"),
    higher("accuracy"),
    higher("balanced_accuracy"),
    higher("dprime"),
    lower("eer"),
    lower("loss"),
];

impl Stage {
    /// What its validation measures; the first one decides which weights are best unless a recipe names
    /// another.
    #[must_use]
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Pretrain => PRETRAIN,
            Self::Finetune => FINETUNE,
        }
    }
}

impl Recipe {
    /// The metric by which the best weights are kept; none where `keep.best` names none of the stage's.
    #[must_use]
    pub fn best_metric(&self) -> Option<Metric> {
        self.metric(self.keep.best.as_deref())
    }

    /// The metric that a plateau schedule goes by; none of other schedules, and where it names none of the
    /// stage's.
    #[must_use]
    pub fn plateau_metric(&self) -> Option<Metric> {
        let goes_by_one = matches!(self.schedule, Schedule::Plateau(_));
        goes_by_one.then(|| self.metric(self.schedule.metric()))?
    }

    fn metric(&self, name: Option<&str>) -> Option<Metric> {
        let mut metrics = self.stage.metrics().iter().copied();
        match name {
            Some(name) => metrics.find(|metric| metric.name == name),
            None => metrics.next(),
        }
    }
}

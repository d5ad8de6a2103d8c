//! The list of all metrics. Everything that names metrics derives from it: reports and their JSON,
//! recipe keys, records of a run, charts, tables and the table in `docs/metrics.md`.

use crate::metric::{Metric, Stage};

/// Every metric, in the order of reports and tables.
///
/// To add one, define it as a constant beside its function and name it here.
pub const METRICS: &[Metric] = &[
    Metric::AUC,
    Metric::MEAN_AUC,
    Metric::AP,
    Metric::MAP,
    Metric::ACCURACY,
    Metric::BALANCED_ACCURACY,
    Metric::EER,
    Metric::D_PRIME,
    Metric::LOSS,
    Metric::AUDIO_LOSS,
    Metric::VIDEO_LOSS,
    Metric::CONTRASTIVE_LOSS,
    Metric::RETRIEVAL,
];

impl Metric {
    /// The metric with this key, in any case.
    #[must_use]
    pub fn find(key: &str) -> Option<Self> {
        METRICS.iter().copied().find(|metric| metric.key.eq_ignore_ascii_case(key))
    }

    /// Metrics that scores and labels suffice for: those of a [`BinaryReport`](crate::BinaryReport).
    pub fn of_scores() -> impl Iterator<Item = Self> {
        METRICS.iter().copied().filter(Self::is_of_scores)
    }

    /// Metrics that have a confidence interval.
    pub fn with_interval() -> impl Iterator<Item = Self> {
        METRICS.iter().copied().filter(|metric| metric.interval.is_some())
    }
}

impl Stage {
    /// What the stage's validation measures.
    pub fn metrics(self) -> impl Iterator<Item = Metric> {
        METRICS.iter().copied().filter(move |metric| metric.stages.contains(&self))
    }

    /// The metric that decides which weights are best unless a recipe names another.
    #[must_use]
    pub const fn own_metric(self) -> Metric {
        match self {
            Self::Pretrain => Metric::LOSS,
            Self::Finetune => Metric::MAP,
        }
    }
}

//! The registry of all metrics.
//!
//! Everything that names metrics derives from it: reports and their JSON, recipe keys, records of a
//! run, charts, tables and the table in `docs/src/reference/metrics.md`.

use crate::metric::{Metric, Stage};

/// All metrics, in the order of reports and tables.
///
/// To add a metric, define it as a constant beside its function and add the constant here.
pub const METRICS: &[Metric] = &[
    Metric::AUC,
    Metric::MEAN_AUC,
    Metric::AP,
    Metric::MAP,
    Metric::ACCURACY,
    Metric::BALANCED_ACCURACY,
    Metric::EER,
    Metric::TPR_AT_1,
    Metric::TPR_AT_01,
    Metric::D_PRIME,
    Metric::LOSS,
    Metric::AUDIO_LOSS,
    Metric::VIDEO_LOSS,
    Metric::CONTRASTIVE_LOSS,
    Metric::RETRIEVAL,
];

impl Metric {
    /// Returns the metric with this key, ignoring case.
    #[must_use]
    pub fn find(key: &str) -> Option<Self> {
        METRICS.iter().copied().find(|metric| metric.key.eq_ignore_ascii_case(key))
    }

    /// Iterates over the metrics that can be computed from scores and labels: the metrics of a
    /// [`BinaryReport`](crate::BinaryReport).
    pub fn score_based() -> impl Iterator<Item = Self> {
        METRICS.iter().copied().filter(Self::is_score_based)
    }

    /// Iterates over the metrics that have a confidence interval.
    pub fn with_interval() -> impl Iterator<Item = Self> {
        METRICS.iter().copied().filter(|metric| metric.interval.is_some())
    }
}

impl Stage {
    /// Iterates over the metrics of the stage's validation.
    pub fn metrics(self) -> impl Iterator<Item = Metric> {
        METRICS.iter().copied().filter(move |metric| metric.stages.contains(&self))
    }

    /// Returns the metric that selects the best weights, unless a recipe names another one.
    #[must_use]
    pub const fn default_metric(self) -> Metric {
        match self {
            Self::Pretrain => Metric::LOSS,
            Self::Finetune => Metric::MAP,
        }
    }
}

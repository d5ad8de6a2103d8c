//! Lips and voice, compared without learning: what a network has to beat.

use avff_metrics::{BinaryReport, CategoryReport, Metric, MetricError, Scored};
use serde::{Deserialize, Serialize};

use super::report::{Categories, ColumnReport, ReportOptions};
use crate::table::interval_cell as cell;

/// The metrics of the [synchrony](avff_data::synchrony) of the labeled clips, as if it were a network's score: the
/// lower the correlation, the more likely fake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Labeled scored clips of which the synchrony was measured. In the others a face is missing or hardly moves, or
    /// the audio is even.
    pub measured: usize,
    /// Metrics over the measured clips. Those with a threshold are not meaningful.
    pub metrics: BinaryReport,
    /// Metrics by category, for the requested columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<ColumnReport>,
}

impl Baseline {
    /// Computes the metrics of measured clips. `correlations` are those of the labeled clips, in the order of `labeled`
    /// and of the categories.
    pub(super) fn new(
        labeled: &[Scored],
        correlations: &[Option<f64>],
        categories: Categories,
        options: &ReportOptions,
    ) -> Result<Option<Self>, MetricError> {
        let scored = |(clip, correlation): (&Scored, &Option<f64>)| {
            let real = (*correlation)? as f32;
            Some(Scored { fake: -real, real, target: clip.target })
        };
        let clips: Vec<Scored> = labeled.iter().zip(correlations).filter_map(scored).collect();
        if clips.is_empty() {
            return Ok(None);
        }
        let by = categories.of_measured(correlations).reports(&clips, options)?;
        Ok(Some(Self { measured: clips.len(), metrics: options.metrics(&clips)?, by }))
    }

    /// The AUC, with its interval if there is one.
    pub(super) fn auc(&self) -> String {
        cell(self.metrics.get(Metric::AUC), self.metrics.interval(Metric::AUC), 4)
    }

    /// The AUC of a category.
    pub(super) fn auc_of(&self, column: &str, category: &str) -> String {
        let column = self.by.iter().find(|by| by.column == column);
        let found = column.and_then(|by| by.categories.iter().find(|one| one.category == category));
        found.map_or_else(String::new, |CategoryReport { metrics, .. }| {
            let digits = if metrics.intervals.is_some() { 3 } else { 4 };
            cell(metrics.get(Metric::AUC), metrics.interval(Metric::AUC), digits)
        })
    }
}

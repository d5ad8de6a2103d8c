//! A report of all metrics over one set of scored clips.

use serde::{Deserialize, Serialize};

use crate::{
    bootstrap::BootstrapOptions,
    error::MetricError,
    interval::Interval,
    intervals::Intervals,
    metric::{Computed, Metric},
    notes::Notes,
    scored::{Scored, ScoredSet},
    values::Values,
};

/// All metrics that can be computed from scores and labels, over one set of clips.
///
/// An undefined value is `None` (`null` in JSON), and `notes` gives the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinaryReport {
    /// Number of clips.
    pub n: usize,
    /// Number of fakes.
    pub n_fake: usize,
    /// Number of reals.
    pub n_real: usize,
    /// The values, each under its metric's key.
    #[serde(flatten)]
    pub values: Values<f64>,
    /// Reasons for missing values, one note per reason. Empty if all values are present and finite.
    pub notes: Vec<String>,
    /// Confidence intervals, if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
}

impl BinaryReport {
    /// Computes every metric that `clips` define. O(n log n).
    ///
    /// # Errors
    ///
    /// [`MetricError::Target`] if a label is neither 0 nor 1. Any other problem leaves values
    /// absent and adds a note.
    pub fn new(clips: &[Scored]) -> Result<Self, MetricError> {
        let set = ScoredSet::new(clips)?;
        let mut notes = Notes::default();
        let values: Values<f64> = Metric::score_based()
            .map(|metric| {
                let value = set.compute(metric);
                (metric, value.map_err(|error| notes.add(metric.key, error.to_string())).ok())
            })
            .collect();
        let mut notes = notes.into_lines();
        // JSON has no infinity and stores `null`, so a note records the value.
        for (metric, value) in values.iter() {
            if let (Some(value), Computed::Derived { of, .. }) = (value, metric.computed)
                && value.is_infinite()
                && let Some(of_value) = values.get(*of)
            {
                let (title, of) = (metric.title, of.title);
                notes.push(format!("{title}: {value}, because {of} is exactly {of_value}"));
            }
        }
        let n_fake = set.is_fake.iter().filter(|&&fake| fake).count();
        let (n, n_real) = (clips.len(), clips.len() - n_fake);
        Ok(Self { n, n_fake, n_real, values, notes, intervals: None })
    }

    /// Like [`new`](Self::new), with confidence intervals. O(replicates n).
    ///
    /// # Errors
    ///
    /// See [`new`](Self::new); also [`MetricError::Level`] or [`MetricError::NoReplicates`] for
    /// invalid options.
    pub fn with_intervals(
        clips: &[Scored],
        options: &BootstrapOptions,
    ) -> Result<Self, MetricError> {
        let intervals = Some(Intervals::new(clips, options)?);
        Ok(Self { intervals, ..Self::new(clips)? })
    }

    /// Returns the value of a metric; `None` if the clips do not define it.
    ///
    /// An infinite value lost in JSON is recomputed from the metric that it derives from.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.values.get(metric).or_else(|| match metric.computed {
            Computed::Derived { of, by } => by(self.get(*of)?).ok(),
            _ => None,
        })
    }

    /// Returns the confidence interval of a metric, if there is one.
    #[must_use]
    pub fn interval(&self, metric: Metric) -> Option<Interval> {
        self.intervals.as_ref()?.values.get(metric)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn clips(rows: &[(f32, f32, u8)]) -> Vec<Scored> {
        rows.iter().map(|&(fake, real, target)| Scored { fake, real, target }).collect()
    }

    #[test]
    fn perfect_detector() {
        let report =
            BinaryReport::new(&clips(&[(2.0, -2.0, 1), (-1.0, 1.0, 0), (-3.0, 3.0, 0)])).unwrap();
        assert_eq!((report.n, report.n_fake, report.n_real), (3, 1, 2));
        for value in [
            report.get(Metric::AUC),
            report.get(Metric::MEAN_AUC),
            report.get(Metric::AP),
            report.get(Metric::MAP),
            report.get(Metric::ACCURACY),
        ] {
            assert_eq!(value, Some(1.0));
        }
        assert_eq!(
            (report.get(Metric::BALANCED_ACCURACY), report.get(Metric::EER)),
            (Some(1.0), Some(0.0))
        );
        assert_eq!(report.get(Metric::D_PRIME), Some(f64::INFINITY));
        assert_eq!(report.notes, ["d': inf, because mean ROC AUC (both outputs) is exactly 1"]);
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["dprime"].is_null());
        assert_eq!(json["auc"], 1.0);
    }

    #[test]
    fn single_class_defines_only_accuracy() {
        let report = BinaryReport::new(&clips(&[(1.0, 0.0, 0), (0.0, 1.0, 0)])).unwrap();
        assert_eq!(report.get(Metric::ACCURACY), Some(0.5));
        let absent = [
            report.get(Metric::AUC),
            report.get(Metric::MEAN_AUC),
            report.get(Metric::AP),
            report.get(Metric::MAP),
            report.get(Metric::EER),
        ];
        assert_eq!(absent, [None; 5]);
        assert_eq!(
            (report.get(Metric::BALANCED_ACCURACY), report.get(Metric::D_PRIME)),
            (None, None)
        );
        assert_eq!(
            report.notes,
            [
                "auc, mean_auc, ap, map, balanced_accuracy, eer, tpr_at_fpr_1, tpr_at_fpr_01, dprime: \
              both classes are needed, but every clip is real (clips: 2)"
            ]
        );
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["auc"].is_null() && json["n_fake"] == 0);
    }

    #[test]
    fn nan_in_real_output_keeps_metrics_of_fake_output() {
        let report = BinaryReport::new(&clips(&[(1.0, 0.0, 1), (0.0, f32::NAN, 0)])).unwrap();
        assert_eq!(
            (report.get(Metric::AUC), report.get(Metric::AP), report.get(Metric::EER)),
            (Some(1.0), Some(1.0), Some(0.0))
        );
        assert_eq!(
            (report.get(Metric::MEAN_AUC), report.get(Metric::MAP), report.get(Metric::ACCURACY)),
            (None, None, None)
        );
        assert_eq!(
            report.notes,
            ["mean_auc, map, accuracy, balanced_accuracy, dprime: the score of clip 1 is NaN"]
        );
    }

    #[test]
    fn no_clips_and_invalid_labels() {
        let empty = BinaryReport::new(&[]).unwrap();
        assert_eq!((empty.n, empty.get(Metric::AUC), empty.get(Metric::ACCURACY)), (0, None, None));
        assert_eq!(empty.notes.len(), 1);
        let wrong = BinaryReport::new(&clips(&[(1.0, 0.0, 1), (1.0, 0.0, 2)]));
        assert_eq!(wrong, Err(MetricError::Target { index: 1, value: 2 }));
    }
}

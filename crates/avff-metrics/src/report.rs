//! All metrics over one scored set of clips.

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

/// Every metric that scores and labels suffice for, over one set of clips.
///
/// A value that the clips do not define is `None` (`null` in JSON), and `notes` says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinaryReport {
    /// Clips.
    pub n: usize,
    /// Fakes among them.
    pub n_fake: usize,
    /// Reals among them.
    pub n_real: usize,
    /// The values, each under its metric's key.
    #[serde(flatten)]
    pub values: Values<f64>,
    /// Why values are absent, one note for each reason; empty where all are there and finite.
    pub notes: Vec<String>,
    /// Confidence intervals, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
}

impl BinaryReport {
    /// Computes every metric that `clips` define, O(n log n).
    ///
    /// # Errors
    ///
    /// [`MetricError::Target`] where a label is neither 0 nor 1. Everything else that may be wrong with
    /// the clips leaves values absent and a note.
    pub fn new(clips: &[Scored]) -> Result<Self, MetricError> {
        let set = ScoredSet::new(clips)?;
        let mut notes = Notes::default();
        let values: Values<f64> = Metric::of_scores()
            .map(|metric| {
                let value = set.compute(metric);
                (metric, value.map_err(|error| notes.add(metric.key, error.to_string())).ok())
            })
            .collect();
        let mut notes = notes.into_lines();
        // JSON knows no infinity and gets `null`, so a note says it in words.
        for (metric, value) in values.iter() {
            if let (Some(value), Computed::Derived { of, .. }) = (value, metric.computed)
                && value.is_infinite()
                && let Some(of_value) = values.get(*of)
            {
                let (key, of) = (metric.key, of.key);
                notes.push(format!("{key}: {value}, as {of} is exactly {of_value}"));
            }
        }
        let n_fake = set.is_fake.iter().filter(|&&fake| fake).count();
        let (n, n_real) = (clips.len(), clips.len() - n_fake);
        Ok(Self { n, n_fake, n_real, values, notes, intervals: None })
    }

    /// [`new`](Self::new) with confidence intervals, O(replicates n).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`MetricError::Level`] or [`MetricError::NoReplicates`] for the
    /// options.
    pub fn with_intervals(
        clips: &[Scored],
        options: &BootstrapOptions,
    ) -> Result<Self, MetricError> {
        let intervals = Some(Intervals::new(clips, options)?);
        Ok(Self { intervals, ..Self::new(clips)? })
    }

    /// The value of a metric; `None` where the clips do not define it.
    ///
    /// An infinite value that JSON has lost is computed again from the metric that it derives from.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.values.get(metric).or_else(|| match metric.computed {
            Computed::Derived { of, by } => by(self.get(*of)?).ok(),
            _ => None,
        })
    }

    /// The confidence interval of a metric, where there is one.
    #[must_use]
    pub fn interval(&self, metric: Metric) -> Option<Interval> {
        self.intervals.as_ref()?.values.get(metric)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn clips(rows: &[(f32, f32, u8)]) -> Vec<Scored> {
        rows.iter().map(|&(fake, real, target)| Scored { fake, real, target }).collect()
    }

    #[test]
    fn a_perfect_detector() {
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
        assert_eq!(report.notes, ["dprime: inf, as mean_auc is exactly 1"]);
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["dprime"].is_null());
        assert_eq!(json["auc"], 1.0);
    }

    #[test]
    fn one_class_keeps_only_its_accuracy() {
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
            ["auc, mean_auc, ap, map, balanced_accuracy, eer, dprime: \
              both classes are needed, all 2 clips are real"]
        );
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["auc"].is_null() && json["n_fake"] == 0);
    }

    #[test]
    fn a_broken_real_output_leaves_what_the_fake_output_defines() {
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
    fn no_clips_and_wrong_labels() {
        let empty = BinaryReport::new(&[]).unwrap();
        assert_eq!((empty.n, empty.get(Metric::AUC), empty.get(Metric::ACCURACY)), (0, None, None));
        assert_eq!(empty.notes.len(), 1);
        let wrong = BinaryReport::new(&clips(&[(1.0, 0.0, 1), (1.0, 0.0, 2)]));
        assert_eq!(wrong, Err(MetricError::Target { index: 1, value: 2 }));
    }
}

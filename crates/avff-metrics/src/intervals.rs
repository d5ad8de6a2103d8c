//! The confidence intervals of a report.

use serde::{Deserialize, Serialize};

use crate::{
    bootstrap::{Bootstrap, BootstrapOptions, bootstrap},
    delong::delong,
    error::MetricError,
    interval::Interval,
    metric::{Computed, IntervalMethod, Metric},
    notes::Notes,
    scored::{Scored, ScoredSet, labels},
    values::Values,
};

/// The confidence intervals of a [`BinaryReport`](crate::BinaryReport)'s values.
///
/// [`Metric::interval`] gives the method of each metric. An interval is `None` if the value is
/// `None` or if `notes` gives a reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// The options of the bootstrap.
    #[serde(flatten)]
    pub options: BootstrapOptions,
    /// The intervals, each under its metric's key.
    #[serde(flatten)]
    pub values: Values<Interval>,
    /// Remarks on the intervals; empty if there are none.
    pub notes: Vec<String>,
}

impl Intervals {
    /// Computes the intervals of all metrics that have one. O(replicates n).
    ///
    /// # Errors
    ///
    /// [`MetricError::Level`] or [`MetricError::NoReplicates`] for invalid options,
    /// [`MetricError::Target`] if a label is neither 0 nor 1.
    pub fn new(clips: &[Scored], options: &BootstrapOptions) -> Result<Self, MetricError> {
        options.check()?;
        // Labels are checked in the caller's order, so that an error names the caller's index.
        labels(clips)?;
        // Resamples of sorted clips are sorted too.
        let mut clips = clips.to_vec();
        clips.sort_by(|a, b| b.fake.total_cmp(&a.fake));
        let set = ScoredSet::new(&clips)?;
        let mut notes = Notes::default();
        let estimate = |metric: Metric| match metric.interval {
            Some(IntervalMethod::DeLong) => by_delong(metric, &set, options.level, &mut notes),
            Some(IntervalMethod::Bootstrap) => by_bootstrap(metric, &set, options, &mut notes),
            None => None,
        };
        let metrics: Vec<Metric> = Metric::with_interval().collect();
        let intervals: Vec<_> = metrics.iter().copied().map(estimate).collect();
        let values: Values<Interval> = metrics.into_iter().zip(intervals).collect();
        for (metric, interval) in values.iter() {
            if interval.is_some_and(Interval::is_point) {
                notes.add(
                    metric.key,
                    "a point interval, which does not describe the uncertainty".into(),
                );
            }
        }
        Ok(Self { options: *options, values, notes: notes.into_lines() })
    }
}

fn by_delong(metric: Metric, set: &ScoredSet, level: f64, notes: &mut Notes) -> Option<Interval> {
    match delong(&set.fake, &set.is_fake).and_then(|delong| delong.interval(level)) {
        Ok(interval) => Some(interval),
        Err(error @ MetricError::TooFew { .. }) => {
            notes.add(metric.key, error.to_string());
            None
        }
        // The report gives the reason for the missing value.
        Err(_) => None,
    }
}

fn by_bootstrap(
    metric: Metric,
    set: &ScoredSet,
    options: &BootstrapOptions,
    notes: &mut Notes,
) -> Option<Interval> {
    let bootstrap = resampled(metric, set, options).ok()?;
    if bootstrap.undefined > 0 {
        let reason = format!(
            "undefined on {} of {} resamples, which are ignored",
            bootstrap.undefined, bootstrap.replicates
        );
        notes.add(metric.key, reason);
    }
    bootstrap.interval
}

/// Bootstraps a metric on the inputs that it is computed from.
fn resampled(
    metric: Metric,
    set: &ScoredSet,
    options: &BootstrapOptions,
) -> Result<Bootstrap, MetricError> {
    let ScoredSet { fake, real, is_fake, decisions } = set;
    match metric.computed {
        Computed::FakeOutput(compute) => bootstrap(fake, is_fake, options, compute),
        Computed::Decisions(compute) => {
            bootstrap(decisions.as_ref().map_err(|error| *error)?, is_fake, options, compute)
        }
        Computed::BothOutputs(compute) => {
            let pairs: Vec<(f32, f32)> = fake.iter().copied().zip(real.iter().copied()).collect();
            bootstrap(&pairs, is_fake, options, |pairs, is_fake| {
                let (fake, real): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
                compute(&fake, &real, is_fake)
            })
        }
        Computed::Derived { of, by } => {
            let at_end = |end| by(end).unwrap_or(f64::NAN);
            let bootstrap = resampled(*of, set, options)?;
            let interval = bootstrap.interval.map(|Interval { low, high }| Interval {
                low: at_end(low).min(at_end(high)),
                high: at_end(low).max(at_end(high)),
            });
            Ok(Bootstrap { estimate: by(bootstrap.estimate)?, interval, ..bootstrap })
        }
        Computed::InTraining => Err(MetricError::InTraining { key: metric.key }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::report::BinaryReport;

    fn clips(rows: &[(f32, u8)]) -> Vec<Scored> {
        rows.iter().map(|&(fake, target)| Scored { fake, real: -fake, target }).collect()
    }

    const FEW: BootstrapOptions = BootstrapOptions { replicates: 300, level: 0.9, seed: 7 };

    #[test]
    fn report_has_intervals_only_on_request() {
        let clips = clips(&[(2., 1), (1., 1), (-1., 1), (-2., 1), (0.5, 0), (-0.5, 0), (-1.5, 0)]);
        let plain = serde_json::to_value(BinaryReport::new(&clips).unwrap()).unwrap();
        assert!(plain.get("intervals").is_none());
        let report = BinaryReport::with_intervals(&clips, &FEW).unwrap();
        let intervals = report.intervals.as_ref().unwrap();
        assert!(intervals.notes.is_empty(), "{:?}", intervals.notes);
        for (metric, interval) in intervals.values.iter() {
            let (Interval { low, high }, value) = (interval.unwrap(), report.get(metric).unwrap());
            assert!(low < value && value < high, "{}: {value} in {low} to {high}", metric.key);
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["intervals"]["level"], 0.9);
        assert_eq!(json["intervals"]["seed"], 7);
        let back: BinaryReport = serde_json::from_value(json).unwrap();
        assert_eq!(back, report);
        // The order of clips does not affect the AUC or any other value.
        assert_eq!(BinaryReport { intervals: None, ..report }, BinaryReport::new(&clips).unwrap());
    }

    #[test]
    fn point_intervals_and_single_clips_are_noted() {
        let perfect = clips(&[(2., 1), (1., 1), (-1., 0), (-2., 0)]);
        let intervals = Intervals::new(&perfect, &FEW).unwrap();
        assert_eq!(intervals.values.get(Metric::AP), Some(Interval { low: 1.0, high: 1.0 }));
        assert_eq!(
            intervals.notes,
            ["auc, ap, accuracy, balanced_accuracy, eer, tpr_at_fpr_1, tpr_at_fpr_01: \
              a point interval, which does not describe the uncertainty"]
        );
        let single = Intervals::new(&clips(&[(0., 1), (1., 0), (-1., 0)]), &FEW).unwrap();
        assert_eq!(single.values.get(Metric::AUC), None);
        assert_eq!(single.notes[0], "auc: at least 2 fake clips are needed, but there are 1");
        assert!(single.values.get(Metric::AP).is_some());
    }

    #[test]
    fn undefined_values_have_no_interval() {
        let reals = Intervals::new(&clips(&[(1., 0), (-1., 0), (-2., 0)]), &FEW).unwrap();
        assert_eq!(
            (
                reals.values.get(Metric::AUC),
                reals.values.get(Metric::AP),
                reals.values.get(Metric::EER),
                reals.values.get(Metric::BALANCED_ACCURACY)
            ),
            (None, None, None, None)
        );
        assert!(reals.values.get(Metric::ACCURACY).is_some());
        let broken = Intervals::new(&clips(&[(f32::NAN, 1), (0., 0)]), &FEW).unwrap();
        assert_eq!(broken.values.iter().filter(|(_, interval)| interval.is_some()).count(), 0);
        assert_eq!(Intervals::new(&[], &FEW).unwrap().values.get(Metric::ACCURACY), None);
        let wrong = Intervals::new(&clips(&[(1., 2)]), &FEW);
        assert_eq!(wrong, Err(MetricError::Target { index: 0, value: 2 }));
        let level = BootstrapOptions { level: 2.0, ..FEW };
        assert_eq!(Intervals::new(&[], &level), Err(MetricError::Level { value: 2.0 }));
    }
}

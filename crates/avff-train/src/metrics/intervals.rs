//! The confidence intervals of a report.

use serde::{Deserialize, Serialize};

use super::{
    Interval, MetricError, Scored, accuracy, average_precision, balanced_accuracy,
    bootstrap::{Bootstrap, BootstrapOptions, bootstrap},
    by_argmax,
    delong::delong,
    equal_error_rate,
    report::{Notes, labels},
};

/// Confidence intervals of a [`BinaryReport`](super::BinaryReport)'s values, by their names.
///
/// That of `auc` is [`delong`]'s, the others are [`bootstrap`]'s. One is `None` where the value is, or
/// where `notes` says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// How they were drawn.
    #[serde(flatten)]
    pub options: BootstrapOptions,
    /// Of [`roc_auc`](super::roc_auc), by DeLong.
    pub auc: Option<Interval>,
    /// Of [`average_precision`].
    pub ap: Option<Interval>,
    /// Of [`accuracy`].
    pub accuracy: Option<Interval>,
    /// Of [`balanced_accuracy`].
    pub balanced_accuracy: Option<Interval>,
    /// Of [`equal_error_rate`].
    pub eer: Option<Interval>,
    /// What to know of them; empty where there is nothing.
    pub notes: Vec<String>,
}

impl Intervals {
    /// O(replicates n).
    ///
    /// # Errors
    ///
    /// [`MetricError::Level`] or [`MetricError::NoReplicates`] for the options,
    /// [`MetricError::Target`] where a label is neither 0 nor 1.
    pub fn new(clips: &[Scored], options: &BootstrapOptions) -> Result<Self, MetricError> {
        options.check()?;
        labels(clips)?;
        // Sorted once, every resample is sorted as well.
        let mut clips = clips.to_vec();
        clips.sort_by(|a, b| b.fake.total_cmp(&a.fake));
        let is_fake = labels(&clips)?;
        let fake: Vec<f32> = clips.iter().map(|clip| clip.fake).collect();
        let real: Vec<f32> = clips.iter().map(|clip| clip.real).collect();

        let mut notes = Notes::default();
        let auc = match delong(&fake, &is_fake) {
            Ok(delong) => Some(delong.interval(options.level)?),
            Err(error @ MetricError::TooFew { .. }) => {
                notes.add("auc", error.to_string());
                None
            }
            // The report says why the value itself is absent.
            Err(_) => None,
        };
        let mut drawn = |name, drawn: Result<Bootstrap, MetricError>| {
            let drawn = drawn.ok()?;
            if drawn.undefined > 0 {
                let reason = format!(
                    "undefined on {} of {} resamples, which are left out",
                    drawn.undefined, drawn.replicates
                );
                notes.add(name, reason);
            }
            drawn.interval
        };
        let called = by_argmax(&fake, &real);
        let called = |metric: fn(&[bool], &[bool]) -> Result<f64, MetricError>| {
            called
                .as_ref()
                .map_err(|&error| error)
                .and_then(|called| bootstrap(called, &is_fake, options, metric))
        };
        let mut intervals = Self {
            options: *options,
            auc,
            ap: drawn("ap", bootstrap(&fake, &is_fake, options, average_precision)),
            accuracy: drawn("accuracy", called(accuracy)),
            balanced_accuracy: drawn("balanced_accuracy", called(balanced_accuracy)),
            eer: drawn("eer", bootstrap(&fake, &is_fake, options, equal_error_rate)),
            notes: Vec::new(),
        };
        for (name, interval) in intervals.named() {
            if interval.is_some_and(Interval::is_point) {
                notes.add(name, "a point, which says nothing of how sure the value is".into());
            }
        }
        intervals.notes = notes.into_lines();
        Ok(intervals)
    }

    fn named(&self) -> [(&'static str, Option<Interval>); 5] {
        [
            ("auc", self.auc),
            ("ap", self.ap),
            ("accuracy", self.accuracy),
            ("balanced_accuracy", self.balanced_accuracy),
            ("eer", self.eer),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::{super::BinaryReport, *};

    fn clips(rows: &[(f32, u8)]) -> Vec<Scored> {
        rows.iter().map(|&(fake, target)| Scored { fake, real: -fake, target }).collect()
    }

    const FEW: BootstrapOptions = BootstrapOptions { replicates: 300, level: 0.9, seed: 7 };

    #[test]
    fn a_report_has_intervals_only_if_asked() {
        let clips = clips(&[(2., 1), (1., 1), (-1., 1), (-2., 1), (0.5, 0), (-0.5, 0), (-1.5, 0)]);
        let plain = serde_json::to_value(BinaryReport::new(&clips).unwrap()).unwrap();
        assert!(plain.get("intervals").is_none());
        let report = BinaryReport::with_intervals(&clips, &FEW).unwrap();
        let intervals = report.intervals.as_ref().unwrap();
        assert!(intervals.notes.is_empty(), "{:?}", intervals.notes);
        let values = [report.auc, report.ap, report.accuracy, report.balanced_accuracy, report.eer];
        for ((name, interval), value) in intervals.named().into_iter().zip(values) {
            let (Interval { low, high }, value) = (interval.unwrap(), value.unwrap());
            assert!(low < value && value < high, "{name}: {value} in {low} to {high}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["intervals"]["level"], 0.9);
        assert_eq!(json["intervals"]["seed"], 7);
        let back: BinaryReport = serde_json::from_value(json).unwrap();
        assert_eq!(back, report);
        // The order of clips does not matter to the AUC, nor does anything else change.
        assert_eq!(BinaryReport { intervals: None, ..report }, BinaryReport::new(&clips).unwrap());
    }

    #[test]
    fn points_and_lone_clips_are_noted() {
        let perfect = clips(&[(2., 1), (1., 1), (-1., 0), (-2., 0)]);
        let intervals = Intervals::new(&perfect, &FEW).unwrap();
        assert_eq!(intervals.ap, Some(Interval { low: 1.0, high: 1.0 }));
        assert_eq!(
            intervals.notes,
            ["auc, ap, accuracy, balanced_accuracy, eer: \
              a point, which says nothing of how sure the value is"]
        );
        let lone = Intervals::new(&clips(&[(0., 1), (1., 0), (-1., 0)]), &FEW).unwrap();
        assert_eq!(lone.auc, None);
        assert_eq!(lone.notes[0], "auc: at least 2 fake clips are needed, there are 1");
        assert!(lone.ap.is_some());
    }

    #[test]
    fn what_has_no_value_has_no_interval() {
        let reals = Intervals::new(&clips(&[(1., 0), (-1., 0), (-2., 0)]), &FEW).unwrap();
        assert_eq!(
            (reals.auc, reals.ap, reals.eer, reals.balanced_accuracy),
            (None, None, None, None)
        );
        assert!(reals.accuracy.is_some());
        let broken = Intervals::new(&clips(&[(f32::NAN, 1), (0., 0)]), &FEW).unwrap();
        assert_eq!(broken.named().map(|(_, interval)| interval), [None; 5]);
        assert_eq!(Intervals::new(&[], &FEW).unwrap().accuracy, None);
        let wrong = Intervals::new(&clips(&[(1., 2)]), &FEW);
        assert_eq!(wrong, Err(MetricError::Target { index: 0, value: 2 }));
        let level = BootstrapOptions { level: 2.0, ..FEW };
        assert_eq!(Intervals::new(&[], &level), Err(MetricError::Level { value: 2.0 }));
    }
}

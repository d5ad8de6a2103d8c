//! All metrics over one scored set of clips.

use serde::{Deserialize, Serialize};

use super::{
    BootstrapOptions, Intervals, MetricError, accuracy, average_precision, balanced_accuracy,
    by_argmax, d_prime, equal_error_rate, mean_average_precision, mean_roc_auc, roc_auc,
};

/// One clip: the network's two outputs and the label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scored {
    /// Output 0, class fake: a logit or a probability.
    pub fake: f32,
    /// Output 1, class real, on the same scale.
    pub real: f32,
    /// The manifest's label: 1 fake, 0 real.
    pub target: u8,
}

/// What the reference reports after an epoch, and the rates that the field compares.
///
/// A value that the clips do not define is `None` (`null` in JSON), and `notes` says why. `auc`, `ap`
/// and `eer` rank by the fake output alone; `mean_auc`, `map` and `dprime` use both outputs, as the
/// reference does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinaryReport {
    /// Clips.
    pub n: usize,
    /// Fakes among them.
    pub n_fake: usize,
    /// Reals among them.
    pub n_real: usize,
    /// [`roc_auc`] of the fake output.
    pub auc: Option<f64>,
    /// [`mean_roc_auc`] of both outputs.
    pub mean_auc: Option<f64>,
    /// [`average_precision`] of class fake by the fake output.
    pub ap: Option<f64>,
    /// [`mean_average_precision`] of both outputs.
    pub map: Option<f64>,
    /// [`accuracy`] of the larger output; a tie is called fake.
    pub accuracy: Option<f64>,
    /// [`balanced_accuracy`] of the larger output; a tie is called fake.
    pub balanced_accuracy: Option<f64>,
    /// [`equal_error_rate`] of the fake output.
    pub eer: Option<f64>,
    /// [`d_prime`] of `mean_auc`. Infinite where that is 0 or 1; JSON knows no infinity and gets
    /// `null`, so a note says it in words.
    pub dprime: Option<f64>,
    /// Why values are absent, one note a reason; empty where all are there and finite.
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
        let is_fake = labels(clips)?;
        let fake: Vec<f32> = clips.iter().map(|clip| clip.fake).collect();
        let real: Vec<f32> = clips.iter().map(|clip| clip.real).collect();
        let called = by_argmax(&fake, &real);
        let called_by = |metric: fn(&[bool], &[bool]) -> Result<f64, MetricError>| match &called {
            Ok(called) => metric(called, &is_fake),
            Err(error) => Err(*error),
        };
        let mean_auc = mean_roc_auc(&fake, &real, &is_fake);

        let mut notes = Notes::default();
        let mut report = Self {
            n: clips.len(),
            n_fake: is_fake.iter().filter(|&&fake| fake).count(),
            n_real: is_fake.iter().filter(|&&fake| !fake).count(),
            auc: notes.take("auc", roc_auc(&fake, &is_fake)),
            mean_auc: notes.take("mean_auc", mean_auc),
            ap: notes.take("ap", average_precision(&fake, &is_fake)),
            map: notes.take("map", mean_average_precision(&fake, &real, &is_fake)),
            accuracy: notes.take("accuracy", called_by(accuracy)),
            balanced_accuracy: notes.take("balanced_accuracy", called_by(balanced_accuracy)),
            eer: notes.take("eer", equal_error_rate(&fake, &is_fake)),
            dprime: notes.take("dprime", mean_auc.and_then(d_prime)),
            notes: Vec::new(),
            intervals: None,
        };
        report.notes = notes.into_lines();
        if let (Some(auc), Some(dprime)) = (report.mean_auc, report.dprime)
            && dprime.is_infinite()
        {
            report.notes.push(format!("dprime: {dprime}, as mean_auc is exactly {auc}"));
        }
        Ok(report)
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
}

/// Whether each clip is fake.
pub(super) fn labels(clips: &[Scored]) -> Result<Vec<bool>, MetricError> {
    let is_fake = clips.iter().enumerate().map(|(index, clip)| match clip.target {
        0 => Ok(false),
        1 => Ok(true),
        value => Err(MetricError::Target { index, value }),
    });
    is_fake.collect()
}

/// Remarks and the metrics they are about, in the order met: one cause makes many values absent.
#[derive(Default)]
pub(super) struct Notes(Vec<(String, Vec<&'static str>)>);

impl Notes {
    fn take(&mut self, metric: &'static str, value: Result<f64, MetricError>) -> Option<f64> {
        value.map_err(|error| self.add(metric, error.to_string())).ok()
    }

    pub(super) fn add(&mut self, metric: &'static str, reason: String) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, metrics)) => metrics.push(metric),
            None => self.0.push((reason, vec![metric])),
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        let lines = self.0.into_iter();
        lines.map(|(reason, metrics)| format!("{}: {reason}", metrics.join(", "))).collect()
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
        for value in [report.auc, report.mean_auc, report.ap, report.map, report.accuracy] {
            assert_eq!(value, Some(1.0));
        }
        assert_eq!((report.balanced_accuracy, report.eer), (Some(1.0), Some(0.0)));
        assert_eq!(report.dprime, Some(f64::INFINITY));
        assert_eq!(report.notes, ["dprime: inf, as mean_auc is exactly 1"]);
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["dprime"].is_null());
        assert_eq!(json["auc"], 1.0);
    }

    #[test]
    fn one_class_keeps_only_its_accuracy() {
        let report = BinaryReport::new(&clips(&[(1.0, 0.0, 0), (0.0, 1.0, 0)])).unwrap();
        assert_eq!(report.accuracy, Some(0.5));
        let absent = [report.auc, report.mean_auc, report.ap, report.map, report.eer];
        assert_eq!(absent, [None; 5]);
        assert_eq!((report.balanced_accuracy, report.dprime), (None, None));
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
        assert_eq!((report.auc, report.ap, report.eer), (Some(1.0), Some(1.0), Some(0.0)));
        assert_eq!((report.mean_auc, report.map, report.accuracy), (None, None, None));
        assert_eq!(
            report.notes,
            ["mean_auc, map, accuracy, balanced_accuracy, dprime: the score of clip 1 is NaN"]
        );
    }

    #[test]
    fn no_clips_and_wrong_labels() {
        let empty = BinaryReport::new(&[]).unwrap();
        assert_eq!((empty.n, empty.auc, empty.accuracy), (0, None, None));
        assert_eq!(empty.notes.len(), 1);
        let wrong = BinaryReport::new(&clips(&[(1.0, 0.0, 1), (1.0, 0.0, 2)]));
        assert_eq!(wrong, Err(MetricError::Target { index: 1, value: 2 }));
    }
}

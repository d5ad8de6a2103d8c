//! What a calibrated detector decided of labeled clips, and how good its probabilities are.

use avff_calibration::{Clips, OperatingPoint, Quality};
use avff_metrics::{MetricError, Scored};
use serde::{Deserialize, Serialize};

use super::{
    CalibrationId, Verdict,
    report::{Categories, ReportOptions},
};
use crate::{
    calibration::{
        Outcomes, log_odds,
        table::{counts_table, points_table, quality_rows},
        words::percent,
    },
    score::Logits,
    table::Text,
};

/// The level of the intervals of rates.
const LEVEL: f64 = 0.95;

/// What was decided of the labeled clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    /// The error rate of each class that the calibration promises for clips like its own.
    pub error: f64,
    /// The clips that the calibration was fitted to.
    pub fitted_on: String,
    /// How often each class got each decision.
    pub outcomes: Outcomes,
    /// The thresholds of the calibration, with the rates of these clips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<OperatingPoint>,
    /// How good probabilities and likelihood ratios are; `None` without clips of both classes.
    pub quality: Option<Quality>,
    /// The decisions for each value of the requested columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<DecisionsBy>,
}

/// The decisions of the clips of one category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionsBy {
    /// The column.
    pub column: String,
    /// The value.
    pub value: String,
    /// How often each class got each decision.
    pub outcomes: Outcomes,
}

impl Decisions {
    /// Counts the verdicts of labeled clips, which are in the order of the categories; `None` without any.
    pub(super) fn new(
        calibration: &CalibrationId,
        labeled: &[Scored],
        verdicts: &[Option<Verdict>],
        categories: &Categories,
        options: &ReportOptions,
    ) -> Result<Option<Self>, MetricError> {
        let is_fake = |clip: &Scored| clip.target == 1;
        let count = |rows: &mut dyn Iterator<Item = usize>| -> Outcomes {
            rows.filter_map(|at| Some((is_fake(&labeled[at]), verdicts[at]?.decision))).collect()
        };
        let outcomes = count(&mut (0..labeled.len()));
        if outcomes.real.clips() + outcomes.fake.clips() == 0 {
            return Ok(None);
        }
        let judged = labeled.iter().zip(verdicts).filter_map(|(clip, verdict)| {
            let score = log_odds(Logits { fake: clip.fake, real: clip.real }.probability_fake());
            let ratio = (*verdict)?.log10_ratio * std::f64::consts::LN_10;
            Some((score, ratio, is_fake(clip)))
        });
        let (mut scores, mut ratios, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for (score, ratio, label) in judged {
            scores.push(score);
            ratios.push(ratio);
            labels.push(label);
        }
        let both = outcomes.real.clips() > 0 && outcomes.fake.clips() > 0;
        let intervals = options.intervals.unwrap_or_default();
        let quality =
            both.then(|| Quality::of(&scores, &ratios, &labels, &intervals)).transpose()?;
        let points = if both { points(calibration, &scores, &labels)? } else { Vec::new() };
        let mut by = Vec::new();
        for (column, values, clips) in categories.columns() {
            for (index, value) in values.iter().enumerate() {
                let mut own = (0..labeled.len()).filter(|at| clips.get(*at) == Some(&index));
                let outcomes = count(&mut own);
                by.push(DecisionsBy { column: column.into(), value: value.clone(), outcomes });
            }
        }
        by.sort_by(|a, b| (&a.column, &a.value).cmp(&(&b.column, &b.value)));
        let (error, fitted_on) = (calibration.error, calibration.fitted_on.clone());
        Ok(Some(Self { error, fitted_on, outcomes, points, quality, by }))
    }

    /// Formats the decisions as tables.
    pub(super) fn table(&self) -> String {
        let title = format!(
            "decisions at an error rate of {} per class (calibrated on {})",
            percent(self.error),
            self.fitted_on
        );
        let mut rows = vec![("real".to_owned(), self.outcomes.real)];
        if self.by.is_empty() {
            rows.push(("fake".into(), self.outcomes.fake));
        }
        for DecisionsBy { column, value, outcomes } in &self.by {
            for (class, counts) in [("real", outcomes.real), ("fake", outcomes.fake)] {
                if counts.clips() > 0 && (class == "fake" || counts != self.outcomes.real) {
                    rows.push((format!("{class}: {column} {value}"), counts));
                }
            }
        }
        let mut text = format!("{title}\n{}", counts_table(&rows));
        let mut table = Text::plain();
        if let Some(quality) = &self.quality {
            quality_rows(quality, &mut |name, value| table.row([name.to_owned(), value]));
            text = format!("{text}\n\n{table}");
        }
        if !self.points.is_empty() {
            text = format!("{text}\n\n{}", points_table(&self.points));
        }
        text
    }
}

/// Applies the stored thresholds.
fn points(
    calibration: &CalibrationId,
    scores: &[f64],
    is_fake: &[bool],
) -> Result<Vec<OperatingPoint>, MetricError> {
    let clips = Clips::new(scores, is_fake)?;
    let on = |point: &OperatingPoint| point.on(&clips, LEVEL).ok();
    Ok(calibration.points.iter().filter_map(on).collect())
}

//! Metrics of a table of scores, of another detector or of an earlier run.

use std::path::{Path, PathBuf};

use avff_calibration::{Clips, Quality};
use avff_metrics::{BinaryReport, Metric, Scored};

use super::{
    EvaluateError, ReportOptions,
    report::{Categories, ColumnReport},
};
use crate::{
    calibration::{logit, table::quality_rows},
    input::{
        InputError,
        predictions::{Labeled, Scores},
    },
    table::{Text, interval_cell as cell},
};

/// A table with the columns `video_name`, `target` and `y_pred`, where a higher score means "more likely fake".
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignScores {
    path: PathBuf,
    /// The metrics of labeled clips. Those with a threshold use a probability of 0.5, or 0 for other scores.
    pub metrics: BinaryReport,
    /// How good the scores are as probabilities; `None` unless all are from 0 to 1 and clips of both classes are there.
    pub quality: Option<Quality>,
    /// Metrics by category, for the requested columns.
    pub by: Vec<ColumnReport>,
    /// Clips without a target.
    pub unlabeled: usize,
}

impl ForeignScores {
    /// Reads a table and computes its metrics.
    ///
    /// # Errors
    /// The table cannot be read, a score is not a finite number, or no clip has a target.
    pub fn read(path: &Path, options: &ReportOptions) -> Result<Self, EvaluateError> {
        let columns: Vec<&str> = options.by.iter().map(String::as_str).collect();
        let Labeled { mut scores, is_fake, cells, unlabeled } =
            Labeled::read(path, &columns, Scores::Finite)?;
        if scores.is_empty() && unlabeled == 0 {
            return Err(InputError::NoRows { path: path.into() }.into());
        }
        let are_probabilities = scores.iter().all(|score| (0.0..=1.0).contains(score));
        if are_probabilities {
            // Log odds keep apart what is close to 1.
            scores.iter_mut().for_each(|score| *score = logit(*score));
        }
        let mut categories =
            Categories::new(&options.by, &options.by, &path.display().to_string())?;
        let mut labeled = Vec::new();
        for ((score, is_fake), cells) in scores.iter().zip(&is_fake).zip(&cells) {
            let fake = *score as f32;
            labeled.push(Scored { fake, real: -fake, target: u8::from(*is_fake) });
            categories.add(|position| cells.get(position).map(String::as_str));
        }
        let metrics = options.metrics(&labeled)?;
        let both = metrics.n_fake > 0 && metrics.n_real > 0;
        let intervals = options.intervals.unwrap_or_default();
        let quality = (both && are_probabilities)
            .then(|| Quality::of(&scores, &without_prior(&scores, &is_fake)?, &is_fake, &intervals))
            .transpose()?;
        Ok(Self {
            path: path.into(),
            metrics,
            quality,
            by: categories.reports(&labeled, options)?,
            unlabeled,
        })
    }

    /// Formats the metrics as tables.
    #[must_use]
    pub fn table(&self) -> String {
        let (m, mut table) = (&self.metrics, Text::plain());
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row("scores", self.path.display().to_string());
        row("clips with target", format!("{} ({} fake, {} real)", m.n, m.n_fake, m.n_real));
        if self.unlabeled > 0 {
            row("clips without target", self.unlabeled.to_string());
        }
        for metric in Metric::score_based() {
            row(metric.title, cell(m.get(metric), m.interval(metric), 4));
        }
        match &self.quality {
            Some(quality) => quality_rows(quality, &mut row),
            None => row(
                "calibration",
                "not measured: it needs probabilities from 0 to 1, and both classes".into(),
            ),
        }
        for note in &m.notes {
            row("note", note.clone());
        }
        let mut text = table.to_string();
        for column in &self.by {
            text = format!("{text}\n\n{}", column.table(None));
        }
        text
    }
}

/// Takes the share of fakes out of log odds: probabilities are measured at this share.
fn without_prior(scores: &[f64], is_fake: &[bool]) -> Result<Vec<f64>, avff_metrics::MetricError> {
    let prior = Clips::new(scores, is_fake)?.prior_log_odds();
    Ok(scores.iter().map(|score| score - prior).collect())
}

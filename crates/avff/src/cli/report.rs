//! Options of a summary: breakdowns and confidence intervals.

use avff::{evaluate::ReportOptions, metrics::BootstrapOptions};

/// What a summary shows beside the metrics of all clips.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// Also show metrics for each value of this column; may be given several times. Fakes of a value are
    /// compared with all reals of the CSV, and reals of a value with all fakes
    #[arg(long, value_name = "COLUMN")]
    by: Vec<String>,

    /// Add confidence intervals: DeLong for AUC, bootstrap for AP, accuracies and EER [default level: 0.95]
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "0.95", value_parser = level)]
    intervals: Option<f64>,
}

impl ReportArgs {
    pub(super) fn options(&self) -> ReportOptions {
        let with = |level| BootstrapOptions { level, ..BootstrapOptions::default() };
        ReportOptions { by: self.by.clone(), intervals: self.intervals.map(with) }
    }
}

/// Parses the level of a confidence interval.
pub(super) fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("give a number between 0 and 1, such as 0.95".into()),
    }
}

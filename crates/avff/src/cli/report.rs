//! The options that say what a summary has beyond the metrics of all clips.

use avff::{evaluate::ReportOptions, metrics::BootstrapOptions};

/// What a summary says on request.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// Metrics for each value of this column as well; may be given several times. A value of fakes
    /// alone is compared with all reals of the CSV, one of reals alone with all fakes
    #[arg(long, value_name = "COLUMN")]
    by: Vec<String>,

    /// Confidence intervals of AUC (DeLong), AP, accuracies and EER (bootstrap) [default level: 0.95]
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "0.95", value_parser = level)]
    intervals: Option<f64>,
}

impl ReportArgs {
    pub(super) fn options(&self) -> ReportOptions {
        let with = |level| BootstrapOptions { level, ..BootstrapOptions::default() };
        ReportOptions { by: self.by.clone(), intervals: self.intervals.map(with) }
    }
}

/// The level of a confidence interval.
pub(super) fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("give a number between 0 and 1, such as 0.95".into()),
    }
}

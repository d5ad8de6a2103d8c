//! Curves of a run, as SVG and PNG.
//!
//! The names of values determine the charts. `loss` has its own chart, and so have its components
//! (`loss.audio`, `L_a`), learning rates (`lr`, `lr.head`), and metrics between 0 and 1 (`map`,
//! `accuracy`, `eer` …). Any other quantity has a chart with its own components. Training and
//! validation share a chart. An axis is logarithmic if its values are positive and span more than
//! two decades; learning rates of 0, as at the start of a warm-up, do not prevent that. A non-finite value gives a gap in the line and a red cross at the bottom.

mod charts;

use std::path::Path;

pub use avff_plots::Chart;

use super::{error::RunError, history::History};

/// Draws the charts of the run with the name `run`, each as `NAME.svg` and `NAME.png`.
///
/// # Errors
/// [`RunError::Plot`].
pub fn draw(folder: &Path, run: &str, history: &History) -> Result<(), RunError> {
    for chart in charts::charts(run, history) {
        for ending in ["svg", "png"] {
            chart
                .save(&folder.join(format!("{}.{ending}", chart.file_stem)))
                .map_err(|source| RunError::Plot { chart: chart.file_stem.clone(), source })?;
        }
    }
    Ok(())
}

/// Draws one quantity, such as `loss` or `map`, of several named runs in one chart.
#[must_use]
pub fn overlay(runs: &[(&str, &History)], quantity: &str) -> Chart {
    charts::overlay(runs, quantity)
}

#[cfg(test)]
mod tests;

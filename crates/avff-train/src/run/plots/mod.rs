//! Curves of a run, as SVG and PNG.
//!
//! Names of values say what is drawn together: `loss` alone, its parts (`loss.audio`, `L_a`) together,
//! learning rates (`lr`, `lr.head`) together, metrics that are shares (`map`, `accuracy`, `eer` …) together
//! on an axis from 0 to 1, any other quantity alone with its own parts. Training and validation share a chart.
//! An axis is logarithmic where numbers are positive and span more than two decades. Where a value is not
//! finite, lines have a gap and a red cross stands at the bottom.

mod charts;

use std::path::Path;

pub use avff_plots::Chart;

use super::{error::RunError, history::History};

/// Draws a run's charts anew, each into `NAME.svg` and `NAME.png`.
///
/// # Errors
/// [`RunError::Plot`].
pub fn draw(folder: &Path, history: &History) -> Result<(), RunError> {
    for chart in charts::charts(history) {
        for ending in ["svg", "png"] {
            chart
                .save(&folder.join(format!("{}.{ending}", chart.file)))
                .map_err(|source| RunError::Plot { chart: chart.file.clone(), source })?;
        }
    }
    Ok(())
}

/// One quantity, such as `loss` or `map`, of several named runs in one chart.
#[must_use]
pub fn overlay(runs: &[(&str, &History)], quantity: &str) -> Chart {
    charts::overlay(runs, quantity)
}

#[cfg(test)]
mod tests;

//! Curves of a run, as SVG and PNG.
//!
//! Names of values say what is drawn together: `loss` alone, its parts (`loss.audio`, `L_a`) together,
//! learning rates (`lr`, `lr.head`) together, shares and rates (`mAP`, `accuracy`, `EER` …) together on an
//! axis from 0 to 1, any other quantity alone with its own parts. Training and validation share a chart.
//! An axis is logarithmic where numbers are positive and span more than two decades. Where a value is not
//! finite, lines have a gap and a red cross stands at the bottom.

mod axis;
mod canvas;
mod chart;
mod charts;
mod shapes;

use std::path::Path;

pub use self::chart::Chart;
use super::{atomic::replace_with, error::RunError, history::History};

/// Draws a run's charts anew, each into `NAME.svg` and `NAME.png`.
///
/// # Errors
/// [`RunError::Write`] and [`RunError::Plot`].
pub fn draw(folder: &Path, history: &History) -> Result<(), RunError> {
    for chart in charts::charts(history) {
        chart.save(&folder.join(format!("{}.svg", chart.file)))?;
        chart.save(&folder.join(format!("{}.png", chart.file)))?;
    }
    Ok(())
}

/// One quantity, such as `loss` or `mAP`, of several named runs in one chart.
#[must_use]
pub fn overlay(runs: &[(&str, &History)], quantity: &str) -> Chart {
    charts::overlay(runs, quantity)
}

impl Chart {
    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Writes it as PNG if the name ends so, as SVG otherwise.
    ///
    /// # Errors
    /// [`RunError::Write`] and [`RunError::Plot`].
    pub fn save(&self, path: &Path) -> Result<(), RunError> {
        let png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        let contents = if png { canvas::png(self)? } else { canvas::svg(self)?.into_bytes() };
        replace_with(path, &contents)
    }
}

#[cfg(test)]
mod tests;

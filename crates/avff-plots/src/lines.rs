//! Lines of a chart.

use crate::color::{Color, LINES};

/// Number of distinct line colors.
pub const MAX_LINES: usize = LINES.len();

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// A measured quantity.
    Solid,
    /// A quantity for comparison.
    Dashed,
    /// A noisy quantity.
    Faint,
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The label in the legend.
    pub label: String,
    /// Index into the line colors.
    pub color: usize,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Whether to draw a dot at each point.
    pub dots: bool,
    /// Steps and values. The line has a gap where a value is not finite.
    pub points: Vec<(f64, f64)>,
    /// Bands of a line that is too long to show each value: first step, last step, minimum,
    /// maximum.
    pub band: Vec<[f64; 4]>,
}

impl Line {
    /// Creates a line without dots and bands.
    #[must_use]
    pub fn new(label: String, color: usize, stroke: Stroke, points: Vec<(f64, f64)>) -> Self {
        Self { label, color, stroke, dots: false, points, band: Vec::new() }
    }

    pub(crate) fn rgb(&self) -> Color {
        LINES[self.color % LINES.len()]
    }
}

//! What is in a chart: lines over steps.

use crate::colour::{Colour, LINES};

/// Lines that a chart has colours for.
pub const MOST_LINES: usize = LINES.len();

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// What is measured.
    Solid,
    /// What it is compared with.
    Dashed,
    /// What is noisy.
    Faint,
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What the legend says.
    pub label: String,
    /// Which of the colours.
    pub colour: usize,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Whether each point has a dot.
    pub dots: bool,
    /// Steps and values; the line has a gap where a value is not finite.
    pub points: Vec<(f64, f64)>,
    /// First and last step, least and greatest value of stretches of a line that is too long to show
    /// each value.
    pub band: Vec<[f64; 4]>,
}

impl Line {
    /// A line without dots and band.
    #[must_use]
    pub fn new(label: String, colour: usize, stroke: Stroke, points: Vec<(f64, f64)>) -> Self {
        Self { label, colour, stroke, dots: false, points, band: Vec::new() }
    }

    pub(crate) fn rgb(&self) -> Colour {
        LINES[self.colour % LINES.len()]
    }
}

//! What is in a chart: lines over steps.

use super::axis::{Axis, Scale};

/// Colours that people who see fewer colours can tell apart as well: those of Okabe and Ito, "Color
/// Universal Design" (2008), without yellow, which is lost on white, and some darker ones.
const COLOURS: [[u8; 3]; 10] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [90, 90, 90],
    [136, 34, 85],
    [140, 130, 0],
    [110, 70, 40],
];

/// Lines that a chart has colours for.
pub(super) const MOST_LINES: usize = COLOURS.len();

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    /// What is measured.
    Solid,
    /// What it is compared with.
    Dashed,
    /// What is noisy.
    Faint,
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// What the legend says.
    pub(super) label: String,
    /// Which of the colours.
    pub(super) colour: usize,
    /// How it is drawn.
    pub(super) stroke: Stroke,
    /// Whether each point has a dot.
    pub(super) dots: bool,
    /// Steps and values; the line has a gap where a value is not finite.
    pub(super) points: Vec<(f64, f64)>,
    /// First and last step, least and greatest value of stretches of a line that is too long to show each
    /// value.
    pub(super) band: Vec<[f64; 4]>,
}

impl Line {
    pub(super) fn new(
        label: String,
        colour: usize,
        stroke: Stroke,
        points: Vec<(f64, f64)>,
    ) -> Self {
        Self { label, colour, stroke, dots: false, points, band: Vec::new() }
    }

    /// Training is what validation is compared with.
    pub(super) fn of_epochs(
        label: String,
        colour: usize,
        part: Option<&str>,
        points: Vec<(f64, f64)>,
    ) -> Self {
        let stroke = if part == Some("train") { Stroke::Dashed } else { Stroke::Solid };
        Self { dots: true, ..Self::new(label, colour, stroke, points) }
    }

    pub(super) fn rgb(&self) -> [u8; 3] {
        COLOURS[self.colour % COLOURS.len()]
    }
}

/// A chart, before it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Its file, without the ending.
    pub(super) file: String,
    /// Above it.
    pub(super) title: String,
    /// Along the vertical axis, with the unit where there is one.
    pub(super) quantity: String,
    /// How numbers are spread.
    pub(super) scale: Scale,
    /// Later ones are drawn over earlier ones.
    pub(super) lines: Vec<Line>,
    /// Steps at which epochs ended.
    pub(super) epochs: Vec<f64>,
}

impl Chart {
    pub(super) fn x(&self, ticks: usize) -> Axis {
        let steps = self.lines.iter().flat_map(|line| &line.points).map(|point| point.0);
        let bands = self.lines.iter().flat_map(|line| &line.band).map(|[_, last, ..]| *last);
        Axis::counts(
            steps.chain(bands).chain(self.epochs.iter().copied()).fold(0.0, f64::max),
            ticks,
        )
    }

    pub(super) fn y(&self, ticks: usize) -> Axis {
        let values = self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let bands = self.lines.iter().flat_map(|line| &line.band);
        let values = values.chain(bands.flat_map(|[.., least, greatest]| [*least, *greatest]));
        Axis::new(values.filter(|value| value.is_finite()), self.scale, ticks)
    }

    /// Steps at which some value is not finite.
    pub(super) fn broken(&self) -> impl Iterator<Item = f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.filter(|(_, value)| !value.is_finite()).map(|(step, _)| *step)
    }
}

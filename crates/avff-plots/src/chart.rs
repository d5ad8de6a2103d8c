//! Line charts over training steps or over any quantity, with title, legend and axes.

use std::path::Path;

use plotters::backend::DrawingBackend;

use crate::{
    axis::{Axis, Scale},
    canvas::{Align, Canvas, Direction, Point},
    color::{Color, WHITE, pale},
    error::PlotError,
    lines::{Line, Stroke},
    output::{png, smooth_bitmap, svg},
    text::{self, shortened},
};

/// Page size in units.
const SIZE: [u32; 2] = [900, 560];
/// Edges of the plot area. Its top lies below the legend.
const LEFT: f64 = 92.0;
const RIGHT: f64 = 872.0;
const BOTTOM: f64 = 496.0;
const TITLE: f64 = 24.0;
const TEXT: f64 = 17.0;
/// Height of a legend row.
const ROW: f64 = 22.0;
/// Length of a line sample in the legend, and the offset from its start to the label.
const SAMPLE: f64 = 28.0;
const LABEL_OFFSET: f64 = 36.0;
/// Maximum number of epochs with vertical markers.
const MAX_EPOCHS: usize = 60;
/// Maximum number of points in a line with dots.
const MAX_DOTS: usize = 80;

/// Text in place of the axes of a chart without finite values.
const NO_VALUES: &str = "no finite values so far";

const INK: Color = [30, 30, 30];
const GRAY: Color = [110, 110, 110];
const GRID: Color = [226, 226, 226];
const EPOCH: Color = [218, 225, 236];
const NON_FINITE: Color = [200, 0, 0];

/// A line chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// File name without extension.
    pub file_stem: String,
    /// Title above the chart.
    pub title: String,
    /// Label of the vertical axis, with the unit if there is one.
    pub quantity: String,
    /// Scale of the vertical axis.
    pub scale: Scale,
    /// The lines. Later lines are drawn over earlier ones.
    pub lines: Vec<Line>,
    /// Steps at which epochs end.
    pub epochs: Vec<f64>,
    /// The horizontal axis.
    pub across: Across,
}

/// The horizontal axis of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Across {
    /// Training steps from 0.
    #[default]
    Steps,
    /// Another quantity.
    Quantity {
        /// Its name, with the unit if there is one.
        label: String,
        /// Its axis.
        axis: Axis,
        /// The vertical axis; `None` for one that fits the values.
        up: Option<Axis>,
    },
}

impl Chart {
    /// Returns whether the chart has no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Renders the chart as SVG.
    ///
    /// # Errors
    /// [`PlotError::Font`] and [`PlotError::Draw`].
    pub fn svg(&self) -> Result<String, PlotError> {
        svg(SIZE, |canvas| self.draw(canvas))
    }

    /// Writes the chart as PNG if the extension is `png`, otherwise as SVG.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        let is_png =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        let contents = if is_png {
            png(&smooth_bitmap(SIZE, |canvas| self.draw(canvas))?)?
        } else {
            self.svg()?.into_bytes()
        };
        avff_files::write(path, contents)
            .map_err(|source| PlotError::Write { path: path.into(), source })
    }

    /// Iterates over the steps at which a value is not finite.
    pub fn non_finite_steps(&self) -> impl Iterator<Item = f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.filter(|(_, value)| !value.is_finite()).map(|(step, _)| *step)
    }

    fn x(&self, ticks: usize) -> Axis {
        if let Across::Quantity { axis, .. } = &self.across {
            return axis.clone();
        }
        let steps = self.lines.iter().flat_map(|line| &line.points).map(|point| point.0);
        let bands = self.lines.iter().flat_map(|line| &line.band).map(|[_, last, ..]| *last);
        let all = steps.chain(bands).chain(self.epochs.iter().copied());
        Axis::counts(all.fold(0.0, f64::max), ticks)
    }

    fn y(&self, ticks: usize) -> Axis {
        if let Across::Quantity { up: Some(axis), .. } = &self.across {
            return axis.clone();
        }
        Axis::new(self.finite_values(), self.scale, ticks)
    }

    fn finite_values(&self) -> impl Iterator<Item = f64> {
        let values = self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let bands = self.lines.iter().flat_map(|line| &line.band);
        let values = values.chain(bands.flat_map(|[.., min, max]| [*min, *max]));
        values.filter(|value| value.is_finite())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let middle = at((LEFT + RIGHT) / 2.0, 24.0);
        canvas.text(
            &shortened(&self.title, 90),
            middle,
            TITLE,
            INK,
            Align::Center,
            Direction::Right,
        );
        let top = self.legend(canvas) + 12.0;
        if self.finite_values().next().is_none() {
            let middle = at((LEFT + RIGHT) / 2.0, (top + BOTTOM) / 2.0);
            canvas.text(NO_VALUES, middle, TEXT, GRAY, Align::Center, Direction::Right);
            return;
        }
        let plot = Plot { top, x: self.x(8), y: self.y(7) };
        self.frame(canvas, &plot);
        for line in &self.lines {
            plot.line(canvas, line);
        }
        let mut crosses: Vec<f64> = self.non_finite_steps().map(|step| plot.x_of(step)).collect();
        crosses.sort_unstable_by(f64::total_cmp);
        // One cross stands for several that would overlap.
        crosses.dedup_by(|next, previous| *next - *previous < 9.0);
        for x in crosses {
            cross(canvas, at(x, BOTTOM - 7.0));
        }
    }

    fn frame<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, plot: &Plot) {
        let top = plot.top;
        for (position, name) in &plot.y.ticks {
            let y = BOTTOM - (position * (BOTTOM - top)).round();
            canvas.path(&[at(LEFT, y), at(RIGHT, y)], GRID, 1.0);
            canvas.text(name, at(LEFT - 8.0, y), TEXT - 2.0, GRAY, Align::Right, Direction::Right);
        }
        for (position, name) in &plot.x.ticks {
            let x = LEFT + (position * (RIGHT - LEFT)).round();
            canvas.path(&[at(x, BOTTOM), at(x, BOTTOM + 5.0)], GRAY, 1.0);
            canvas.text(
                name,
                at(x, BOTTOM + 18.0),
                TEXT - 2.0,
                GRAY,
                Align::Center,
                Direction::Right,
            );
        }
        let marked = !self.epochs.is_empty() && self.epochs.len() <= MAX_EPOCHS;
        for &step in self.epochs.iter().filter(|_| marked) {
            let x = plot.x_of(step);
            canvas.path(&[at(x, top), at(x, BOTTOM)], EPOCH, 1.0);
        }
        canvas.path(&[at(LEFT, top), at(LEFT, BOTTOM)], GRAY, 1.0);
        canvas.path(&[at(LEFT, BOTTOM), at(RIGHT, BOTTOM)], GRAY, 1.0);
        let steps = match &self.across {
            Across::Quantity { label, .. } => label,
            Across::Steps if marked => "step (vertical lines: ends of epochs)",
            Across::Steps => "step",
        };
        let x_label_at = at((LEFT + RIGHT) / 2.0, BOTTOM + 44.0);
        canvas.text(steps, x_label_at, TEXT, INK, Align::Center, Direction::Right);
        let y_label_at = at(20.0, (top + BOTTOM) / 2.0);
        canvas.text(
            &shortened(&self.quantity, 60),
            y_label_at,
            TEXT,
            INK,
            Align::Center,
            Direction::Up,
        );
    }

    /// Draws the legend and returns its lower edge.
    fn legend<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> f64 {
        let (mut x, mut y) = (LEFT, 56.0);
        let has_non_finite = self.non_finite_steps().next().is_some();
        let lines = self.lines.iter().map(Some).chain(has_non_finite.then_some(None));
        for (index, line) in lines.enumerate() {
            let label = shortened(line.map_or("not finite", |line| &line.label), 48);
            let label_width = text::width(&label, TEXT);
            if index > 0 && x + LABEL_OFFSET + label_width > RIGHT {
                (x, y) = (LEFT, y + ROW);
            }
            match line {
                Some(line) => {
                    stroke(canvas, &[at(x, y), at(x + SAMPLE, y)], line);
                    if !line.band.is_empty() {
                        canvas.fill(at(x, y - 5.0), at(SAMPLE, 10.0), pale(line.rgb(), 4));
                    }
                    if line.dots {
                        dot(canvas, at(x + SAMPLE / 2.0, y), line);
                    }
                }
                None => cross(canvas, at(x + SAMPLE / 2.0, y)),
            }
            canvas.text(&label, at(x + LABEL_OFFSET, y), TEXT, INK, Align::Left, Direction::Right);
            x += LABEL_OFFSET + label_width + 24.0;
        }
        y + ROW / 2.0
    }
}

/// The plot area with its axes.
struct Plot {
    top: f64,
    x: Axis,
    y: Axis,
}

impl Plot {
    /// Returns the horizontal page coordinate of a step.
    fn x_of(&self, step: f64) -> f64 {
        LEFT + self.x.position(step) * (RIGHT - LEFT)
    }

    /// Returns the vertical page coordinate of a value.
    fn y_of(&self, value: f64) -> f64 {
        BOTTOM - self.y.position(value) * (BOTTOM - self.top)
    }

    fn line<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, line: &Line) {
        for &[first, last, min, max] in &line.band {
            // At least as wide and high as a line, without a seam to the next band.
            let (left, top) = (self.x_of(first), self.y_of(max));
            let width = (self.x_of(last) - left).max(1.0);
            let height = (self.y_of(min) - top).max(1.0);
            canvas.fill(at(left, top), at(width, height), pale(line.rgb(), 4));
        }
        let dots = line.dots && line.points.len() <= MAX_DOTS;
        for segment in line.points.split(|(_, value)| !value.is_finite()) {
            let to_point = |&(step, value): &(f64, f64)| at(self.x_of(step), self.y_of(value));
            let path: Vec<Point> = segment.iter().map(to_point).collect();
            stroke(canvas, &path, line);
            // A single point has no line, so it needs a dot.
            if dots || path.len() == 1 {
                path.iter().for_each(|&at| dot(canvas, at, line));
            }
        }
    }
}

fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

fn stroke<B: DrawingBackend>(canvas: &mut Canvas<B>, path: &[Point], line: &Line) {
    match line.stroke {
        Stroke::Solid => canvas.path(path, line.rgb(), 2.25),
        Stroke::Faint => canvas.path(path, pale(line.rgb(), 2), 1.0),
        Stroke::Dashed => canvas.dashed(path, line.rgb(), 1.75),
    }
}

fn dot<B: DrawingBackend>(canvas: &mut Canvas<B>, at: Point, line: &Line) {
    let color = line.rgb();
    let (radius, outer, inner) = match line.stroke {
        Stroke::Solid => (4.0, color, color),
        Stroke::Dashed => (4.0, color, WHITE),
        Stroke::Faint => (3.0, pale(color, 2), pale(color, 2)),
    };
    canvas.disc(at, radius, outer);
    canvas.disc(at, radius - 1.75, inner);
}

fn cross<B: DrawingBackend>(canvas: &mut Canvas<B>, Point { x, y }: Point) {
    let arm = 4.0;
    canvas.path(&[at(x - arm, y - arm), at(x + arm, y + arm)], NON_FINITE, 1.75);
    canvas.path(&[at(x - arm, y + arm), at(x + arm, y - arm)], NON_FINITE, 1.75);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn chart_without_finite_values_has_no_axes() {
        let chart = |value| Chart {
            file_stem: "dprime".into(),
            title: "run: d-prime".into(),
            quantity: "d-prime".into(),
            scale: Scale::Auto,
            lines: vec![Line::new("val".into(), 1, Stroke::Solid, vec![(5.0, value)])],
            epochs: vec![5.0],
            across: Across::Steps,
        };
        let empty = chart(f64::INFINITY).svg().unwrap();
        assert!(empty.contains(NO_VALUES) && !empty.contains("step"), "{empty}");
        let drawn = chart(1.0).svg().unwrap();
        assert!(!drawn.contains(NO_VALUES) && drawn.contains("step (vertical lines"), "{drawn}");
    }
}

//! A chart: lines over steps, under a title and a legend, between two axes.

use std::path::Path;

use plotters::backend::DrawingBackend;

use crate::{
    axis::{Axis, Scale},
    canvas::{Align, Canvas, Place, Runs},
    colour::{Colour, WHITE, pale},
    error::PlotError,
    lines::{Line, Stroke},
    output::{png, smooth_picture, svg},
    text::{shortened, width},
};

/// The page.
const SIZE: [u32; 2] = [900, 560];
/// The plot's edges on the page. Its top lies below the legend.
const LEFT: f64 = 92.0;
const RIGHT: f64 = 872.0;
const BOTTOM: f64 = 496.0;
const TITLE: f64 = 24.0;
const TEXT: f64 = 17.0;
/// Height of a row of the legend.
const ROW: f64 = 22.0;
/// The length of a line's sample in the legend, and from there to its name.
const SAMPLE: f64 = 28.0;
const TO_NAME: f64 = 36.0;
/// Ends of epochs are marked up to so many.
const MOST_EPOCHS: usize = 60;
/// Points of a line have dots up to so many.
const MOST_DOTS: usize = 80;

const INK: Colour = [30, 30, 30];
const GREY: Colour = [110, 110, 110];
const GRID: Colour = [226, 226, 226];
const EPOCH: Colour = [218, 225, 236];
const BROKEN: Colour = [200, 0, 0];

/// A chart, before it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The name of its file, without the ending.
    pub file: String,
    /// Above it.
    pub title: String,
    /// Along the vertical axis, with the unit where there is one.
    pub quantity: String,
    /// How numbers are spread.
    pub scale: Scale,
    /// Later ones are drawn over earlier ones.
    pub lines: Vec<Line>,
    /// Steps at which epochs ended.
    pub epochs: Vec<f64>,
}

impl Chart {
    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// As SVG.
    ///
    /// # Errors
    /// [`PlotError::Font`] and [`PlotError::Draw`].
    pub fn svg(&self) -> Result<String, PlotError> {
        svg(SIZE, |canvas| self.draw(canvas))
    }

    /// Writes it as PNG if the name ends so, as SVG otherwise.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        let contents = if is_png {
            png(&smooth_picture(SIZE, |canvas| self.draw(canvas))?)?
        } else {
            self.svg()?.into_bytes()
        };
        avff_files::write(path, contents)
            .map_err(|source| PlotError::Write { path: path.into(), source })
    }

    /// Steps at which some value is not finite.
    pub fn broken(&self) -> impl Iterator<Item = f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.filter(|(_, value)| !value.is_finite()).map(|(step, _)| *step)
    }

    fn x(&self, ticks: usize) -> Axis {
        let steps = self.lines.iter().flat_map(|line| &line.points).map(|point| point.0);
        let bands = self.lines.iter().flat_map(|line| &line.band).map(|[_, last, ..]| *last);
        let all = steps.chain(bands).chain(self.epochs.iter().copied());
        Axis::counts(all.fold(0.0, f64::max), ticks)
    }

    fn y(&self, ticks: usize) -> Axis {
        let values = self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let bands = self.lines.iter().flat_map(|line| &line.band);
        let values = values.chain(bands.flat_map(|[.., least, greatest]| [*least, *greatest]));
        Axis::new(values.filter(|value| value.is_finite()), self.scale, ticks)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let middle = at((LEFT + RIGHT) / 2.0, 24.0);
        canvas.text(&shortened(&self.title, 90), middle, TITLE, INK, Align::Centre, Runs::Right);
        let top = self.legend(canvas) + 12.0;
        let plot = Plot { top, x: self.x(8), y: self.y(7) };
        self.frame(canvas, &plot);
        for line in &self.lines {
            plot.line(canvas, line);
        }
        let mut crosses: Vec<f64> = self.broken().map(|step| plot.along(step)).collect();
        crosses.sort_unstable_by(f64::total_cmp);
        // One for many that would lie on each other.
        crosses.dedup_by(|next, kept| *next - *kept < 9.0);
        for along in crosses {
            cross(canvas, at(along, BOTTOM - 7.0));
        }
    }

    fn frame<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, plot: &Plot) {
        let top = plot.top;
        for (place, name) in &plot.y.ticks {
            let y = BOTTOM - (place * (BOTTOM - top)).round();
            canvas.path(&[at(LEFT, y), at(RIGHT, y)], GRID, 1.0);
            canvas.text(name, at(LEFT - 8.0, y), TEXT - 2.0, GREY, Align::Right, Runs::Right);
        }
        for (place, name) in &plot.x.ticks {
            let x = LEFT + (place * (RIGHT - LEFT)).round();
            canvas.path(&[at(x, BOTTOM), at(x, BOTTOM + 5.0)], GREY, 1.0);
            canvas.text(name, at(x, BOTTOM + 18.0), TEXT - 2.0, GREY, Align::Centre, Runs::Right);
        }
        let marked = !self.epochs.is_empty() && self.epochs.len() <= MOST_EPOCHS;
        for &step in self.epochs.iter().filter(|_| marked) {
            let x = plot.along(step);
            canvas.path(&[at(x, top), at(x, BOTTOM)], EPOCH, 1.0);
        }
        canvas.path(&[at(LEFT, top), at(LEFT, BOTTOM)], GREY, 1.0);
        canvas.path(&[at(LEFT, BOTTOM), at(RIGHT, BOTTOM)], GREY, 1.0);
        let steps = if marked { "step (vertical lines: ends of epochs)" } else { "step" };
        let below = at((LEFT + RIGHT) / 2.0, BOTTOM + 44.0);
        canvas.text(steps, below, TEXT, INK, Align::Centre, Runs::Right);
        let beside = at(20.0, (top + BOTTOM) / 2.0);
        canvas.text(&shortened(&self.quantity, 60), beside, TEXT, INK, Align::Centre, Runs::Up);
    }

    /// Rows of samples with their names; where they end.
    fn legend<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> f64 {
        let (mut x, mut y) = (LEFT, 56.0);
        let broken = self.broken().next().is_some();
        let lines = self.lines.iter().map(Some).chain(broken.then_some(None));
        for (place, line) in lines.enumerate() {
            let label = shortened(line.map_or("not finite", |line| &line.label), 48);
            let wide = width(&label, TEXT);
            if place > 0 && x + TO_NAME + wide > RIGHT {
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
            canvas.text(&label, at(x + TO_NAME, y), TEXT, INK, Align::Left, Runs::Right);
            x += TO_NAME + wide + 24.0;
        }
        y + ROW / 2.0
    }
}

/// Where lines are drawn.
struct Plot {
    top: f64,
    x: Axis,
    y: Axis,
}

impl Plot {
    /// Where a step is.
    fn along(&self, step: f64) -> f64 {
        LEFT + self.x.place(step) * (RIGHT - LEFT)
    }

    /// Where a value is.
    fn up(&self, value: f64) -> f64 {
        BOTTOM - self.y.place(value) * (BOTTOM - self.top)
    }

    fn line<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, line: &Line) {
        for &[first, last, least, greatest] in &line.band {
            // At least a line's width, and no seam to the next stretch.
            let (left, top) = (self.along(first), self.up(greatest));
            let wide = (self.along(last) - left).max(1.0);
            let high = (self.up(least) - top).max(1.0);
            canvas.fill(at(left, top), at(wide, high), pale(line.rgb(), 4));
        }
        let dots = line.dots && line.points.len() <= MOST_DOTS;
        for piece in line.points.split(|(_, value)| !value.is_finite()) {
            let place = |&(step, value): &(f64, f64)| at(self.along(step), self.up(value));
            let path: Vec<Place> = piece.iter().map(place).collect();
            stroke(canvas, &path, line);
            // A point alone has no line.
            if dots || path.len() == 1 {
                path.iter().for_each(|&at| dot(canvas, at, line));
            }
        }
    }
}

fn at(x: f64, y: f64) -> Place {
    Place { x, y }
}

fn stroke<B: DrawingBackend>(canvas: &mut Canvas<B>, path: &[Place], line: &Line) {
    match line.stroke {
        Stroke::Solid => canvas.path(path, line.rgb(), 2.25),
        Stroke::Faint => canvas.path(path, pale(line.rgb(), 2), 1.0),
        Stroke::Dashed => canvas.dashed(path, line.rgb(), 1.75),
    }
}

fn dot<B: DrawingBackend>(canvas: &mut Canvas<B>, at: Place, line: &Line) {
    let colour = line.rgb();
    let (radius, outer, inner) = match line.stroke {
        Stroke::Solid => (4.0, colour, colour),
        Stroke::Dashed => (4.0, colour, WHITE),
        Stroke::Faint => (3.0, pale(colour, 2), pale(colour, 2)),
    };
    canvas.disc(at, radius, outer);
    canvas.disc(at, radius - 1.75, inner);
}

fn cross<B: DrawingBackend>(canvas: &mut Canvas<B>, Place { x, y }: Place) {
    let arm = 4.0;
    canvas.path(&[at(x - arm, y - arm), at(x + arm, y + arm)], BROKEN, 1.75);
    canvas.path(&[at(x - arm, y + arm), at(x + arm, y - arm)], BROKEN, 1.75);
}

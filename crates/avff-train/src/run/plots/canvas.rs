//! A chart to SVG or PNG, through `plotters`.
//!
//! `plotters` knows whole pixels alone, so a chart is drawn four times as large: an SVG is shown at a
//! quarter, and each pixel of a PNG is the mean of four, which makes its lines smooth. Ticks are placed
//! by [`Axis`], since those of `plotters` can hang on ranges that a diverging loss has.

use std::{io::Cursor, sync::OnceLock};

use image::{ImageFormat, RgbImage};
use plotters::{
    backend::{BitMapBackend, DrawingBackend, SVGBackend},
    coord::Shift,
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea},
    element::{Circle, PathElement, Rectangle},
    style::{
        Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle,
        register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    super::error::RunError,
    axis::Axis,
    chart::{Chart, Line, Stroke},
    shapes::{dashes, shortened},
};

/// Drawn units in a unit of the page.
const FINE: i32 = 4;
/// Drawn units in a side of a PNG's pixel.
const PIXEL: u32 = 2;
/// The page.
const SIZE: (i32, i32) = (900, 560);
/// The plot's edges on the page: left, right, bottom. Its top lies below the legend.
const EDGES: (i32, i32, i32) = (92, 872, 496);
const TITLE: i32 = 24;
const TEXT: i32 = 17;
/// Height of a row of the legend.
const ROW: i32 = 22;
/// Ends of epochs are marked up to so many.
const MOST_EPOCHS: usize = 60;
/// Points of a line have dots up to so many.
const MOST_DOTS: usize = 80;

const BLACK: RGBColor = RGBColor(30, 30, 30);
const GREY: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(226, 226, 226);
const EPOCH: RGBColor = RGBColor(218, 225, 236);
const BROKEN: RGBColor = RGBColor(200, 0, 0);
const WHITE: RGBColor = RGBColor(255, 255, 255);
/// SVGs are shown in the reader's own font of this kind.
const FONT: &str = "sans-serif";

/// As SVG.
pub(super) fn svg(chart: &Chart) -> Result<String, RunError> {
    let mut text = String::new();
    let size = ((SIZE.0 * FINE) as u32, (SIZE.1 * FINE) as u32);
    let backend = SVGBackend::with_string(&mut text, size);
    Canvas::draw(&backend.into_drawing_area(), chart, false)?;
    // The view box stays, so the drawing is scaled.
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(text.replacen(&drawn, &format!("width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1), 1))
}

/// As PNG.
pub(super) fn png(chart: &Chart) -> Result<Vec<u8>, RunError> {
    let failed = |reason: String| RunError::Plot { chart: chart.file.clone(), reason };
    let (width, height) = ((SIZE.0 * FINE) as u32, (SIZE.1 * FINE) as u32);
    let mut fine = vec![0; (width * height * 3) as usize];
    let backend = BitMapBackend::with_buffer(&mut fine, (width, height));
    Canvas::draw(&backend.into_drawing_area(), chart, true)?;
    let fine = RgbImage::from_raw(width, height, fine);
    let fine = fine.ok_or_else(|| failed("the picture has another size".into()))?;
    let mut picture = Cursor::new(Vec::new());
    shrink(&fine)
        .write_to(&mut picture, ImageFormat::Png)
        .map_err(|error| failed(error.to_string()))?;
    Ok(picture.into_inner())
}

/// The mean of each square.
fn shrink(fine: &RgbImage) -> RgbImage {
    let squares = PIXEL * PIXEL;
    RgbImage::from_fn(fine.width() / PIXEL, fine.height() / PIXEL, |x, y| {
        let mut sums = [squares / 2; 3];
        for (dx, dy) in (0..squares).map(|i| (i % PIXEL, i / PIXEL)) {
            let pixel = fine.get_pixel(x * PIXEL + dx, y * PIXEL + dy).0;
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(value));
        }
        image::Rgb(sums.map(|sum| (sum / squares) as u8))
    })
}

/// Whether the font is there.
fn font() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        let bytes = include_bytes!("font/Roboto-Regular.subset.ttf");
        register_font(FONT, FontStyle::Normal, bytes).is_ok()
    })
}

struct Canvas<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
    top: i32,
    /// Whether it becomes a bitmap, where corners and text need help.
    pixels: bool,
}

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    fn draw(area: &'a DrawingArea<B, Shift>, chart: &Chart, pixels: bool) -> Result<(), RunError> {
        let failed = |reason: String| RunError::Plot { chart: chart.file.clone(), reason };
        if !font() {
            return Err(failed("the font cannot be read".into()));
        }
        let mut canvas = Self { area, top: 0, pixels };
        canvas.chart(chart).map_err(|error| failed(error.to_string()))
    }

    fn chart(&mut self, chart: &Chart) -> Drawn<B> {
        self.area.fill(&WHITE)?;
        let centre = (EDGES.0 + EDGES.1) / 2;
        self.text(&chart.title, (centre, 24), TITLE, BLACK, HPos::Center, FontTransform::None)?;
        self.top = self.legend(chart)? + 12;
        let (x, y) = (chart.x(8), chart.y(7));
        self.frame(chart, &x, &y)?;
        for line in &chart.lines {
            self.line(line, &x, &y)?;
        }
        let mut crosses: Vec<i32> = chart.broken().map(|step| self.along(&x, step)).collect();
        crosses.sort_unstable();
        // One for many that would lie on each other.
        crosses.dedup_by(|next, kept| *next - *kept < fine(9));
        for at in crosses {
            self.cross((at, fine(EDGES.2 - 7)))?;
        }
        self.area.present()
    }

    /// Where a step is.
    fn along(&self, x: &Axis, step: f64) -> i32 {
        let (left, right) = (fine(EDGES.0), fine(EDGES.1));
        left + (x.place(step) * f64::from(right - left)).round() as i32
    }

    /// Where a value is.
    fn up(&self, y: &Axis, value: f64) -> i32 {
        let (top, bottom) = (fine(self.top), fine(EDGES.2));
        bottom - (y.place(value) * f64::from(bottom - top)).round() as i32
    }

    fn frame(&self, chart: &Chart, x: &Axis, y: &Axis) -> Drawn<B> {
        let (left, right, bottom) = EDGES;
        let height = bottom - self.top;
        let width = right - left;
        for (place, name) in &y.ticks {
            let at = bottom - (place * f64::from(height)).round() as i32;
            self.path(&[(fine(left), fine(at)), (fine(right), fine(at))], GRID, 1.0)?;
            self.text(name, (left - 8, at), TEXT - 2, GREY, HPos::Right, FontTransform::None)?;
        }
        for (place, name) in &x.ticks {
            let at = left + (place * f64::from(width)).round() as i32;
            self.path(&[(fine(at), fine(bottom)), (fine(at), fine(bottom + 5))], GREY, 1.0)?;
            self.text(name, (at, bottom + 18), TEXT - 2, GREY, HPos::Center, FontTransform::None)?;
        }
        let marked = !chart.epochs.is_empty() && chart.epochs.len() <= MOST_EPOCHS;
        for &step in chart.epochs.iter().filter(|_| marked) {
            let at = self.along(x, step);
            self.path(&[(at, fine(self.top)), (at, fine(bottom))], EPOCH, 1.0)?;
        }
        self.path(&[(fine(left), fine(self.top)), (fine(left), fine(bottom))], GREY, 1.0)?;
        self.path(&[(fine(left), fine(bottom)), (fine(right), fine(bottom))], GREY, 1.0)?;
        let steps = if marked { "step (vertical lines: ends of epochs)" } else { "step" };
        let middle = (left + right) / 2;
        self.text(steps, (middle, bottom + 44), TEXT, BLACK, HPos::Center, FontTransform::None)?;
        let middle = (self.top + bottom) / 2;
        let upwards = FontTransform::Rotate270;
        self.text(&chart.quantity, (20, middle), TEXT, BLACK, HPos::Center, upwards)
    }

    /// Rows of samples with their names; where they end.
    fn legend(&self, chart: &Chart) -> Result<i32, DrawingAreaErrorKind<B::ErrorType>> {
        let (mut at, mut row) = (EDGES.0, 56);
        let broken = chart.broken().next().is_some();
        let lines = chart.lines.iter().map(Some).chain(broken.then_some(None));
        for (i, line) in lines.enumerate() {
            let label = line.map_or("not finite", |line| &line.label);
            let label = shortened(label, 48);
            let style = style(TEXT, BLACK, HPos::Left, FontTransform::None);
            let (width, _) = self.area.estimate_text_size(&label, &style)?;
            let width = width as i32 / FINE;
            if i > 0 && at + 36 + width > EDGES.1 {
                (at, row) = (EDGES.0, row + ROW);
            }
            match line {
                Some(line) => {
                    let sample = [(fine(at), fine(row)), (fine(at + 28), fine(row))];
                    self.stroke(&sample, line)?;
                    if !line.band.is_empty() {
                        let corners = [(fine(at), fine(row - 5)), (fine(at + 28), fine(row + 5))];
                        self.area.draw(&Rectangle::new(corners, pale(rgb(line), 4).filled()))?;
                    }
                    if line.dots {
                        self.dot((fine(at + 14), fine(row)), line)?;
                    }
                }
                None => self.cross((fine(at + 14), fine(row)))?,
            }
            self.text(&label, (at + 36, row), TEXT, BLACK, HPos::Left, FontTransform::None)?;
            at += 36 + width + 24;
        }
        Ok(row + ROW / 2)
    }

    fn line(&self, line: &Line, x: &Axis, y: &Axis) -> Drawn<B> {
        let place = |&(step, value): &(f64, f64)| (self.along(x, step), self.up(y, value));
        for &[first, last, least, greatest] in &line.band {
            // At least a line's width, and no seam to the next stretch.
            let (left, right) = (self.along(x, first), self.along(x, last));
            let (top, bottom) = (self.up(y, greatest), self.up(y, least));
            let corners = [(left, top), (right.max(left + FINE), bottom.max(top + FINE))];
            self.area.draw(&Rectangle::new(corners, pale(rgb(line), 4).filled()))?;
        }
        let dots = line.dots && line.points.len() <= MOST_DOTS;
        for piece in line.points.split(|(_, value)| !value.is_finite()) {
            let path: Vec<(i32, i32)> = piece.iter().map(place).collect();
            self.stroke(&path, line)?;
            // A point alone has no line.
            if dots || path.len() == 1 {
                path.iter().try_for_each(|&at| self.dot(at, line))?;
            }
        }
        Ok(())
    }

    fn stroke(&self, path: &[(i32, i32)], line: &Line) -> Drawn<B> {
        let colour = rgb(line);
        match line.stroke {
            Stroke::Solid => self.path(path, colour, 2.25),
            Stroke::Faint => self.path(path, pale(colour, 2), 1.0),
            Stroke::Dashed => {
                let mut dashes = dashes(path, fine(8), fine(5)).into_iter();
                dashes.try_for_each(|dash| self.path(&dash, colour, 1.75))
            }
        }
    }

    fn dot(&self, at: (i32, i32), line: &Line) -> Drawn<B> {
        let colour = rgb(line);
        let (radius, inner) = match line.stroke {
            Stroke::Solid => (fine(4), colour),
            Stroke::Dashed => (fine(4), WHITE),
            Stroke::Faint => (fine(3), pale(colour, 2)),
        };
        let outer = if line.stroke == Stroke::Faint { inner } else { colour };
        self.area.draw(&Circle::new(at, radius, outer.filled()))?;
        self.area.draw(&Circle::new(at, radius - fine(2) + 1, inner.filled()))
    }

    fn cross(&self, (x, y): (i32, i32)) -> Drawn<B> {
        let arm = fine(4);
        self.path(&[(x - arm, y - arm), (x + arm, y + arm)], BROKEN, 1.75)?;
        self.path(&[(x - arm, y + arm), (x + arm, y - arm)], BROKEN, 1.75)
    }

    fn path(&self, path: &[(i32, i32)], colour: RGBColor, width: f64) -> Drawn<B> {
        // Equal neighbours have no direction, which wide lines are drawn along.
        let mut path = path.to_vec();
        path.dedup();
        if path.len() < 2 {
            return Ok(());
        }
        let width = (width * f64::from(FINE)) as u32;
        let style = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: width };
        match path.as_slice() {
            // A wide straight line is a rectangle; exact, where `plotters` would round its corners.
            &[(x0, y0), (x1, y1)] if x0 == x1 || y0 == y1 => {
                let half = width as i32 / 2;
                let (dx, dy) = if x0 == x1 { (half, 0) } else { (0, half) };
                let corners =
                    [(x0.min(x1) - dx, y0.min(y1) - dy), (x0.max(x1) + dx, y0.max(y1) + dy)];
                self.area.draw(&Rectangle::new(corners, colour.filled()))
            }
            // Piece by piece with round corners: sharp ones would stick out far.
            path if self.pixels => path.windows(2).try_for_each(|pair| {
                self.area.draw(&PathElement::new(pair.to_vec(), style))?;
                match pair {
                    [_, corner] => {
                        self.area.draw(&Circle::new(*corner, width / 2, colour.filled()))
                    }
                    _ => Ok(()),
                }
            }),
            path => self.area.draw(&PathElement::new(path.to_vec(), style)),
        }
    }

    fn text(
        &self,
        text: &str,
        (x, y): (i32, i32),
        size: i32,
        colour: RGBColor,
        anchor: HPos,
        turned: FontTransform,
    ) -> Drawn<B> {
        let text = shortened(text, 90);
        // Bitmaps centre the whole line of a font, of which letters take the upper part.
        let lower = if self.pixels { size * FINE / 7 } else { 0 };
        let (dx, dy) = if matches!(turned, FontTransform::None) { (0, lower) } else { (lower, 0) };
        self.area.draw_text(
            &text,
            &style(size, colour, anchor, turned),
            (fine(x) + dx, fine(y) + dy),
        )
    }
}

fn style(size: i32, colour: RGBColor, anchor: HPos, turned: FontTransform) -> TextStyle<'static> {
    let size = f64::from(size * FINE);
    let font = FontDesc::new(FontFamily::Name(FONT), size, FontStyle::Normal).transform(turned);
    let mut style = TextStyle::from(font).pos(Pos::new(anchor, VPos::Center));
    style.color = colour.to_backend_color();
    style
}

fn fine(units: i32) -> i32 {
    units * FINE
}

fn rgb(line: &Line) -> RGBColor {
    let [red, green, blue] = line.rgb();
    RGBColor(red, green, blue)
}

/// Mixed with so many parts of white; opaque, as both kinds of file draw that alike.
fn pale(RGBColor(red, green, blue): RGBColor, white: u16) -> RGBColor {
    let mix = |value: u8| ((u16::from(value) + white * 255) / (white + 1)) as u8;
    RGBColor(mix(red), mix(green), mix(blue))
}

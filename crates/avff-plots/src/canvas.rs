//! A drawing canvas for rectangles, paths, text and images.

use image::RgbImage;
use plotters::{
    backend::{BitMapBackend, DrawingBackend},
    coord::Shift,
    drawing::{DrawingArea, DrawingAreaErrorKind},
    element::{BitMapElement, Circle, PathElement, Rectangle},
    style::{
        Color as _, FontTransform, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::{
    color::{Color, WHITE, rgb},
    error::PlotError,
    shapes::dashes,
    text::{self, BASELINE_RATIO, Coverage, TEXT_SIZE, shortened},
};

/// A point or an extent in page units. x increases to the right and y increases downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Self {
        Self { x, y }
    }
}

impl From<[usize; 2]> for Point {
    fn from([x, y]: [usize; 2]) -> Self {
        Self { x: x as f64, y: y as f64 }
    }
}

/// Horizontal alignment of text relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The text starts at the point.
    Left,
    /// The text is centered on the point.
    Center,
    /// The text ends at the point.
    Right,
}

/// The direction of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Right,
    Up,
}

/// A white page to draw on.
///
/// Drawing methods do not return errors. The canvas keeps the first error, and the function that
/// created the canvas returns it.
pub struct Canvas<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    /// Device units per page unit.
    scale: f64,
    /// Whether the output is a bitmap, which needs corrections for corners and text.
    pixels: bool,
    error: Option<PlotError>,
}

/// A canvas that draws to a bitmap.
pub type BitmapCanvas<'a> = Canvas<BitMapBackend<'a>>;

impl<B: DrawingBackend> Canvas<B> {
    pub(crate) fn new(area: DrawingArea<B, Shift>, scale: u32, pixels: bool) -> Self {
        let error = (!text::registered()).then_some(PlotError::Font);
        let mut canvas = Self { area, scale: f64::from(scale), pixels, error };
        let filled = canvas.area.fill(&rgb(WHITE));
        canvas.record(filled);
        canvas
    }

    pub(crate) fn finish(mut self) -> Result<(), PlotError> {
        let presented = self.area.present();
        self.record(presented);
        self.error.map_or(Ok(()), Err)
    }

    fn record(&mut self, result: Result<(), DrawingAreaErrorKind<B::ErrorType>>) {
        if let Err(error) = result {
            self.error.get_or_insert(PlotError::Draw { reason: error.to_string() });
        }
    }

    fn to_device(&self, point: Point) -> (i32, i32) {
        // The cast saturates values far outside the page.
        ((point.x * self.scale).round() as i32, (point.y * self.scale).round() as i32)
    }

    /// Draws a filled rectangle.
    pub fn fill(&mut self, at: impl Into<Point>, size: impl Into<Point>, color: Color) {
        let (at, size) = (at.into(), size.into());
        let (left, top) = self.to_device(at);
        let (right, bottom) = self.to_device(Point { x: at.x + size.x, y: at.y + size.y });
        self.rectangle((left, top), (right, bottom), color);
    }

    /// Draws a filled rectangle in device units; `right` and `bottom` are exclusive.
    fn rectangle(&mut self, (left, top): (i32, i32), (right, bottom): (i32, i32), color: Color) {
        if right <= left || bottom <= top {
            return;
        }
        let result =
            self.area.draw(&Rectangle::new([(left, top), (right, bottom)], rgb(color).filled()));
        self.record(result);
    }

    /// Draws an outline of one unit around a rectangle.
    pub fn outline(&mut self, at: impl Into<Point>, size: impl Into<Point>, color: Color) {
        let (Point { x, y }, size) = (at.into(), size.into());
        let (width, height) = (size.x + 2.0, size.y + 2.0);
        self.fill((x - 1.0, y - 1.0), (width, 1.0), color);
        self.fill((x - 1.0, y + size.y), (width, 1.0), color);
        self.fill((x - 1.0, y - 1.0), (1.0, height), color);
        self.fill((x + size.x, y - 1.0), (1.0, height), color);
    }

    /// Draws a polyline.
    pub fn path(&mut self, path: &[Point], color: Color, width: f64) {
        let path: Vec<(i32, i32)> = path.iter().map(|&point| self.to_device(point)).collect();
        self.device_path(path, color, (width * self.scale) as u32);
    }

    /// Draws a dashed polyline.
    pub(crate) fn dashed(&mut self, path: &[Point], color: Color, width: f64) {
        let path: Vec<(i32, i32)> = path.iter().map(|&point| self.to_device(point)).collect();
        let to_device_length = |units: f64| (units * self.scale) as i32;
        for dash in dashes(&path, to_device_length(8.0), to_device_length(5.0)) {
            self.device_path(dash, color, (width * self.scale) as u32);
        }
    }

    fn device_path(&mut self, mut path: Vec<(i32, i32)>, color: Color, width: u32) {
        // Equal neighbors have no direction, so a wide line between them is undefined.
        path.dedup();
        let style = ShapeStyle { color: rgb(color).to_rgba(), filled: false, stroke_width: width };
        match path.as_slice() {
            [] | [_] => {}
            // An axis-aligned wide line is a rectangle, which is exact. `plotters` would round its
            // corners.
            &[(x0, y0), (x1, y1)] if x0 == x1 || y0 == y1 => {
                let half = width as i32 / 2;
                let (dx, dy) = if x0 == x1 { (half, 0) } else { (0, half) };
                let corners =
                    [(x0.min(x1) - dx, y0.min(y1) - dy), (x0.max(x1) + dx, y0.max(y1) + dy)];
                let result = self.area.draw(&Rectangle::new(corners, rgb(color).filled()));
                self.record(result);
            }
            // Segments with round joins: sharp joins would protrude.
            path if self.pixels => {
                for pair in path.windows(2) {
                    let result = self.area.draw(&PathElement::new(pair.to_vec(), style));
                    self.record(result);
                    if let [_, corner] = pair {
                        self.device_disc(*corner, width as i32 / 2, color);
                    }
                }
            }
            path => {
                let result = self.area.draw(&PathElement::new(path.to_vec(), style));
                self.record(result);
            }
        }
    }

    /// Draws a filled circle.
    pub(crate) fn disc(&mut self, at: Point, radius: f64, color: Color) {
        self.device_disc(self.to_device(at), (radius * self.scale).round() as i32, color);
    }

    fn device_disc(&mut self, at: (i32, i32), radius: i32, color: Color) {
        let result = self.area.draw(&Circle::new(at, radius, rgb(color).filled()));
        self.record(result);
    }

    /// Draws an unscaled image with its upper left corner at a point.
    pub fn draw_image(&mut self, at: impl Into<Point>, image: &RgbImage) {
        let at = self.to_device(at.into());
        let pixels = image.as_raw().clone();
        match BitMapElement::with_owned_buffer(at, image.dimensions(), pixels) {
            Some(element) => {
                let result = self.area.draw(&element);
                self.record(result);
            }
            None => {
                let reason = "the image has an unexpected size".into();
                self.error.get_or_insert(PlotError::Draw { reason });
            }
        }
    }

    /// Draws one line of text in the default size, with its top at the point.
    pub fn line(&mut self, at: impl Into<Point>, align: Align, text: &str, color: Color) {
        let Point { x, y } = at.into();
        let middle = Point { x, y: y + TEXT_SIZE / 2.0 };
        self.text(text, middle, TEXT_SIZE, color, align, Direction::Right);
    }

    /// Draws text that is vertically centered on a point.
    pub(crate) fn text(
        &mut self,
        text: &str,
        at: Point,
        size: f64,
        color: Color,
        align: Align,
        direction: Direction,
    ) {
        let text = shortened(text, 250);
        if self.pixels && self.scale == 1.0 && direction == Direction::Right {
            return self.smooth_text(&text, at, size, color, align);
        }
        let (x, y) = self.to_device(at);
        let size = size * self.scale;
        // Bitmaps center the full line height of a font, but letters occupy its upper part.
        let lower = if self.pixels { (size / BASELINE_RATIO) as i32 } else { 0 };
        let (transform, at) = match direction {
            Direction::Right => (FontTransform::None, (x, y + lower)),
            Direction::Up => (FontTransform::Rotate270, (x + lower, y)),
        };
        let anchor = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let font = text::font(size).transform(transform);
        let mut style = TextStyle::from(font).pos(Pos::new(anchor, VPos::Center));
        style.color = rgb(color).to_backend_color();
        let result = self.area.draw_text(&text, &style, at);
        self.record(result);
    }

    /// Draws antialiased text at subpixel positions. `plotters` would round letters to whole
    /// pixels.
    fn smooth_text(&mut self, text: &str, at: Point, size: f64, color: Color, align: Align) {
        let Some(Coverage { width, height, values: coverage }) = text::coverage(text, size) else {
            return;
        };
        let (x, y) = self.to_device(at);
        let left = match align {
            Align::Left => x,
            Align::Center => x - width as i32 / 2,
            Align::Right => x - width as i32,
        };
        let top = y - height as i32 / 2;
        let (wide, high) = self.area.dim_in_pixel();
        for (index, opacity) in
            coverage.into_iter().enumerate().filter(|(_, opacity)| *opacity > 0.0)
        {
            let (x, y) = (left + (index % width) as i32, top + (index / width) as i32);
            let inside = (0..wide as i32).contains(&x) && (0..high as i32).contains(&y);
            if inside {
                let result = self.area.draw_pixel((x, y), &rgb(color).mix(opacity));
                self.record(result);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        color::{BLACK, RED},
        output::bitmap,
        text::text_width,
    };

    #[test]
    fn fill_and_outline_have_exact_size() {
        let drawn = bitmap([12, 12], |canvas| {
            canvas.fill([3, 3], [4, 4], BLACK);
            canvas.outline([3, 3], [4, 4], RED);
            canvas.fill([10, 1], [1, 1], BLACK);
        });
        let drawn = drawn.unwrap();
        let count = |color: Color| drawn.pixels().filter(|pixel| pixel.0 == color).count();
        assert_eq!((count(BLACK), count(RED)), (17, 20));
        let at = |x, y| drawn.get_pixel(x, y).0;
        assert_eq!([at(2, 2), at(7, 7), at(7, 4), at(3, 2)], [RED; 4]);
        assert_eq!([at(3, 3), at(6, 6), at(10, 1)], [BLACK; 3]);
    }

    #[test]
    fn text_is_aligned_and_clipped() {
        let inked = |align, x| {
            let drawn =
                bitmap([80, 30], |canvas| canvas.line([x, 5], align, "avff", BLACK)).unwrap();
            let inked = |x: &u32| (0..30).any(|y| drawn.get_pixel(*x, y).0[0] < 160);
            ((0..80).find(inked).unwrap() as usize, (0..80).rfind(inked).unwrap() as usize)
        };
        let width = text_width("avff");
        let (first, last) = inked(Align::Left, 10);
        assert!(first >= 10 && last < 10 + width + 1, "{first} {last} {width}");
        let close = |(a, b): (usize, usize)| a.abs_diff(first) < 2 && b.abs_diff(last) < 2;
        assert!(
            close(inked(Align::Right, 10 + width)) && close(inked(Align::Center, 10 + width / 2))
        );
        // Letters partly outside the page are clipped.
        assert!(inked(Align::Left, 75).1 <= 79);
    }

    #[test]
    fn images_are_drawn_and_clipped() {
        let small = RgbImage::from_pixel(4, 4, image::Rgb(RED));
        let drawn = bitmap([6, 6], |canvas| canvas.draw_image([4, 1], &small)).unwrap();
        assert_eq!((drawn.get_pixel(4, 1).0, drawn.get_pixel(5, 4).0), (RED, RED));
        assert_eq!(drawn.pixels().filter(|pixel| pixel.0 == RED).count(), 8);
    }
}

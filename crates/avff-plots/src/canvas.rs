//! A page to draw on: rectangles, paths, text and pictures.

use image::RgbImage;
use plotters::{
    backend::{BitMapBackend, DrawingBackend},
    coord::Shift,
    drawing::{DrawingArea, DrawingAreaErrorKind},
    element::{BitMapElement, Circle, PathElement, Rectangle},
    style::{
        Color, FontTransform, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::{
    colour::{Colour, WHITE, rgb},
    error::PlotError,
    shapes::dashes,
    text::{self, Ink, LOWER, TEXT_SIZE, shortened},
};

/// A place on the page, or an extent, in its units: to the right and down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl From<(f64, f64)> for Place {
    fn from((x, y): (f64, f64)) -> Self {
        Self { x, y }
    }
}

impl From<[usize; 2]> for Place {
    fn from([x, y]: [usize; 2]) -> Self {
        Self { x: x as f64, y: y as f64 }
    }
}

/// Where text stands relative to the place it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// To the right of it.
    Left,
    /// Around it.
    Centre,
    /// To the left of it.
    Right,
}

/// Which way text runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    Right,
    Up,
}

/// A white page to draw on.
///
/// Drawing methods do not fail one by one: the first fault is kept and told at the end, by the function
/// that gave the canvas.
pub struct Canvas<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    /// Drawn units in a unit of the page.
    fine: f64,
    /// Whether it becomes a bitmap, where corners and text need help.
    pixels: bool,
    fault: Option<PlotError>,
}

/// A canvas of pixels.
pub type PictureCanvas<'a> = Canvas<BitMapBackend<'a>>;

impl<B: DrawingBackend> Canvas<B> {
    pub(crate) fn new(area: DrawingArea<B, Shift>, fine: u32, pixels: bool) -> Self {
        let fault = (!text::registered()).then_some(PlotError::Font);
        let mut canvas = Self { area, fine: f64::from(fine), pixels, fault };
        let filled = canvas.area.fill(&rgb(WHITE));
        canvas.keep(filled);
        canvas
    }

    pub(crate) fn finish(mut self) -> Result<(), PlotError> {
        let presented = self.area.present();
        self.keep(presented);
        self.fault.map_or(Ok(()), Err)
    }

    fn keep(&mut self, drawn: Result<(), DrawingAreaErrorKind<B::ErrorType>>) {
        if let Err(error) = drawn {
            self.fault.get_or_insert(PlotError::Draw { reason: error.to_string() });
        }
    }

    fn drawn(&self, place: Place) -> (i32, i32) {
        // The cast cuts what is far outside.
        ((place.x * self.fine).round() as i32, (place.y * self.fine).round() as i32)
    }

    /// A filled rectangle.
    pub fn fill(&mut self, at: impl Into<Place>, size: impl Into<Place>, colour: Colour) {
        let (at, size) = (at.into(), size.into());
        let (left, top) = self.drawn(at);
        let (right, bottom) = self.drawn(Place { x: at.x + size.x, y: at.y + size.y });
        self.rectangle((left, top), (right, bottom), colour);
    }

    /// `right` and `bottom` are outside.
    fn rectangle(&mut self, (left, top): (i32, i32), (right, bottom): (i32, i32), colour: Colour) {
        if right <= left || bottom <= top {
            return;
        }
        let drawn =
            self.area.draw(&Rectangle::new([(left, top), (right, bottom)], rgb(colour).filled()));
        self.keep(drawn);
    }

    /// A line one unit wide around a rectangle.
    pub fn outline(&mut self, at: impl Into<Place>, size: impl Into<Place>, colour: Colour) {
        let (Place { x, y }, size) = (at.into(), size.into());
        let (width, height) = (size.x + 2.0, size.y + 2.0);
        self.fill((x - 1.0, y - 1.0), (width, 1.0), colour);
        self.fill((x - 1.0, y + size.y), (width, 1.0), colour);
        self.fill((x - 1.0, y - 1.0), (1.0, height), colour);
        self.fill((x + size.x, y - 1.0), (1.0, height), colour);
    }

    /// Straight lines from place to place.
    pub fn path(&mut self, path: &[Place], colour: Colour, width: f64) {
        let path: Vec<(i32, i32)> = path.iter().map(|&place| self.drawn(place)).collect();
        self.drawn_path(path, colour, (width * self.fine) as u32);
    }

    /// The same with gaps.
    pub(crate) fn dashed(&mut self, path: &[Place], colour: Colour, width: f64) {
        let path: Vec<(i32, i32)> = path.iter().map(|&place| self.drawn(place)).collect();
        let of_page = |units: f64| (units * self.fine) as i32;
        for dash in dashes(&path, of_page(8.0), of_page(5.0)) {
            self.drawn_path(dash, colour, (width * self.fine) as u32);
        }
    }

    fn drawn_path(&mut self, mut path: Vec<(i32, i32)>, colour: Colour, width: u32) {
        // Equal neighbours have no direction, which wide lines are drawn along.
        path.dedup();
        let style = ShapeStyle { color: rgb(colour).to_rgba(), filled: false, stroke_width: width };
        match path.as_slice() {
            [] | [_] => {}
            // A wide straight line is a rectangle; exact, where `plotters` would round its corners.
            &[(x0, y0), (x1, y1)] if x0 == x1 || y0 == y1 => {
                let half = width as i32 / 2;
                let (dx, dy) = if x0 == x1 { (half, 0) } else { (0, half) };
                let corners =
                    [(x0.min(x1) - dx, y0.min(y1) - dy), (x0.max(x1) + dx, y0.max(y1) + dy)];
                let drawn = self.area.draw(&Rectangle::new(corners, rgb(colour).filled()));
                self.keep(drawn);
            }
            // Piece by piece with round corners: sharp ones would stick out far.
            path if self.pixels => {
                for pair in path.windows(2) {
                    let drawn = self.area.draw(&PathElement::new(pair.to_vec(), style));
                    self.keep(drawn);
                    if let [_, corner] = pair {
                        self.drawn_disc(*corner, width as i32 / 2, colour);
                    }
                }
            }
            path => {
                let drawn = self.area.draw(&PathElement::new(path.to_vec(), style));
                self.keep(drawn);
            }
        }
    }

    /// A filled circle.
    pub(crate) fn disc(&mut self, at: Place, radius: f64, colour: Colour) {
        self.drawn_disc(self.drawn(at), (radius * self.fine).round() as i32, colour);
    }

    fn drawn_disc(&mut self, at: (i32, i32), radius: i32, colour: Colour) {
        let drawn = self.area.draw(&Circle::new(at, radius, rgb(colour).filled()));
        self.keep(drawn);
    }

    /// A picture, unscaled, its upper left corner at a place.
    pub fn place(&mut self, at: impl Into<Place>, picture: &RgbImage) {
        let at = self.drawn(at.into());
        let pixels = picture.as_raw().clone();
        match BitMapElement::with_owned_buffer(at, picture.dimensions(), pixels) {
            Some(element) => {
                let drawn = self.area.draw(&element);
                self.keep(drawn);
            }
            None => {
                let reason = "a picture has another size".into();
                self.fault.get_or_insert(PlotError::Draw { reason });
            }
        }
    }

    /// One line of text of usual size, its top at the place.
    pub fn line(&mut self, at: impl Into<Place>, align: Align, text: &str, colour: Colour) {
        let Place { x, y } = at.into();
        let middle = Place { x, y: y + TEXT_SIZE / 2.0 };
        self.text(text, middle, TEXT_SIZE, colour, align, Runs::Right);
    }

    /// Text around the height of a place.
    pub(crate) fn text(
        &mut self,
        text: &str,
        at: Place,
        size: f64,
        colour: Colour,
        align: Align,
        runs: Runs,
    ) {
        let text = shortened(text, 250);
        if self.pixels && self.fine == 1.0 && runs == Runs::Right {
            return self.smooth_text(&text, at, size, colour, align);
        }
        let (x, y) = self.drawn(at);
        let size = size * self.fine;
        // Bitmaps centre the whole line of a font, of which letters take the upper part.
        let lower = if self.pixels { (size / LOWER) as i32 } else { 0 };
        let (turned, at) = match runs {
            Runs::Right => (FontTransform::None, (x, y + lower)),
            Runs::Up => (FontTransform::Rotate270, (x + lower, y)),
        };
        let anchor = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let font = text::font(size).transform(turned);
        let mut style = TextStyle::from(font).pos(Pos::new(anchor, VPos::Center));
        style.color = rgb(colour).to_backend_color();
        let drawn = self.area.draw_text(&text, &style, at);
        self.keep(drawn);
    }

    /// Text whose letters stand between whole pixels, where `plotters` would move them to the next one.
    fn smooth_text(&mut self, text: &str, at: Place, size: f64, colour: Colour, align: Align) {
        let Some(Ink { width, height, shares }) = text::ink(text, size) else { return };
        let (x, y) = self.drawn(at);
        let left = match align {
            Align::Left => x,
            Align::Centre => x - width as i32 / 2,
            Align::Right => x - width as i32,
        };
        let top = y - height as i32 / 2;
        let (wide, high) = self.area.dim_in_pixel();
        for (place, share) in shares.into_iter().enumerate().filter(|(_, share)| *share > 0.0) {
            let (x, y) = (left + (place % width) as i32, top + (place / width) as i32);
            let inside = (0..wide as i32).contains(&x) && (0..high as i32).contains(&y);
            if inside {
                let drawn = self.area.draw_pixel((x, y), &rgb(colour).mix(share));
                self.keep(drawn);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        colour::{BLACK, RED},
        output::picture,
        text::text_width,
    };

    #[test]
    fn rectangles_have_their_size_and_outlines_lie_around() {
        let drawn = picture([12, 12], |canvas| {
            canvas.fill([3, 3], [4, 4], BLACK);
            canvas.outline([3, 3], [4, 4], RED);
            canvas.fill([10, 1], [1, 1], BLACK);
        });
        let drawn = drawn.unwrap();
        let count = |colour: Colour| drawn.pixels().filter(|pixel| pixel.0 == colour).count();
        assert_eq!((count(BLACK), count(RED)), (17, 20));
        let at = |x, y| drawn.get_pixel(x, y).0;
        assert_eq!([at(2, 2), at(7, 7), at(7, 4), at(3, 2)], [RED; 4]);
        assert_eq!([at(3, 3), at(6, 6), at(10, 1)], [BLACK; 3]);
    }

    #[test]
    fn text_is_drawn_where_it_is_aligned_and_never_beyond_the_edge() {
        let inked = |align, x| {
            let drawn =
                picture([80, 30], |canvas| canvas.line([x, 5], align, "avff", BLACK)).unwrap();
            let inked = |x: &u32| (0..30).any(|y| drawn.get_pixel(*x, y).0[0] < 160);
            ((0..80).find(inked).unwrap() as usize, (0..80).rfind(inked).unwrap() as usize)
        };
        let width = text_width("avff");
        let (first, last) = inked(Align::Left, 10);
        assert!(first >= 10 && last < 10 + width + 1, "{first} {last} {width}");
        let close = |(a, b): (usize, usize)| a.abs_diff(first) < 2 && b.abs_diff(last) < 2;
        assert!(
            close(inked(Align::Right, 10 + width)) && close(inked(Align::Centre, 10 + width / 2))
        );
        // Letters that stand half outside are cut.
        assert!(inked(Align::Left, 75).1 <= 79);
    }

    #[test]
    fn pictures_are_placed_and_cut() {
        let small = RgbImage::from_pixel(4, 4, image::Rgb(RED));
        let drawn = picture([6, 6], |canvas| canvas.place([4, 1], &small)).unwrap();
        assert_eq!((drawn.get_pixel(4, 1).0, drawn.get_pixel(5, 4).0), (RED, RED));
        assert_eq!(drawn.pixels().filter(|pixel| pixel.0 == RED).count(), 8);
    }
}

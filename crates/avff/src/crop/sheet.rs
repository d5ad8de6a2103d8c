//! A contact sheet: frames of a clip with the detected face and the crop drawn over them.

use avff_data::fit::letterbox;
use avff_face::{square::Square, track::Face};
use avff_media::{Frame, MediaError};
use avff_plots::{Align, LINE_HEIGHT, PictureCanvas, PlotError, colour, picture, text_width};
use image::RgbImage;

/// Frames in a row.
const COLUMNS: usize = 4;
/// Size of a frame, in pixels.
const CELL: (usize, usize) = (320, 180);
/// Around the text, in pixels.
const MARGIN: usize = 8;
/// What is cut out.
const CROP: colour::Colour = [230, 159, 0];
/// The face as it was detected.
const FACE: colour::Colour = [0, 158, 115];

/// A square over a frame: left, top and side in pixels of its cell, and its colour.
type Outline = (f64, f64, f64, colour::Colour);

/// Frames side by side, under a title and a legend.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    cells: Vec<(RgbImage, Vec<Outline>)>,
}

impl Sheet {
    /// The most frames that a sheet is meant for: three rows.
    pub(super) const FRAMES: usize = 3 * COLUMNS;

    /// The next frame, with its crop and, where one was found in it, its face.
    ///
    /// # Errors
    /// As [`letterbox`].
    pub(super) fn add(
        &mut self,
        frame: &Frame,
        crop: Option<Square>,
        face: Option<Face>,
    ) -> Result<(), MediaError> {
        let cell = letterbox(frame, CELL.0, CELL.1)?;
        // As the letterbox places the frame.
        let (width, height) = (frame.width as f64, frame.height as f64);
        let scale = (CELL.0 as f64 / width).min(CELL.1 as f64 / height);
        let left = (CELL.0 as f64 - scale * width) / 2.0;
        let top = (CELL.1 as f64 - scale * height) / 2.0;
        let on_cell = |x: f64, y: f64, side: f64, colour| {
            (left + scale * x, top + scale * y, scale * side, colour)
        };
        let crop = crop.map(|Square { x, y, side }| on_cell(x as f64, y as f64, side as f64, CROP));
        let face =
            face.map(|Face { x, y, side, .. }| on_cell(x - side / 2.0, y - side / 2.0, side, FACE));
        let pixels = RgbImage::from_raw(CELL.0 as u32, CELL.1 as u32, cell.rgb);
        self.cells.push((pixels.unwrap_or_default(), crop.into_iter().chain(face).collect()));
        Ok(())
    }

    /// The sheet so far.
    ///
    /// # Errors
    /// As [`picture`].
    pub(super) fn draw(&self, title: &str) -> Result<RgbImage, PlotError> {
        let rows = self.cells.len().div_ceil(COLUMNS).max(1);
        let head = 2 * MARGIN + 2 * LINE_HEIGHT;
        let size = [(COLUMNS * CELL.0) as u32, (head + rows * CELL.1) as u32];
        picture(size, |canvas| {
            canvas.line([MARGIN, MARGIN], Align::Left, title, colour::BLACK);
            let mut x = MARGIN;
            for (text, colour) in [("square: cut out", CROP), ("square: face as detected", FACE)] {
                let y = MARGIN + LINE_HEIGHT;
                canvas.line([x, y], Align::Left, text, colour);
                x += text_width(text) + 3 * MARGIN;
            }
            for (index, (pixels, outlines)) in self.cells.iter().enumerate() {
                let at = (index % COLUMNS * CELL.0, head + index / COLUMNS * CELL.1);
                canvas.place([at.0, at.1], pixels);
                for &outline in outlines {
                    draw_outline(canvas, at, outline);
                }
            }
        })
    }
}

/// A line two pixels wide along the inside of a square, as far as the square lies within its cell.
fn draw_outline(
    canvas: &mut PictureCanvas<'_>,
    cell: (usize, usize),
    (x, y, side, colour): Outline,
) {
    let mut fill = |x: f64, y: f64, width: f64, height: f64| {
        let (left, right) = (x.max(0.0), (x + width).min(CELL.0 as f64));
        let (top, bottom) = (y.max(0.0), (y + height).min(CELL.1 as f64));
        if left < right && top < bottom {
            let at = (cell.0 as f64 + left, cell.1 as f64 + top);
            canvas.fill(at, (right - left, bottom - top), colour);
        }
    };
    fill(x, y, side, 2.0);
    fill(x, y + side - 2.0, side, 2.0);
    fill(x, y, 2.0, side);
    fill(x + side - 2.0, y, 2.0, side);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn outlines_are_where_the_square_is() {
        let grey = Frame { width: 640, height: 360, rgb: vec![90; 3 * 640 * 360] };
        let mut sheet = Sheet::default();
        for _ in 0..4 {
            sheet.add(&grey, None, None).unwrap();
        }
        let crop = Square { x: 100, y: -40, side: 200 };
        let face = Face { x: 200.0, y: 60.0, side: 100.0, score: 3.0 };
        sheet.add(&grey, Some(crop), Some(face)).unwrap();
        let drawn = sheet.draw("clip.mp4").unwrap();
        let head = 2 * MARGIN + 2 * LINE_HEIGHT;
        assert_eq!(drawn.dimensions(), (1280, (head + 360) as u32));
        let pixel = |x: u32, y: usize| drawn.get_pixel(x, (head + y) as u32).0;
        // Halved, in the second row: columns 50 to 149, rows up to 79.
        assert_eq!(pixel(50, 180 + 30), CROP);
        assert_eq!(pixel(149, 180 + 30), CROP);
        assert_eq!(pixel(100, 180 + 79), CROP);
        assert_eq!(pixel(75, 180 + 30), FACE);
        assert_eq!(pixel(100, 180 + 30), [90; 3]);
        assert_eq!(pixel(49, 180 + 30), [90; 3]);
        // What lies above its frame is not drawn over the one above.
        assert_eq!(pixel(100, 179), [90; 3]);
        assert_eq!(pixel(400, 180 + 30), colour::WHITE, "the row is not full");
    }
}

//! Contact sheets: frames of a clip with the detected face and the crop drawn over them.

use avff_data::fit::letterbox;
use avff_face::{square::Square, track::Face};
use avff_media::{Frame, MediaError};
use avff_plots::{Align, BitmapCanvas, LINE_HEIGHT, PlotError, bitmap, color, text_width};
use image::RgbImage;

/// Frames in a row.
const COLUMNS: usize = 4;
/// Width and height of a frame, in pixels.
const CELL: (usize, usize) = (320, 180);
/// The margin around the text, in pixels.
const MARGIN: usize = 8;
/// The color of the crop.
const CROP: color::Color = [230, 159, 0];
/// The color of the detected face.
const FACE: color::Color = [0, 158, 115];

/// A square over a frame: left, top and side in pixels of its cell, and its color.
type Outline = (f64, f64, f64, color::Color);

/// A contact sheet: frames in rows under a title and a legend.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    cells: Vec<(RgbImage, Vec<Outline>)>,
}

impl Sheet {
    /// The most frames that a sheet is meant for: three rows.
    pub(super) const FRAMES: usize = 3 * COLUMNS;

    /// Adds a frame with its crop and its detected face, if any.
    ///
    /// # Errors
    /// Returns the errors of [`letterbox`].
    pub(super) fn add(
        &mut self,
        frame: &Frame,
        crop: Option<Square>,
        face: Option<Face>,
    ) -> Result<(), MediaError> {
        let cell = letterbox(frame, CELL.0, CELL.1)?;
        // The scale and the offset of the letterboxed frame in its cell.
        let (width, height) = (frame.width as f64, frame.height as f64);
        let scale = (CELL.0 as f64 / width).min(CELL.1 as f64 / height);
        let left = (CELL.0 as f64 - scale * width) / 2.0;
        let top = (CELL.1 as f64 - scale * height) / 2.0;
        let on_cell = |x: f64, y: f64, side: f64, color| {
            (left + scale * x, top + scale * y, scale * side, color)
        };
        let crop = crop.map(|Square { x, y, side }| on_cell(x as f64, y as f64, side as f64, CROP));
        let face =
            face.map(|Face { x, y, side, .. }| on_cell(x - side / 2.0, y - side / 2.0, side, FACE));
        let pixels = RgbImage::from_raw(CELL.0 as u32, CELL.1 as u32, cell.rgb);
        self.cells.push((pixels.unwrap_or_default(), crop.into_iter().chain(face).collect()));
        Ok(())
    }

    /// Draws the sheet.
    ///
    /// # Errors
    /// Returns the errors of [`bitmap`].
    pub(super) fn draw(&self, title: &str) -> Result<RgbImage, PlotError> {
        let rows = self.cells.len().div_ceil(COLUMNS).max(1);
        let head = 2 * MARGIN + 2 * LINE_HEIGHT;
        let size = [(COLUMNS * CELL.0) as u32, (head + rows * CELL.1) as u32];
        bitmap(size, |canvas| {
            canvas.line([MARGIN, MARGIN], Align::Left, title, color::BLACK);
            let mut x = MARGIN;
            for (text, color) in [("square: crop", CROP), ("square: detected face", FACE)] {
                let y = MARGIN + LINE_HEIGHT;
                canvas.line([x, y], Align::Left, text, color);
                x += text_width(text) + 3 * MARGIN;
            }
            for (index, (pixels, outlines)) in self.cells.iter().enumerate() {
                let at = (index % COLUMNS * CELL.0, head + index / COLUMNS * CELL.1);
                canvas.draw_image([at.0, at.1], pixels);
                for &outline in outlines {
                    draw_outline(canvas, at, outline);
                }
            }
        })
    }
}

/// Draws the part of a square's outline that lies within its cell, two pixels wide, inside the square.
fn draw_outline(canvas: &mut BitmapCanvas<'_>, cell: (usize, usize), (x, y, side, color): Outline) {
    let mut fill = |x: f64, y: f64, width: f64, height: f64| {
        let (left, right) = (x.max(0.0), (x + width).min(CELL.0 as f64));
        let (top, bottom) = (y.max(0.0), (y + height).min(CELL.1 as f64));
        if left < right && top < bottom {
            let at = (cell.0 as f64 + left, cell.1 as f64 + top);
            canvas.fill(at, (right - left, bottom - top), color);
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
    fn outlines_follow_the_squares() {
        let gray = Frame { width: 640, height: 360, rgb: vec![90; 3 * 640 * 360] };
        let mut sheet = Sheet::default();
        for _ in 0..4 {
            sheet.add(&gray, None, None).unwrap();
        }
        let crop = Square { x: 100, y: -40, side: 200 };
        let face = Face { x: 200.0, y: 60.0, side: 100.0, score: 3.0 };
        sheet.add(&gray, Some(crop), Some(face)).unwrap();
        let drawn = sheet.draw("clip.mp4").unwrap();
        let head = 2 * MARGIN + 2 * LINE_HEIGHT;
        assert_eq!(drawn.dimensions(), (1280, (head + 360) as u32));
        let pixel = |x: u32, y: usize| drawn.get_pixel(x, (head + y) as u32).0;
        // At half scale in the second row: columns 50 to 149, rows up to 79.
        assert_eq!(pixel(50, 180 + 30), CROP);
        assert_eq!(pixel(149, 180 + 30), CROP);
        assert_eq!(pixel(100, 180 + 79), CROP);
        assert_eq!(pixel(75, 180 + 30), FACE);
        assert_eq!(pixel(100, 180 + 30), [90; 3]);
        assert_eq!(pixel(49, 180 + 30), [90; 3]);
        // The part of a crop above its frame does not cover the frame above.
        assert_eq!(pixel(100, 179), [90; 3]);
        assert_eq!(pixel(400, 180 + 30), color::WHITE, "the row is not full");
    }
}

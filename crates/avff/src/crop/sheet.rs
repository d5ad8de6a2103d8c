//! A contact sheet: pictures of a clip with what was found and cut drawn over them.

use avff_data::fit::letterbox;
use avff_face::{square::Square, track::Face};
use avff_media::{Frame, MediaError};

/// Pictures in a row.
const COLUMNS: usize = 4;
/// Size of a picture, in pixels.
const CELL: (usize, usize) = (320, 180);
/// What is cut out, in yellow.
const SQUARE: [u8; 3] = [255, 214, 10];
/// The face as it was found, in green.
const FACE: [u8; 3] = [48, 209, 88];

/// Pictures side by side, on black where a row is not full.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    cells: Vec<Frame>,
}

impl Sheet {
    /// The most pictures that a sheet is meant for: three rows.
    pub(super) const PICTURES: usize = 3 * COLUMNS;

    /// The next picture, with its square and, where one was found in it, its face.
    ///
    /// # Errors
    /// As [`letterbox`].
    pub(super) fn add(
        &mut self,
        picture: &Frame,
        square: Option<Square>,
        face: Option<Face>,
    ) -> Result<(), MediaError> {
        let mut cell = letterbox(picture, CELL.0, CELL.1)?;
        // As the letterbox places the picture.
        let (width, height) = (picture.width as f64, picture.height as f64);
        let scale = (CELL.0 as f64 / width).min(CELL.1 as f64 / height);
        let left = (CELL.0 as f64 - scale * width) / 2.0;
        let top = (CELL.1 as f64 - scale * height) / 2.0;
        let mut outline = |x: f64, y: f64, side: f64, colour| {
            let at = (left + scale * x, top + scale * y);
            frame(&mut cell, at, scale * side, colour);
        };
        if let Some(Square { x, y, side }) = square {
            outline(x as f64, y as f64, side as f64, SQUARE);
        }
        if let Some(Face { x, y, side, .. }) = face {
            outline(x - side / 2.0, y - side / 2.0, side, FACE);
        }
        self.cells.push(cell);
        Ok(())
    }

    /// The sheet so far.
    #[must_use]
    pub(super) fn picture(&self) -> Frame {
        let (width, row_bytes) = (COLUMNS * CELL.0, 3 * CELL.0);
        let height = self.cells.len().div_ceil(COLUMNS).max(1) * CELL.1;
        let mut rgb = vec![0; 3 * width * height];
        for (index, cell) in self.cells.iter().enumerate() {
            let (column, row) = (index % COLUMNS, index / COLUMNS);
            let lines = rgb.chunks_exact_mut(3 * width).skip(row * CELL.1);
            for (line, pixels) in lines.zip(cell.rgb.chunks_exact(row_bytes)) {
                if let Some(place) = line.get_mut(column * row_bytes..(column + 1) * row_bytes) {
                    place.copy_from_slice(pixels);
                }
            }
        }
        Frame { width, height, rgb }
    }
}

/// An outline two pixels wide, as far as it is within the picture.
fn frame(picture: &mut Frame, (x, y): (f64, f64), side: f64, colour: [u8; 3]) {
    let (left, top) = (x.round() as i64, y.round() as i64);
    let (right, bottom) = ((x + side).round() as i64 - 1, (y + side).round() as i64 - 1);
    let width = picture.width;
    for (row, line) in picture.rgb.chunks_exact_mut(3 * width.max(1)).enumerate() {
        let row = row as i64;
        if !(top..=bottom).contains(&row) {
            continue;
        }
        let edge = row < top + 2 || row > bottom - 2;
        for (column, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let column = column as i64;
            let within = (left..=right).contains(&column);
            if within && (edge || column < left + 2 || column > right - 2) {
                *pixel = colour;
            }
        }
    }
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
        let square = Square { x: 100, y: -40, side: 200 };
        sheet
            .add(&grey, Some(square), Some(Face { x: 200.0, y: 60.0, side: 100.0, score: 3.0 }))
            .unwrap();
        let picture = sheet.picture();
        assert_eq!((picture.width, picture.height), (1280, 360));
        let pixel = |x: usize, y: usize| &picture.rgb[3 * (1280 * y + x)..][..3];
        // Halved, in the second row: columns 50 to 149, rows up to 79.
        assert_eq!(pixel(50, 180 + 30), SQUARE);
        assert_eq!(pixel(149, 180 + 30), SQUARE);
        assert_eq!(pixel(100, 180 + 79), SQUARE);
        assert_eq!(pixel(75, 180 + 30), FACE);
        assert_eq!(pixel(100, 180 + 30), [90; 3]);
        assert_eq!(pixel(49, 180 + 30), [90; 3]);
        assert_eq!(pixel(400, 180 + 30), [0; 3], "the row is not full");
    }
}

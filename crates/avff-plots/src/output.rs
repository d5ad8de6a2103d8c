//! From drawing to files.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use plotters::{
    backend::{BitMapBackend, SVGBackend},
    drawing::IntoDrawingArea,
};

use crate::{
    canvas::{Canvas, PictureCanvas},
    error::PlotError,
};

/// Drawn units in a unit of an SVG or a smooth picture: `plotters` knows whole units alone.
const FINE: u32 = 4;

/// What `draw` draws on a page of `[width, height]` units, as SVG.
///
/// # Errors
/// [`PlotError::Font`] and [`PlotError::Draw`].
pub fn svg(
    [width, height]: [u32; 2],
    draw: impl FnOnce(&mut Canvas<SVGBackend<'_>>),
) -> Result<String, PlotError> {
    let mut text = String::new();
    let size = (width * FINE, height * FINE);
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    let mut canvas = Canvas::new(area, FINE, false);
    draw(&mut canvas);
    canvas.finish()?;
    // The view box stays, so the drawing is scaled.
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(text.replacen(&drawn, &format!("width=\"{width}\" height=\"{height}\""), 1))
}

/// What `draw` draws on `[width, height]` pixels.
///
/// # Errors
/// [`PlotError::Font`] and [`PlotError::Draw`].
pub fn picture(
    size: [u32; 2],
    draw: impl FnOnce(&mut PictureCanvas<'_>),
) -> Result<RgbImage, PlotError> {
    bitmap(size, 1, draw)
}

/// What `draw` draws on a page of `[width, height]` units, each of two by two pixels, with smooth lines.
pub(crate) fn smooth_picture(
    size: [u32; 2],
    draw: impl FnOnce(&mut PictureCanvas<'_>),
) -> Result<RgbImage, PlotError> {
    Ok(halved(&bitmap(size, FINE, draw)?))
}

fn bitmap(
    [width, height]: [u32; 2],
    fine: u32,
    draw: impl FnOnce(&mut PictureCanvas<'_>),
) -> Result<RgbImage, PlotError> {
    let (width, height) = (width * fine, height * fine);
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    let mut canvas = Canvas::new(area, fine, true);
    draw(&mut canvas);
    canvas.finish()?;
    let drawn = RgbImage::from_raw(width, height, pixels);
    drawn.ok_or_else(|| PlotError::Draw { reason: "the picture has another size".into() })
}

/// Each pixel is the mean of four.
fn halved(fine: &RgbImage) -> RgbImage {
    RgbImage::from_fn(fine.width() / 2, fine.height() / 2, |x, y| {
        let mut sums = [2; 3];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let pixel = fine.get_pixel(x * 2 + dx, y * 2 + dy).0;
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(value));
        }
        image::Rgb(sums.map(|sum| (sum / 4) as u8))
    })
}

/// A picture as PNG.
///
/// # Errors
/// [`PlotError::Encode`].
pub fn png(picture: &RgbImage) -> Result<Vec<u8>, PlotError> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

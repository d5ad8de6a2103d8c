//! Rendering of drawings to SVG and bitmaps.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use plotters::{
    backend::{BitMapBackend, SVGBackend},
    drawing::IntoDrawingArea,
};

use crate::{
    canvas::{BitmapCanvas, Canvas},
    error::PlotError,
};

/// Device units per page unit in an SVG and a smooth bitmap, because `plotters` has integer
/// coordinates.
const SCALE: u32 = 4;

/// Renders the drawing of `draw` on a page of `[width, height]` units as SVG.
///
/// # Errors
/// [`PlotError::Font`] and [`PlotError::Draw`].
pub fn svg(
    [width, height]: [u32; 2],
    draw: impl FnOnce(&mut Canvas<SVGBackend<'_>>),
) -> Result<String, PlotError> {
    let mut text = String::new();
    let size = (width * SCALE, height * SCALE);
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    let mut canvas = Canvas::new(area, SCALE, false);
    draw(&mut canvas);
    canvas.finish()?;
    // The view box keeps its size, so the drawing is scaled.
    let original = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(text.replacen(&original, &format!("width=\"{width}\" height=\"{height}\""), 1))
}

/// Renders the drawing of `draw` on `[width, height]` pixels.
///
/// # Errors
/// [`PlotError::Font`] and [`PlotError::Draw`].
pub fn bitmap(
    size: [u32; 2],
    draw: impl FnOnce(&mut BitmapCanvas<'_>),
) -> Result<RgbImage, PlotError> {
    render(size, 1, draw)
}

/// Renders the drawing of `draw` on a page of `[width, height]` units, with antialiasing and two by
/// two pixels per unit.
pub(crate) fn smooth_bitmap(
    size: [u32; 2],
    draw: impl FnOnce(&mut BitmapCanvas<'_>),
) -> Result<RgbImage, PlotError> {
    Ok(halved(&render(size, SCALE, draw)?))
}

fn render(
    [width, height]: [u32; 2],
    scale: u32,
    draw: impl FnOnce(&mut BitmapCanvas<'_>),
) -> Result<RgbImage, PlotError> {
    let (width, height) = (width * scale, height * scale);
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    let mut canvas = Canvas::new(area, scale, true);
    draw(&mut canvas);
    canvas.finish()?;
    let image = RgbImage::from_raw(width, height, pixels);
    image.ok_or_else(|| PlotError::Draw { reason: "the image has an unexpected size".into() })
}

/// Halves the resolution: each pixel is the mean of four.
fn halved(image: &RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width() / 2, image.height() / 2, |x, y| {
        let mut sums = [2; 3];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let pixel = image.get_pixel(x * 2 + dx, y * 2 + dy).0;
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(value));
        }
        image::Rgb(sums.map(|sum| (sum / 4) as u8))
    })
}

/// Encodes an image as PNG.
///
/// # Errors
/// [`PlotError::Encode`].
pub fn png(image: &RgbImage) -> Result<Vec<u8>, PlotError> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

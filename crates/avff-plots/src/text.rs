//! The embedded font and text measurement.

use std::sync::OnceLock;

use plotters::{
    backend::BitMapBackend,
    drawing::IntoDrawingArea,
    style::{
        FontDesc, FontFamily, FontStyle, TextStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::color::Color;

/// Line height, in pixels.
pub const LINE_HEIGHT: usize = 20;
/// Default text size.
pub(crate) const TEXT_SIZE: f64 = 16.0;
/// SVG viewers substitute the reader's own font of this family.
const FONT: &str = "sans-serif";

/// Registers the font once. Returns whether it is available.
pub(crate) fn registered() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        let bytes = include_bytes!("font/Roboto-Regular.subset.ttf");
        register_font(FONT, FontStyle::Normal, bytes).is_ok()
    })
}

pub(crate) fn font(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::Name(FONT), size, FontStyle::Normal)
}

/// Returns the width of a text, in units of its size.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    // Measured at a large size, because letters are placed on whole units. Missing letters have a
    // width too. Without the font, nothing is drawn.
    let layout = registered().then(|| font(size * 4.0).layout_box(text).ok()).flatten();
    layout.map_or(0.0, |((left, _), (right, _))| f64::from(right - left) / 4.0)
}

/// Divides the text size to give the downward shift of text in bitmaps. Bitmaps center the full
/// line height of a font, but letters occupy its upper part.
pub(crate) const BASELINE_RATIO: f64 = 7.0;

/// Fraction of each pixel that the text covers, row by row.
pub(crate) struct Coverage {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f64>,
}

/// Rasterizes a text that is vertically centered. `None` if the font cannot draw it.
pub(crate) fn coverage(text: &str, size: f64) -> Option<Coverage> {
    /// Subpixels along one side of a pixel.
    const SUBPIXELS: usize = 4;
    let scaled = size * SUBPIXELS as f64;
    let (width, height) = (width(text, size).ceil() as usize + 1, (2.0 * size) as usize);
    let (scaled_width, scaled_height) = ((width * SUBPIXELS) as u32, (height * SUBPIXELS) as u32);
    let mut pixels = vec![255; 3 * scaled_width as usize * scaled_height as usize];
    let area =
        BitMapBackend::with_buffer(&mut pixels, (scaled_width, scaled_height)).into_drawing_area();
    let style = TextStyle::from(font(scaled)).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw_text(text, &style, (0, scaled_height as i32 / 2 + (scaled / BASELINE_RATIO) as i32))
        .ok()?;
    area.present().ok()?;
    drop(area);
    let subpixel = |x: usize, y: usize| {
        let level = pixels.get(3 * (y * scaled_width as usize + x)).copied().unwrap_or(u8::MAX);
        f64::from(u8::MAX - level) / f64::from(u8::MAX)
    };
    let pixel = |x: usize, y: usize| {
        let all = (0..SUBPIXELS * SUBPIXELS)
            .map(|i| subpixel(x * SUBPIXELS + i % SUBPIXELS, y * SUBPIXELS + i / SUBPIXELS));
        all.sum::<f64>() / (SUBPIXELS * SUBPIXELS) as f64
    };
    let values = (0..width * height).map(|index| pixel(index % width, index / width)).collect();
    Some(Coverage { width, height, values })
}

/// Returns the width of a line of text, in pixels.
#[must_use]
pub fn text_width(text: &str) -> usize {
    width(text, TEXT_SIZE).ceil() as usize
}

/// Breaks lines at spaces to fit `width` pixels. A wider word stays whole.
#[must_use]
pub fn wrapped(lines: Vec<(String, Color)>, width: usize) -> Vec<(String, Color)> {
    let mut wrapped = Vec::new();
    for (text, color) in lines {
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && text_width(&longer) > width {
                wrapped.push((std::mem::replace(&mut line, word.to_owned()), color));
            } else {
                line = longer;
            }
        }
        wrapped.push((line, color));
    }
    wrapped
}

/// Truncates a text to `max` characters and replaces characters that XML does not allow.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() || "\u{fffe}\u{ffff}".contains(c) { '?' } else { c })
        .collect();
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::BLACK;

    #[test]
    fn text_wraps_at_spaces() {
        let width = text_width("one two");
        let lines = wrapped(vec![("one two three four".into(), BLACK)], width);
        let texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["one two", "three", "four"]);
    }

    #[test]
    fn text_is_truncated_between_characters() {
        assert_eq!(shortened("äöü\u{1}x", 4), "äöü?…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}

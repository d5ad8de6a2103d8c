//! The font, and how much room text takes.

use std::sync::OnceLock;

use plotters::{
    backend::BitMapBackend,
    drawing::IntoDrawingArea,
    style::{
        FontDesc, FontFamily, FontStyle, TextStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::colour::Colour;

/// From the top of a line of text to the top of the next, in pixels.
pub const LINE_HEIGHT: usize = 20;
/// The size of a line of text.
pub(crate) const TEXT_SIZE: f64 = 16.0;
/// SVGs are shown in the reader's own font of this kind.
const FONT: &str = "sans-serif";

/// Whether the font is there.
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

/// How wide a text is, in units of its size.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    // At a large size, as letters stand on whole units. Letters that the font lacks have a width too; without the font nothing can be drawn.
    let drawn = registered().then(|| font(size * 4.0).layout_box(text).ok()).flatten();
    drawn.map_or(0.0, |((left, _), (right, _))| f64::from(right - left) / 4.0)
}

/// By what part of its size text is lowered in bitmaps: they centre the whole line of a font, of which
/// letters take the upper part.
pub(crate) const LOWER: f64 = 7.0;

/// A line of text as shares of each pixel that are ink, row by row.
pub(crate) struct Ink {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) shares: Vec<f64>,
}

/// The ink of a text, its middle at half the height; none where the font cannot draw it.
pub(crate) fn ink(text: &str, size: f64) -> Option<Ink> {
    /// Drawn pixels in a side of one.
    const FINE: usize = 4;
    let fine = size * FINE as f64;
    let (width, height) = (width(text, size).ceil() as usize + 1, (2.0 * size) as usize);
    let (wide, high) = ((width * FINE) as u32, (height * FINE) as u32);
    let mut pixels = vec![255; 3 * wide as usize * high as usize];
    let area = BitMapBackend::with_buffer(&mut pixels, (wide, high)).into_drawing_area();
    let style = TextStyle::from(font(fine)).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw_text(text, &style, (0, high as i32 / 2 + (fine / LOWER) as i32)).ok()?;
    area.present().ok()?;
    drop(area);
    let ink = |x: usize, y: usize| {
        let level = pixels.get(3 * (y * wide as usize + x)).copied().unwrap_or(u8::MAX);
        f64::from(u8::MAX - level) / f64::from(u8::MAX)
    };
    let square = |x: usize, y: usize| {
        let all = (0..FINE * FINE).map(|i| ink(x * FINE + i % FINE, y * FINE + i / FINE));
        all.sum::<f64>() / (FINE * FINE) as f64
    };
    let shares = (0..width * height).map(|place| square(place % width, place / width)).collect();
    Some(Ink { width, height, shares })
}

/// Pixels that a line of text takes from left to right.
#[must_use]
pub fn text_width(text: &str) -> usize {
    width(text, TEXT_SIZE).ceil() as usize
}

/// Lines broken at spaces to fit `width` pixels. A word that is wider stays whole.
#[must_use]
pub fn wrapped(lines: Vec<(String, Colour)>, width: usize) -> Vec<(String, Colour)> {
    let mut out = Vec::new();
    for (text, colour) in lines {
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && text_width(&longer) > width {
                out.push((std::mem::replace(&mut line, word.to_owned()), colour));
            } else {
                line = longer;
            }
        }
        out.push((line, colour));
    }
    out
}

/// Text that fits, without signs that XML does not allow.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() || "\u{fffe}\u{ffff}".contains(c) { '?' } else { c })
        .collect();
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::BLACK;

    #[test]
    fn text_is_broken_at_spaces() {
        let width = text_width("one two");
        let lines = wrapped(vec![("one two three four".into(), BLACK)], width);
        let texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["one two", "three", "four"]);
    }

    #[test]
    fn text_is_cut_between_letters() {
        assert_eq!(shortened("äöü\u{1}x", 4), "äöü?…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}

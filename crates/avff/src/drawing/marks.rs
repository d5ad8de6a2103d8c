//! What is written around the pictures: names, colour bars, lines of text.

use avff_data::fbank::mel::LOW_HZ;

use super::{
    GAP, MARGIN,
    axis::{frequencies, ticks},
    canvas::{Align, BLACK, Canvas},
    panels::Range,
};

/// Width of a colour bar.
const BAR: usize = 14;

/// A line of text and its colour.
pub(crate) type Line = (String, [u8; 3]);

/// Names of rows of one height.
pub(crate) fn names(canvas: &mut Canvas, rows: &[&str], top: usize, height: usize) {
    for (row, name) in rows.iter().enumerate() {
        let middle = top + row * (height + GAP) + height / 2;
        canvas.text([MARGIN, middle.saturating_sub(8)], Align::Left, name, BLACK);
    }
}

/// Frequencies in Hz left of a spectrogram at `[x, y]` of sound at `sample_rate`.
pub(crate) fn frequency_ticks(
    canvas: &mut Canvas,
    [x, y]: [usize; 2],
    height: usize,
    mels: usize,
    sample_rate: u32,
) {
    let mels = mels as f64;
    let mut free = f64::INFINITY;
    for (place, label) in frequencies(LOW_HZ, f64::from(sample_rate) / 2.0) {
        // Filter m is centred on (m + 1) / (mels + 1) of the scale and drawn at (m + 0.5) / mels.
        let share = (place * (mels + 1.0) - 0.5) / mels;
        let row = height as f64 * (1.0 - share);
        if !(0.0..height as f64).contains(&row) || free - row < 16.0 {
            continue;
        }
        free = row;
        let at = y + row.round() as usize;
        canvas.fill([x - 6, at], [5, 1], BLACK);
        canvas.text([x - 8, at.saturating_sub(8)], Align::Right, &label, BLACK);
    }
}

/// A colour map and its values.
pub(crate) struct Bar {
    pub(crate) map: colorous::Gradient,
    pub(crate) range: Range,
    pub(crate) unit: &'static str,
}

impl Bar {
    pub(crate) fn draw(&self, canvas: &mut Canvas, [x, y]: [usize; 2], height: usize) {
        let x = x + 2 * GAP;
        let Range { low, high } = self.range;
        for row in 0..height {
            let share = 1.0 - row as f32 / (height.max(2) - 1) as f32;
            let colour = self.range.colour(self.map, low + share * (high - low));
            canvas.fill([x, y + row], [BAR, 1], colour);
        }
        canvas.outline([x, y], [BAR, height], BLACK);
        let (low, high) = (f64::from(low), f64::from(high));
        let marks = ticks(low, high, (height / 36).max(2));
        let last = marks.len().saturating_sub(1);
        for (index, (value, label)) in marks.into_iter().enumerate() {
            let row = (1.0 - (value - low) / (high - low)) * (height.max(2) - 1) as f64;
            let at = y + row.round() as usize;
            canvas.fill([x + BAR, at], [4, 1], BLACK);
            let label = if index == last { format!("{label} {}", self.unit) } else { label };
            canvas.text([x + BAR + 6, at.saturating_sub(8)], Align::Left, &label, BLACK);
        }
    }
}

/// Lines broken at spaces to fit `width` pixels.
pub(crate) fn wrapped(lines: Vec<Line>, width: usize) -> Vec<Line> {
    let mut out = Vec::new();
    for (text, colour) in lines {
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && Canvas::width_of(&longer) > width {
                out.push((std::mem::replace(&mut line, word.to_owned()), colour));
            } else {
                line = longer;
            }
        }
        out.push((line, colour));
    }
    out
}

/// Lines from `top` down; returns where they end.
pub(crate) fn write(canvas: &mut Canvas, top: usize, lines: &[Line]) -> usize {
    for (index, (text, colour)) in lines.iter().enumerate() {
        canvas.text([MARGIN, top + index * Canvas::LINE], Align::Left, text, *colour);
    }
    top + lines.len() * Canvas::LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces() {
        let width = Canvas::width_of("one two");
        let lines = wrapped(vec![("one two three four".into(), BLACK)], width);
        let texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["one two", "three", "four"]);
    }
}

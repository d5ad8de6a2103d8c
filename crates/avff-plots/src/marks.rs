//! What is written around panels: names, colour bars, frequencies, times, lines of text.

use crate::{
    axis::Axis,
    canvas::{Align, PictureCanvas},
    colour::{BLACK, Colour},
    mel::frequencies,
    panels::Range,
    text::LINE_HEIGHT,
};

/// Between frames, and between panels, in pixels.
pub const GAP: usize = 6;
/// Around everything, in pixels.
pub const MARGIN: usize = 16;
/// From the middle of a line of text to its top.
const HALF_TEXT: usize = 8;
/// Width of a colour bar.
const BAR: usize = 14;

/// Names of rows of one height.
pub fn names(canvas: &mut PictureCanvas<'_>, rows: &[&str], top: usize, height: usize) {
    for (row, name) in rows.iter().enumerate() {
        let middle = top + row * (height + GAP) + height / 2;
        canvas.line([MARGIN, middle.saturating_sub(HALF_TEXT)], Align::Left, name, BLACK);
    }
}

/// Frequencies in Hz left of a spectrogram at `[x, y]`, whose filters span `[low, high]` Hz.
pub fn frequency_ticks(
    canvas: &mut PictureCanvas<'_>,
    [x, y]: [usize; 2],
    height: usize,
    mels: usize,
    [low, high]: [f64; 2],
) {
    let mels = mels as f64;
    let mut free = f64::INFINITY;
    for (place, label) in frequencies(low, high) {
        // Filter m is centred on (m + 1) / (mels + 1) of the scale and drawn at (m + 0.5) / mels.
        let share = (place * (mels + 1.0) - 0.5) / mels;
        let row = height as f64 * (1.0 - share);
        if !(0.0..height as f64).contains(&row) || free - row < 16.0 {
            continue;
        }
        free = row;
        let at = y + row.round() as usize;
        canvas.fill([x - 6, at], [5, 1], BLACK);
        canvas.line([x - 8, at.saturating_sub(HALF_TEXT)], Align::Right, &label, BLACK);
    }
}

/// A colour map and its values.
pub struct Bar {
    /// The map.
    pub map: colorous::Gradient,
    /// The values of its ends.
    pub range: Range,
    /// Of the values; empty for none.
    pub unit: &'static str,
}

impl Bar {
    /// Right of a panel whose upper right corner is at `[x, y]`.
    pub fn draw(&self, canvas: &mut PictureCanvas<'_>, [x, y]: [usize; 2], height: usize) {
        let x = x + 2 * GAP;
        let Range { low, high } = self.range;
        for row in 0..height {
            let share = 1.0 - row as f32 / (height.max(2) - 1) as f32;
            let colour = self.range.colour(self.map, low + share * (high - low));
            canvas.fill([x, y + row], [BAR, 1], colour);
        }
        canvas.outline([x, y], [BAR, height], BLACK);
        let marks = Axis::exact(low.into(), high.into(), (height / 36).max(2)).ticks;
        let last = marks.len().saturating_sub(1);
        for (index, (place, label)) in marks.into_iter().enumerate() {
            let row = (1.0 - place) * (height.max(2) - 1) as f64;
            let at = y + row.round() as usize;
            canvas.fill([x + BAR, at], [4, 1], BLACK);
            let label = if index == last { format!("{label} {}", self.unit) } else { label };
            canvas.line([x + BAR + 6, at.saturating_sub(HALF_TEXT)], Align::Left, &label, BLACK);
        }
    }
}

/// Ticks and seconds under a panel `width` wide at `[x, y]`, for times from `start` to `end`.
pub fn times(
    canvas: &mut PictureCanvas<'_>,
    [x, y]: [usize; 2],
    width: usize,
    [start, end]: [f64; 2],
) {
    for (place, label) in Axis::exact(start, end, (width / 110).max(2)).ticks {
        let at = x + (place * width as f64).round() as usize;
        canvas.fill([at, y], [1, 5], BLACK);
        canvas.line([at, y + GAP], Align::Centre, &label, BLACK);
    }
}

/// Lines from `top` down; returns where they end.
pub fn write(canvas: &mut PictureCanvas<'_>, top: usize, lines: &[(String, Colour)]) -> usize {
    for (index, (text, colour)) in lines.iter().enumerate() {
        canvas.line([MARGIN, top + index * LINE_HEIGHT], Align::Left, text, *colour);
    }
    top + lines.len() * LINE_HEIGHT
}

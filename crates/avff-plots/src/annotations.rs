//! Annotations around panels: row labels, color bars, frequency ticks, time ticks and text.

use crate::{
    axis::Axis,
    canvas::{Align, BitmapCanvas},
    color::{BLACK, Color},
    mel::frequencies,
    panels::Range,
    text::LINE_HEIGHT,
};

/// Gap between frames and between panels, in pixels.
pub const GAP: usize = 6;
/// Margin around the sheet, in pixels.
pub const MARGIN: usize = 16;
/// Distance from the middle of a line of text to its top.
const HALF_TEXT: usize = 8;
/// Width of a color bar.
const BAR_WIDTH: usize = 14;

/// Draws the labels of rows with equal height.
pub fn row_labels(canvas: &mut BitmapCanvas<'_>, rows: &[&str], top: usize, height: usize) {
    for (row, label) in rows.iter().enumerate() {
        let middle = top + row * (height + GAP) + height / 2;
        canvas.line([MARGIN, middle.saturating_sub(HALF_TEXT)], Align::Left, label, BLACK);
    }
}

/// Draws frequency ticks in Hz left of a spectrogram at `[x, y]`. The filters span `[low, high]`
/// Hz.
pub fn frequency_ticks(
    canvas: &mut BitmapCanvas<'_>,
    [x, y]: [usize; 2],
    height: usize,
    mels: usize,
    [low, high]: [f64; 2],
) {
    let mels = mels as f64;
    let mut previous_row = f64::INFINITY;
    for (position, label) in frequencies(low, high) {
        // Filter m is centered on (m + 1) / (mels + 1) of the scale and drawn at (m + 0.5) / mels.
        let fraction = (position * (mels + 1.0) - 0.5) / mels;
        let row = height as f64 * (1.0 - fraction);
        if !(0.0..height as f64).contains(&row) || previous_row - row < 16.0 {
            continue;
        }
        previous_row = row;
        let at = y + row.round() as usize;
        canvas.fill([x - 6, at], [5, 1], BLACK);
        canvas.line([x - 8, at.saturating_sub(HALF_TEXT)], Align::Right, &label, BLACK);
    }
}

/// A color bar: a color map with its range of values.
pub struct ColorBar {
    /// The color map.
    pub map: colorous::Gradient,
    /// The values at both ends.
    pub range: Range,
    /// Unit of the values; empty for none.
    pub unit: &'static str,
}

impl ColorBar {
    /// Draws the bar right of a panel whose upper right corner is at `[x, y]`.
    pub fn draw(&self, canvas: &mut BitmapCanvas<'_>, [x, y]: [usize; 2], height: usize) {
        let x = x + 2 * GAP;
        let Range { low, high } = self.range;
        for row in 0..height {
            let fraction = 1.0 - row as f32 / (height.max(2) - 1) as f32;
            let color = self.range.color(self.map, low + fraction * (high - low));
            canvas.fill([x, y + row], [BAR_WIDTH, 1], color);
        }
        canvas.outline([x, y], [BAR_WIDTH, height], BLACK);
        let ticks = Axis::exact(low.into(), high.into(), (height / 36).max(2)).ticks;
        let last = ticks.len().saturating_sub(1);
        for (index, (position, label)) in ticks.into_iter().enumerate() {
            let row = (1.0 - position) * (height.max(2) - 1) as f64;
            let at = y + row.round() as usize;
            canvas.fill([x + BAR_WIDTH, at], [4, 1], BLACK);
            let label = if index == last { format!("{label} {}", self.unit) } else { label };
            canvas.line(
                [x + BAR_WIDTH + 6, at.saturating_sub(HALF_TEXT)],
                Align::Left,
                &label,
                BLACK,
            );
        }
    }
}

/// Draws time ticks in seconds below a panel of `width` at `[x, y]`, from `start` to `end`.
pub fn time_ticks(
    canvas: &mut BitmapCanvas<'_>,
    [x, y]: [usize; 2],
    width: usize,
    [start, end]: [f64; 2],
) {
    for (position, label) in Axis::exact(start, end, (width / 110).max(2)).ticks {
        let at = x + (position * width as f64).round() as usize;
        canvas.fill([at, y], [1, 5], BLACK);
        canvas.line([at, y + GAP], Align::Center, &label, BLACK);
    }
}

/// Draws lines of text from `top` down. Returns the lower edge.
pub fn text_lines(canvas: &mut BitmapCanvas<'_>, top: usize, lines: &[(String, Color)]) -> usize {
    for (index, (text, color)) in lines.iter().enumerate() {
        canvas.line([MARGIN, top + index * LINE_HEIGHT], Align::Left, text, *color);
    }
    top + lines.len() * LINE_HEIGHT
}

//! The explanation sheet: frames and spectrogram with their attention, and a bar for each time segment.

use avff_data::fbank::mel::LOW_HZ;
use avff_plots::{
    Align, BitmapCanvas, Frames, LINE_HEIGHT, PlotError, Range, Spectrogram,
    annotations::{ColorBar, GAP, MARGIN, frequency_ticks, row_labels, text_lines, time_ticks},
    bitmap,
    color::{ATTENTION, BLACK, Color, ENERGY, FAINT, RED},
    decibels, fitted, wrapped,
};
use image::{Rgb, RgbImage};

use super::{Attention, Explanation, LagSimilarity, TimeSegment};

/// The most frames side by side.
const COLUMNS: usize = 16;
/// Side of a frame, in pixels.
const CELL: usize = 64;
/// Height of the spectrogram, in pixels.
const PANEL: usize = 128;
/// Height of a row of bars, in pixels.
const BARS: usize = 72;
/// Width of a bar's value, in pixels.
const LABEL: usize = 44;
/// Height of the similarities by lag, with heading and axis, in pixels.
const LAGS: usize = BARS + 2 * LINE_HEIGHT + 6 * GAP;
/// Width of the row names, left of all panels, in pixels.
const LEFT: usize = 150;
/// Width of the color bars, right of all panels, in pixels.
const RIGHT: usize = 110;
/// The rows of bars.
const ROWS: [&str; 3] = ["both occluded", "audio occluded", "frames occluded"];
/// The color of evidence for fake.
const FAKE: Color = RED;
/// The color of evidence for real.
const REAL: Color = [40, 90, 170];
/// The color of similarities at lags that do not count as in time.
const LIGHT: Color = [150, 150, 150];

impl Explanation {
    /// Draws the selected window under `title`, such as the clip and the checkpoint.
    ///
    /// # Errors
    /// Returns [`PlotError`] if the sheet cannot be drawn.
    pub fn sheet(&self, title: &str) -> Result<RgbImage, PlotError> {
        let count = self.spec.video.frames.clamp(1, COLUMNS);
        let strip = count.max(10) * (CELL + GAP) - GAP;
        let width = 2 * MARGIN + LEFT + strip + RIGHT;
        let head = wrapped(self.head(title), width - 2 * MARGIN);
        let foot = wrapped(foot(), width - 2 * MARGIN);
        let lines = head.len() + foot.len() + 2;
        let inputs = 2 * (CELL + GAP) + PANEL + PANEL / 2 + 2 * GAP;
        let lags = if self.lags().is_empty() { 0 } else { LAGS };
        let height = 2 * MARGIN + lines * LINE_HEIGHT + inputs + 3 * BARS + 10 * GAP + lags;
        bitmap([width as u32, height as u32], |canvas| {
            self.draw(canvas, &head, &foot, [count, strip]);
        })
    }

    fn draw(
        &self,
        canvas: &mut BitmapCanvas<'_>,
        head: &[(String, Color)],
        foot: &[(String, Color)],
        [count, strip]: [usize; 2],
    ) {
        let mut top = text_lines(canvas, MARGIN, head) + GAP;
        let x = MARGIN + LEFT;
        self.draw_frames(canvas, [x, top], count);
        row_labels(canvas, &["frames", "attention"], top, CELL);
        let bar = ColorBar { map: ATTENTION, range: self.attention_range(), unit: "" };
        bar.draw(canvas, [x + strip, top + CELL + GAP], CELL);
        top += 2 * (CELL + GAP);
        self.draw_spectrogram(canvas, [x, top], [strip, PANEL]);
        row_labels(canvas, &["audio"], top, PANEL);
        top += PANEL + GAP;
        self.draw_audio_attention(canvas, [x, top], [strip, PANEL / 2]);
        row_labels(canvas, &["attention"], top, PANEL / 2);
        top += PANEL / 2 + 2 * GAP;
        canvas.line(
            [MARGIN, top],
            Align::Left,
            "drop of the logit margin when a time segment is occluded:",
            FAINT,
        );
        top += LINE_HEIGHT;
        self.draw_bars(canvas, [x, top], strip);
        row_labels(canvas, &ROWS, top, BARS);
        top += ROWS.len() * (BARS + GAP);
        self.draw_axis(canvas, [x, top], strip);
        top += LINE_HEIGHT + GAP;
        if !self.lags().is_empty() {
            self.draw_lags(canvas, [x, top + GAP], strip);
            top += LAGS;
        }
        text_lines(canvas, top, foot);
    }

    fn lags(&self) -> &[LagSimilarity] {
        self.windows.get(self.drawn).map_or(&[], |window| &window.lags)
    }

    /// Draws how alike lips and voice are at each lag of the audio.
    fn draw_lags(&self, canvas: &mut BitmapCanvas<'_>, [x, y]: [usize; 2], strip: usize) {
        let lags = self.lags();
        let text = "mean cosine similarity of lips and voice if the audio is early or late (dark: counts as in time):";
        canvas.line([MARGIN, y], Align::Left, text, FAINT);
        let middle = y + LINE_HEIGHT + BARS / 2;
        row_labels(canvas, &["similarity"], middle - BARS / 2, BARS);
        canvas.fill([x, middle], [strip, 1], FAINT);
        let axis = middle + BARS / 2 + GAP;
        let apart = (LABEL * lags.len()).div_ceil(strip);
        let values: Vec<f32> = lags.iter().map(|at| at.similarity).collect();
        let labels = labeled(&values, apart);
        for (index, at) in lags.iter().enumerate() {
            let (from, to) = (index * strip / lags.len(), (index + 1) * strip / lags.len());
            let height = (at.similarity.abs().min(1.0) * (BARS / 2 - 2) as f32).round() as usize;
            let top = if at.similarity > 0.0 { middle - height } else { middle + 1 };
            let color = if at.in_time { BLACK } else { LIGHT };
            canvas.fill([x + from + 2, top], [(to - from).saturating_sub(4).max(1), height], color);
            let center = x + (from + to) / 2;
            let beside = if at.similarity > 0.0 { middle + 2 } else { middle.saturating_sub(18) };
            if labels.contains(&index) {
                let value = format!("{:+.2}", at.similarity);
                canvas.line([center, beside], Align::Center, &value, FAINT);
            }
            // The lag in the middle is 0.
            if index.abs_diff(lags.len() / 2).is_multiple_of(apart + 1) {
                let lag = match at.lag {
                    0.0 => "0".to_owned(),
                    lag => format!("{lag:+.2}"),
                };
                canvas.line([center, axis], Align::Center, &lag, BLACK);
            }
        }
        canvas.line([MARGIN, axis], Align::Left, "lag of the audio, s", BLACK);
    }

    fn segments(&self) -> &[TimeSegment] {
        self.windows.get(self.drawn).map_or(&[], |window| &window.segments)
    }

    fn head(&self, title: &str) -> Vec<(String, Color)> {
        let mut lines = vec![(title.to_owned(), BLACK)];
        lines.extend(self.left_out_line().map(|line| (line, RED)));
        lines.extend(self.warning.iter().map(|warning| (warning.clone(), RED)));
        if let Some(window) = self.windows.get(self.drawn) {
            let text = format!(
                "window {} of {}: score {:.3}, logit margin {:+.2} (fake {:+.2}, real {:+.2})",
                self.drawn + 1,
                self.windows.len(),
                window.logits.probability_fake(),
                window.margin(),
                window.logits.fake,
                window.logits.real
            );
            lines.push((text, BLACK));
        }
        lines
    }

    /// Says which windows are left out.
    fn left_out_line(&self) -> Option<String> {
        const SHOWN: usize = 3;
        let spans: Vec<String> = self
            .left_out
            .iter()
            .take(SHOWN)
            .map(|out| format!("{:.2} to {:.2} s ({})", out.start, out.end, out.stream))
            .collect();
        let more = match self.left_out.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!spans.is_empty())
            .then(|| format!("windows left out because of damage: {}{more}", spans.join(", ")))
    }

    /// Draws the frames above the attention to their patches.
    fn draw_frames(&self, canvas: &mut BitmapCanvas<'_>, [x, y]: [usize; 2], count: usize) {
        let video = &self.spec.video;
        let size = [video.frames, video.height, video.width];
        let frames = Frames::new(size, video.shown(), &self.sample.clip.video);
        let range = self.attention_range();
        for column in 0..count {
            let frame = column * self.spec.video.frames / count;
            let image = fitted(&frames.image(frame), [CELL, CELL]);
            let x = x + column * (CELL + GAP);
            canvas.draw_image([x, y], &image);
            let planes = &self.attention.frames;
            if let Some(plane) = planes.get(frame * planes.len() / self.spec.video.frames.max(1)) {
                canvas.draw_image([x, y + CELL + GAP], &tinted(&image, plane, range));
            }
        }
    }

    /// The common range of the attention to both modalities.
    fn attention_range(&self) -> Range {
        let Attention { audio, frames } = &self.attention;
        let all = audio.iter().chain(frames.iter().flatten()).flatten();
        Range::for_errors(all.copied(), 1.0)
    }

    fn draw_audio_attention(
        &self,
        canvas: &mut BitmapCanvas<'_>,
        at: [usize; 2],
        size: [usize; 2],
    ) {
        let range = self.attention_range();
        let values = self.attention.audio.concat();
        let mels = self.attention.audio.first().map_or(0, Vec::len);
        let hidden = vec![false; values.len()];
        let patches = Spectrogram { values: &values, mask: &hidden, mels };
        canvas.draw_image(at, &patches.image(size, |value| range.color(ATTENTION, value), false));
        canvas.outline(at, size, BLACK);
    }

    fn draw_spectrogram(&self, canvas: &mut BitmapCanvas<'_>, at: [usize; 2], size: [usize; 2]) {
        let spec = &self.spec.audio;
        let values = decibels([spec.mean, spec.std], &self.sample.clip.audio);
        let range = Range::from_quantiles(values.iter().copied(), [0.01, 0.999], 1.0);
        let hidden = vec![false; values.len()];
        let spectrogram = Spectrogram { values: &values, mask: &hidden, mels: spec.mels };
        canvas.draw_image(at, &spectrogram.image(size, |value| range.color(ENERGY, value), false));
        canvas.outline(at, size, BLACK);
        let nyquist = f64::from(self.sample_rate) / 2.0;
        frequency_ticks(canvas, at, size[1], spec.mels, [LOW_HZ, nyquist]);
    }

    /// Draws one row of bars for both modalities, one for audio and one for frames, with a common scale.
    fn draw_bars(&self, canvas: &mut BitmapCanvas<'_>, [x, y]: [usize; 2], strip: usize) {
        let segments = self.segments();
        let all = segments.iter().flat_map(|s| [s.both, s.audio, s.frames]).map(f32::abs);
        let scale = all.fold(1e-6_f32, f32::max);
        let rows: [fn(&TimeSegment) -> f32; 3] = [|s| s.both, |s| s.audio, |s| s.frames];
        for (row, value) in rows.into_iter().enumerate() {
            let middle = y + row * (BARS + GAP) + BARS / 2;
            canvas.fill([x, middle], [strip, 1], FAINT);
            let values: Vec<f32> = segments.iter().map(value).collect();
            let labels = labeled(&values, (LABEL * segments.len()).div_ceil(strip));
            for (index, &value) in values.iter().enumerate() {
                let (from, to) =
                    (index * strip / segments.len(), (index + 1) * strip / segments.len());
                let height = (value.abs() / scale * (BARS / 2 - 2) as f32).round() as usize;
                let (top, color) =
                    if value > 0.0 { (middle - height, FAKE) } else { (middle + 1, REAL) };
                canvas.fill(
                    [x + from + 2, top],
                    [(to - from).saturating_sub(4).max(1), height],
                    color,
                );
                if !labels.contains(&index) {
                    continue;
                }
                let label = format!("{value:+.2}");
                let beside = if value > 0.0 { middle + 2 } else { middle.saturating_sub(18) };
                canvas.line([x + (from + to) / 2, beside], Align::Center, &label, FAINT);
            }
        }
    }

    fn draw_axis(&self, canvas: &mut BitmapCanvas<'_>, [x, y]: [usize; 2], strip: usize) {
        let span = self.sample.span;
        time_ticks(canvas, [x, y], strip, [span.start, span.end]);
        canvas.line([MARGIN, y + GAP], Align::Left, "time, s", BLACK);
    }
}

/// Returns the bars whose values are written: the largest, of those that are closer than `apart` bars
/// and on the same side.
fn labeled(values: &[f32], apart: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
    let mut chosen: Vec<usize> = Vec::new();
    for bar in order {
        let is_free = |&other: &usize| {
            bar.abs_diff(other) >= apart || (values[bar] > 0.0) != (values[other] > 0.0)
        };
        if chosen.iter().all(is_free) {
            chosen.push(bar);
        }
    }
    chosen
}

/// Overlays a gray image with the colors of its patches' attention, `[row][column]`.
fn tinted(image: &RgbImage, plane: &[Vec<f32>], range: Range) -> RgbImage {
    let columns = plane.first().map_or(1, Vec::len);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut tinted = image.clone();
    for (x, y, pixel) in tinted.enumerate_pixels_mut() {
        let (row, column) = (y as usize * plane.len() / height, x as usize * columns / width);
        let value = plane.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0);
        let gray = pixel.0.iter().map(|&level| u16::from(level)).sum::<u16>() / 3;
        let color = range.color(ATTENTION, value);
        let mixed = |level| u8::try_from((u16::from(level) + gray) / 2).unwrap_or(u8::MAX);
        *pixel = Rgb(color.map(mixed));
    }
    tinted
}

fn foot() -> Vec<(String, Color)> {
    let bars = "Red bars are evidence for fake, blue bars for real. A bar is the drop of the logit margin (the output \
                for fake minus the output for real) when the network's features of that time segment are replaced \
                by the mean of the other segments. The rows do not add up, because the head compares both \
                modalities. A bar shows where the score comes from, not how the clip was manipulated.";
    let attention = "Attention is the share of each patch in its encoder's output, by attention rollout; 1 is an equal \
                     share. It shows where the network looks, not why it decides.";
    [bars, attention].map(|text| (text.to_owned(), FAINT)).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_where_they_do_not_overlap() {
        let values = [0.1, -0.5, 0.3, 0.2, -0.4, 0.0];
        let mut all = labeled(&values, 1);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        // On the side of fake, 2 wins over 0 and 3; on that of real, 1 and 4 are far enough apart.
        let mut some = labeled(&values, 3);
        some.sort_unstable();
        assert_eq!(some, [1, 2, 4]);
    }
}

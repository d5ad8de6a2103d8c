//! The sheet: frames and spectrogram with the attention to each, and a bar for each time segment.

use avff_data::fbank::mel::LOW_HZ;
use avff_plots::{
    Align, Frames, LINE_HEIGHT, PictureCanvas, PlotError, Range, Spectrogram,
    colour::{ATTENTION, BLACK, Colour, ENERGY, FAINT, RED},
    decibels, fitted,
    marks::{Bar, GAP, MARGIN, frequency_ticks, names, times, write},
    picture, wrapped,
};
use image::{Rgb, RgbImage};

use super::{Attention, Explanation, Moment};

/// The most pictures side by side.
const COLUMNS: usize = 16;
/// Of a picture, in pixels.
const CELL: usize = 64;
/// Heights of the spectrogram and of a row of bars.
const PANEL: usize = 128;
const BARS: usize = 72;
/// Left of everything drawn: names.
const LEFT: usize = 150;
/// Right of it: colour bars.
const RIGHT: usize = 110;
const ROWS: [&str; 3] = ["both", "audio", "frames"];
/// Speaks for fake, for real.
const FAKE: Colour = RED;
const REAL: Colour = [40, 90, 170];

impl Explanation {
    /// The drawn window as a picture under a line of text: the clip, the checkpoint.
    ///
    /// # Errors
    /// [`PlotError`] where it cannot be drawn.
    pub fn sheet(&self, title: &str) -> Result<RgbImage, PlotError> {
        let count = self.spec.video.frames.clamp(1, COLUMNS);
        let strip = count.max(10) * (CELL + GAP) - GAP;
        let width = 2 * MARGIN + LEFT + strip + RIGHT;
        let head = wrapped(self.head(title), width - 2 * MARGIN);
        let foot = wrapped(foot(), width - 2 * MARGIN);
        let lines = head.len() + foot.len() + 2;
        let seen = 2 * (CELL + GAP) + PANEL + PANEL / 2 + 2 * GAP;
        let height = 2 * MARGIN + lines * LINE_HEIGHT + seen + 3 * BARS + 10 * GAP;
        picture([width as u32, height as u32], |canvas| {
            self.draw(canvas, &head, &foot, [count, strip]);
        })
    }

    fn draw(
        &self,
        canvas: &mut PictureCanvas<'_>,
        head: &[(String, Colour)],
        foot: &[(String, Colour)],
        [count, strip]: [usize; 2],
    ) {
        let mut top = write(canvas, MARGIN, head) + GAP;
        let x = MARGIN + LEFT;
        self.pictures(canvas, [x, top], count);
        names(canvas, &["frames", "attention"], top, CELL);
        let bar = Bar { map: ATTENTION, range: self.looked_at(), unit: "" };
        bar.draw(canvas, [x + strip, top + CELL + GAP], CELL);
        top += 2 * (CELL + GAP);
        self.sound(canvas, [x, top], [strip, PANEL]);
        names(canvas, &["audio"], top, PANEL);
        top += PANEL + GAP;
        self.listened_to(canvas, [x, top], [strip, PANEL / 2]);
        names(canvas, &["attention"], top, PANEL / 2);
        top += PANEL / 2 + 2 * GAP;
        canvas.line(
            [MARGIN, top],
            Align::Left,
            "drop of the logit margin when a time segment is occluded:",
            FAINT,
        );
        top += LINE_HEIGHT;
        self.bars(canvas, [x, top], strip);
        names(canvas, &ROWS, top, BARS);
        top += ROWS.len() * (BARS + GAP);
        self.axis(canvas, [x, top], strip);
        write(canvas, top + LINE_HEIGHT + GAP, foot);
    }

    fn moments(&self) -> &[Moment] {
        self.windows.get(self.drawn).map_or(&[], |window| &window.moments)
    }

    fn head(&self, title: &str) -> Vec<(String, Colour)> {
        let mut lines = vec![(title.to_owned(), BLACK)];
        lines.extend(self.caution.iter().map(|caution| (caution.clone(), RED)));
        if let Some(window) = self.windows.get(self.drawn) {
            let text = format!(
                "window {} of {}: P(fake) {:.3}, margin {:+.2} (fake {:+.2}, real {:+.2})",
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

    fn pictures(&self, canvas: &mut PictureCanvas<'_>, [x, y]: [usize; 2], count: usize) {
        let video = &self.spec.video;
        let size = [video.frames, video.height, video.width];
        let frames = Frames::new(size, [video.mean, video.std], &self.sample.clip.video);
        let range = self.looked_at();
        for column in 0..count {
            let frame = column * self.spec.video.frames / count;
            let picture = fitted(&frames.picture(frame), [CELL, CELL]);
            let x = x + column * (CELL + GAP);
            canvas.place([x, y], &picture);
            let times = &self.attention.pictures;
            if let Some(plane) = times.get(frame * times.len() / self.spec.video.frames.max(1)) {
                canvas.place([x, y + CELL + GAP], &tinted(&picture, plane, range));
            }
        }
    }

    /// The scale of both modalities' attention.
    fn looked_at(&self) -> Range {
        let Attention { sound, pictures } = &self.attention;
        let all = sound.iter().chain(pictures.iter().flatten()).flatten();
        Range::of_errors(all.copied(), 1.0)
    }

    fn listened_to(&self, canvas: &mut PictureCanvas<'_>, at: [usize; 2], size: [usize; 2]) {
        let range = self.looked_at();
        let values = self.attention.sound.concat();
        let mels = self.attention.sound.first().map_or(0, Vec::len);
        let hidden = vec![false; values.len()];
        let patches = Spectrogram { values: &values, hidden: &hidden, mels };
        canvas.place(at, &patches.picture(size, |value| range.colour(ATTENTION, value), false));
        canvas.outline(at, size, BLACK);
    }

    fn sound(&self, canvas: &mut PictureCanvas<'_>, at: [usize; 2], size: [usize; 2]) {
        let spec = &self.spec.audio;
        let values = decibels([spec.mean, spec.std], &self.sample.clip.audio);
        let range = Range::of(values.iter().copied(), [0.01, 0.999], 1.0);
        let hidden = vec![false; values.len()];
        let spectrogram = Spectrogram { values: &values, hidden: &hidden, mels: spec.mels };
        canvas.place(at, &spectrogram.picture(size, |value| range.colour(ENERGY, value), false));
        canvas.outline(at, size, BLACK);
        let nyquist = f64::from(self.sample_rate) / 2.0;
        frequency_ticks(canvas, at, size[1], spec.mels, [LOW_HZ, nyquist]);
    }

    /// A row for both, one for sound, one for pictures, all to one scale.
    fn bars(&self, canvas: &mut PictureCanvas<'_>, [x, y]: [usize; 2], strip: usize) {
        let moments = self.moments();
        let all = moments.iter().flat_map(|m| [m.both, m.sound, m.pictures]).map(f32::abs);
        let scale = all.fold(1e-6_f32, f32::max);
        let rows: [fn(&Moment) -> f32; 3] = [|m| m.both, |m| m.sound, |m| m.pictures];
        for (row, value) in rows.into_iter().enumerate() {
            let middle = y + row * (BARS + GAP) + BARS / 2;
            canvas.fill([x, middle], [strip, 1], FAINT);
            for (index, moment) in moments.iter().enumerate() {
                let (from, to) =
                    (index * strip / moments.len(), (index + 1) * strip / moments.len());
                let value = value(moment);
                let height = (value.abs() / scale * (BARS / 2 - 2) as f32).round() as usize;
                let (top, colour) =
                    if value > 0.0 { (middle - height, FAKE) } else { (middle + 1, REAL) };
                canvas.fill([x + from + 2, top], [to - from - 4, height], colour);
                let label = format!("{value:+.2}");
                let beside = if value > 0.0 { middle + 2 } else { middle.saturating_sub(18) };
                canvas.line([x + (from + to) / 2, beside], Align::Centre, &label, FAINT);
            }
        }
    }

    fn axis(&self, canvas: &mut PictureCanvas<'_>, [x, y]: [usize; 2], strip: usize) {
        let span = self.sample.span;
        times(canvas, [x, y], strip, [span.start, span.end]);
        canvas.line([MARGIN, y + GAP], Align::Left, "time, s", BLACK);
    }
}

/// A picture in grey under the colours of its patches' `[row][column]` attention.
fn tinted(picture: &RgbImage, plane: &[Vec<f32>], range: Range) -> RgbImage {
    let columns = plane.first().map_or(1, Vec::len);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut tinted = picture.clone();
    for (x, y, pixel) in tinted.enumerate_pixels_mut() {
        let (row, column) = (y as usize * plane.len() / height, x as usize * columns / width);
        let value = plane.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0);
        let grey = pixel.0.iter().map(|&level| u16::from(level)).sum::<u16>() / 3;
        let colour = range.colour(ATTENTION, value);
        let mixed = |level| u8::try_from((u16::from(level) + grey) / 2).unwrap_or(u8::MAX);
        *pixel = Rgb(colour.map(mixed));
    }
    tinted
}

fn foot() -> Vec<(String, Colour)> {
    let bars = "Red bars speak for fake, blue bars for real. A bar is the drop of the logit margin (the output for \
                fake minus the output for real) when the network's features of that time segment are replaced by \
                the mean of the other segments. It shows where the score comes from, not what was done to the clip.";
    let attention = "Attention is the share of each patch in its encoder's output, by attention rollout; 1 is an even \
                     share. It shows where the network looks, not why it decides.";
    [bars, attention].map(|text| (text.to_owned(), FAINT)).to_vec()
}

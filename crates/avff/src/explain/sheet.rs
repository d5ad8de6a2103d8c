//! The sheet: pictures and spectrogram, each over what is attended to of it, over bars, moment by moment.

use avff_data::DataError;
use avff_media::Frame;

use super::{Attention, Explanation, Moment};
use crate::drawing::{
    GAP, MARGIN,
    axis::ticks,
    canvas::{Align, BLACK, Canvas, Colour, FAINT, RED},
    marks::{Bar, Line, frequency_ticks, names, wrapped, write},
    panels::{ATTENTION, ENERGY, Frames, Range, Spectrogram, decibels, fitted},
};

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
const ROWS: [&str; 3] = ["both", "sound", "pictures"];
/// Speaks for fake, for real.
const FAKE: Colour = RED;
const REAL: Colour = [40, 90, 170];

impl Explanation {
    /// The drawn window as a picture under a line of text: the clip, the checkpoint.
    ///
    /// # Errors
    /// [`DataError`] where a picture is of a size that cannot be scaled.
    pub fn sheet(&self, title: &str) -> Result<Frame, DataError> {
        let count = self.spec.video.frames.clamp(1, COLUMNS);
        let strip = count.max(10) * (CELL + GAP) - GAP;
        let width = 2 * MARGIN + LEFT + strip + RIGHT;
        let head = wrapped(self.head(title), width - 2 * MARGIN);
        let foot = wrapped(foot(), width - 2 * MARGIN);
        let lines = head.len() + foot.len() + 2;
        let seen = 2 * (CELL + GAP) + PANEL + PANEL / 2 + 2 * GAP;
        let height = 2 * MARGIN + lines * Canvas::LINE + seen + 3 * BARS + 10 * GAP;
        let mut canvas = Canvas::new(width, height);
        let mut top = write(&mut canvas, MARGIN, &head) + GAP;
        let x = MARGIN + LEFT;
        self.pictures(&mut canvas, [x, top], count)?;
        names(&mut canvas, &["pictures", "attention"], top, CELL);
        let bar = Bar { map: ATTENTION, range: self.looked_at(), unit: "" };
        bar.draw(&mut canvas, [x + strip, top + CELL + GAP], CELL);
        top += 2 * (CELL + GAP);
        self.sound(&mut canvas, [x, top], [strip, PANEL]);
        names(&mut canvas, &["sound"], top, PANEL);
        top += PANEL + GAP;
        self.listened_to(&mut canvas, [x, top], [strip, PANEL / 2]);
        names(&mut canvas, &["attention"], top, PANEL / 2);
        top += PANEL / 2 + 2 * GAP;
        canvas.text([MARGIN, top], Align::Left, "gone of the margin without a moment's:", FAINT);
        top += Canvas::LINE;
        self.bars(&mut canvas, [x, top], strip);
        names(&mut canvas, &ROWS, top, BARS);
        top += ROWS.len() * (BARS + GAP);
        self.axis(&mut canvas, [x, top], strip);
        write(&mut canvas, top + Canvas::LINE + GAP, &foot);
        Ok(canvas.finish())
    }

    fn moments(&self) -> &[Moment] {
        self.windows.get(self.drawn).map_or(&[], |window| &window.moments)
    }

    fn head(&self, title: &str) -> Vec<Line> {
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

    fn pictures(
        &self,
        canvas: &mut Canvas,
        [x, y]: [usize; 2],
        count: usize,
    ) -> Result<(), DataError> {
        let frames = Frames::new(&self.spec.video, &self.sample.clip.video);
        let range = self.looked_at();
        for column in 0..count {
            let frame = column * self.spec.video.frames / count;
            let picture = fitted(&frames.picture(frame), [CELL, CELL])?;
            let x = x + column * (CELL + GAP);
            canvas.place([x, y], &picture);
            let times = &self.attention.pictures;
            if let Some(plane) = times.get(frame * times.len() / self.spec.video.frames.max(1)) {
                canvas.place([x, y + CELL + GAP], &tinted(&picture, plane, range));
            }
        }
        Ok(())
    }

    /// The scale of both modalities' attention.
    fn looked_at(&self) -> Range {
        let Attention { sound, pictures } = &self.attention;
        let all = sound.iter().chain(pictures.iter().flatten()).flatten();
        Range::of_errors(all.copied(), 1.0)
    }

    fn listened_to(&self, canvas: &mut Canvas, at: [usize; 2], size: [usize; 2]) {
        let range = self.looked_at();
        let values = self.attention.sound.concat();
        let mels = self.attention.sound.first().map_or(0, Vec::len);
        let hidden = vec![false; values.len()];
        let patches = Spectrogram { values: &values, hidden: &hidden, mels };
        canvas.place(at, &patches.picture(size, |value| range.colour(ATTENTION, value), false));
        canvas.outline(at, size, BLACK);
    }

    fn sound(&self, canvas: &mut Canvas, at: [usize; 2], size: [usize; 2]) {
        let spec = &self.spec.audio;
        let values = decibels(spec, &self.sample.clip.audio);
        let range = Range::of(values.iter().copied(), [0.01, 0.999], 1.0);
        let hidden = vec![false; values.len()];
        let spectrogram = Spectrogram { values: &values, hidden: &hidden, mels: spec.mels };
        canvas.place(at, &spectrogram.picture(size, |value| range.colour(ENERGY, value), false));
        canvas.outline(at, size, BLACK);
        frequency_ticks(canvas, at, size[1], spec.mels, self.sample_rate);
    }

    /// A row for both, one for sound, one for pictures, all to one scale.
    fn bars(&self, canvas: &mut Canvas, [x, y]: [usize; 2], strip: usize) {
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
                canvas.text([x + (from + to) / 2, beside], Align::Centre, &label, FAINT);
            }
        }
    }

    fn axis(&self, canvas: &mut Canvas, [x, y]: [usize; 2], strip: usize) {
        let span = self.sample.span;
        for (time, label) in ticks(span.start, span.end, (strip / 110).max(2)) {
            let share = (time - span.start) / span.seconds();
            let at = x + (share * strip as f64).round() as usize;
            canvas.fill([at, y], [1, 5], BLACK);
            canvas.text([at, y + GAP], Align::Centre, &label, BLACK);
        }
        canvas.text([MARGIN, y + GAP], Align::Left, "time, s", BLACK);
    }
}

/// A picture in grey under the colours of its patches' `[row][column]` attention.
fn tinted(picture: &Frame, plane: &[Vec<f32>], range: Range) -> Frame {
    let columns = plane.first().map_or(1, Vec::len);
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for (at, pixel) in picture.rgb.as_chunks::<3>().0.iter().enumerate() {
        let (x, y) = (at % picture.width, at / picture.width);
        let (row, column) = (y * plane.len() / picture.height, x * columns / picture.width);
        let value = plane.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0);
        let grey = pixel.iter().map(|&level| u16::from(level)).sum::<u16>() / 3;
        let colour = range.colour(ATTENTION, value);
        rgb.extend(
            colour.map(|level| u8::try_from((u16::from(level) + grey) / 2).unwrap_or(u8::MAX)),
        );
    }
    Frame { rgb, ..*picture }
}

fn foot() -> Vec<Line> {
    let text = "Red speaks for fake, blue for real: by so much the output for fake less that for real falls or \
                rises when what the network made of that moment is replaced by the mean of the others. It tells \
                where the score comes from, not what was done to the clip.";
    let attention = "Attention: how much of each patch arrives at its encoder's output by attention rollout, 1 being an \
                     even share. It shows where the network looks, not why it decides.";
    [text, attention].map(|text| (text.to_owned(), FAINT)).to_vec()
}

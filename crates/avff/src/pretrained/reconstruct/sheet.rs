//! The sheet: frames over spectrograms, each as input, masked, made and error.

use avff_data::DataError;
use avff_media::Frame;
use avff_model::config::{ReconstructionRegion, TargetNorm};

use super::Reconstruction;
use crate::drawing::{
    GAP, MARGIN,
    axis::ticks,
    canvas::{Align, BLACK, Canvas, FAINT, GREY, RED},
    marks::{Bar, Line, frequency_ticks, names, wrapped, write},
    panels::{ENERGY, ERROR, Frames, HIDDEN, Range, Spectrogram, decibels, fitted},
};

/// The most frames side by side.
const COLUMNS: usize = 16;
/// About the width of a frame, in pixels.
const CELL: usize = 112;
/// About the height of a spectrogram, in pixels.
const PANEL: usize = 128;
/// Left of frames and spectrograms: names and ticks.
const LEFT: usize = 190;
/// Right of them: the colour bars.
const RIGHT: usize = 130;
/// The rows of either half.
const ROWS: [&str; 4] = ["input", "masked input", "reconstruction", "error"];
/// Narrow networks get a sheet that holds their text all the same.
const LEAST_STRIP: usize = 640;

/// What stands for the visible parts in the reconstruction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// What the network made of them.
    #[default]
    Predicted,
    /// The input.
    Input,
}

/// What is written over a sheet, and how it is drawn.
#[derive(Debug, Clone, Default)]
pub struct SheetOptions {
    /// The first line: the clip, the checkpoint.
    pub title: String,
    /// Whether the network was never trained; then the sheet says so.
    pub untrained: bool,
    /// What stands for the visible parts in the reconstruction.
    pub visible: Shown,
}

/// Sizes that follow from the network's.
struct Layout {
    cell: [usize; 2],
    frames: Vec<usize>,
    strip: usize,
    panel: usize,
}

impl Reconstruction {
    /// The sheet as a picture.
    ///
    /// # Errors
    /// [`DataError`] where a frame is of a size that cannot be scaled.
    pub fn sheet(&self, options: &SheetOptions) -> Result<Frame, DataError> {
        let layout = self.layout();
        let width = MARGIN + LEFT + layout.strip + RIGHT;
        let head = wrapped(self.head(options), width - 2 * MARGIN);
        let foot = wrapped(self.foot(options), width - 2 * MARGIN);
        let line = Canvas::LINE;
        let frames_height = 4 * (layout.cell[1] + GAP) + line;
        let sound_height = 4 * (layout.panel + GAP) + 2 * line;
        let lines = head.len() + foot.len();
        let height = 2 * MARGIN + lines * line + 2 * (line + GAP) + frames_height + sound_height;
        let mut canvas = Canvas::new(width, height + 2 * GAP);
        let mut top = write(&mut canvas, MARGIN, &head);
        top = self.draw_frames(&mut canvas, &layout, top + GAP, options.visible)?;
        top = self.draw_sound(&mut canvas, &layout, top + GAP, options.visible);
        write(&mut canvas, top + GAP, &foot);
        Ok(canvas.finish())
    }

    fn layout(&self) -> Layout {
        let video = &self.spec.video;
        let count = video.frames.clamp(1, COLUMNS);
        let frames: Vec<usize> = (0..count).map(|i| i * video.frames / count).collect();
        let room = CELL.max(LEAST_STRIP / count - GAP);
        let across = match room / video.width.max(1) {
            0 | 1 => room,
            times => times * video.width,
        };
        let cell = [across, (across * video.height).div_ceil(video.width.max(1)).max(1)];
        let strip = (count * (across + GAP) - GAP).max(LEAST_STRIP);
        let panel = match PANEL / self.spec.audio.mels.max(1) {
            0 => PANEL,
            times => times * self.spec.audio.mels,
        };
        Layout { cell, frames, strip, panel }
    }

    fn head(&self, options: &SheetOptions) -> Vec<Line> {
        let mut lines = vec![(options.title.clone(), BLACK)];
        if options.untrained {
            let text =
                "UNTRAINED checkpoint: it never learned to reconstruct, the pictures mean nothing";
            lines.push((text.into(), RED));
        }
        let list = |of: &mut dyn Iterator<Item = usize>| {
            of.map(|slice| slice.to_string()).collect::<Vec<_>>().join(" ")
        };
        let hidden = &self.hidden_from_audio;
        let others = &mut (0..self.config.slices).filter(|slice| !hidden.contains(slice));
        lines.push((
            format!(
                "hidden slices of {}: sound {}, pictures {} (bordered orange below)",
                self.config.slices,
                list(&mut hidden.iter().copied()),
                list(others)
            ),
            BLACK,
        ));
        let losses = &self.losses;
        lines.push((
            format!(
                "losses: total {:.4}, audio {:.4} (a prediction of 0: {:.4}), video {:.4} (a \
                 prediction of 0: {:.4}), contrastive n/a for one clip",
                losses.total,
                losses.audio,
                losses.audio_of_zeros,
                losses.video,
                losses.video_of_zeros
            ),
            BLACK,
        ));
        lines
    }

    /// What has to be known to read the pictures aright.
    fn foot(&self, options: &SheetOptions) -> Vec<Line> {
        let mut lines = Vec::new();
        match self.config.reconstruction.target_norm {
            TargetNorm::None => {}
            TargetNorm::Row => lines.push(
                "The network predicts each row of pixels, and each mel bin over time, standardised. \
                 The input's own mean and deviation are put back, those of hidden rows too: a prediction of 0 would look like stripes of the input.",
            ),
            TargetNorm::Patch => lines.push(
                "The network predicts each patch standardised. The input's own mean and deviation are \
                 put back, those of hidden patches too: a prediction of 0 would look like the input in \
                 coarse squares.",
            ),
        }
        match options.visible {
            Shown::Input => lines.push("Visible parts of the reconstruction are the input's."),
            Shown::Predicted
                if self.config.reconstruction.region == ReconstructionRegion::Hidden =>
            {
                lines.push(
                    "Visible parts are shown as predicted, though the loss counts hidden ones only.",
                );
            }
            Shown::Predicted => lines.push("Visible parts are shown as predicted."),
        }
        lines.into_iter().map(|line| (line.to_owned(), FAINT)).collect()
    }

    /// Frames in four rows from `top` down; returns where they end.
    fn draw_frames(
        &self,
        canvas: &mut Canvas,
        layout: &Layout,
        top: usize,
        visible: Shown,
    ) -> Result<usize, DataError> {
        let spec = &self.spec.video;
        let input = Frames::new(spec, &self.video);
        let mut masked = input.clone();
        let mut made = Frames::new(spec, &self.made_video);
        for (at, &hidden) in self.video_hidden.iter().enumerate() {
            if hidden {
                masked.levels[at] = f32::from(GREY[0]);
            } else if visible == Shown::Input {
                made.levels[at] = input.levels[at];
            }
        }
        let error = input.distance(&made);
        let range = Range::of_errors(error.iter().copied(), 1.0);
        let size = spec.width * spec.height;
        let coloured = |frame: usize| {
            let pixels = error.get(frame * size..(frame + 1) * size).unwrap_or_default();
            let rgb = pixels.iter().flat_map(|&value| range.colour(ERROR, value)).collect();
            Frame { width: spec.width, height: spec.height, rgb }
        };
        let [across, down] = layout.cell;
        let x = MARGIN + LEFT;
        let below = top + Canvas::LINE;
        canvas.text([x, top], Align::Left, "pictures", BLACK);
        for (column, &frame) in layout.frames.iter().enumerate() {
            let left = x + column * (across + GAP);
            let cells =
                [input.picture(frame), masked.picture(frame), made.picture(frame), coloured(frame)];
            for (row, cell) in cells.iter().enumerate() {
                let at = [left, below + row * (down + GAP)];
                canvas.place(at, &fitted(cell, layout.cell)?);
                if row >= 2 && self.video_hidden.get(frame * size) == Some(&true) {
                    canvas.outline(at, layout.cell, HIDDEN);
                    canvas.outline(
                        at.map(|place| place - 1),
                        layout.cell.map(|side| side + 2),
                        HIDDEN,
                    );
                }
            }
            let time = self.times.get(frame).map_or_else(String::new, |time| format!("{time:.2}"));
            let at = [left + across / 2, below + 4 * (down + GAP)];
            canvas.text(at, Align::Centre, &time, BLACK);
        }
        names(canvas, &ROWS, below, down);
        let axis = below + 4 * (down + GAP);
        canvas.text([x - GAP, axis], Align::Right, "shown at, s", BLACK);
        let bar = Bar { map: ERROR, range, unit: "levels" };
        bar.draw(canvas, [x + layout.strip, below + 3 * (down + GAP)], down);
        Ok(axis + Canvas::LINE + GAP)
    }

    /// Spectrograms in four rows from `top` down; returns where they end.
    fn draw_sound(
        &self,
        canvas: &mut Canvas,
        layout: &Layout,
        top: usize,
        visible: Shown,
    ) -> usize {
        let spec = &self.spec.audio;
        let input = decibels(spec, &self.audio);
        let mut made = decibels(spec, &self.made_audio);
        if visible == Shown::Input {
            for (at, _) in self.audio_hidden.iter().enumerate().filter(|(_, hidden)| !**hidden) {
                made[at] = input[at];
            }
        }
        let error: Vec<f32> = input.iter().zip(&made).map(|(a, b)| (a - b).abs()).collect();
        let energies = Range::of(input.iter().copied(), [0.01, 0.999], 1.0);
        let errors = Range::of_errors(error.iter().copied(), 1.0);
        let (x, below) = (MARGIN + LEFT, top + Canvas::LINE);
        canvas.text([x, top], Align::Left, "sound: log-mel spectrogram", BLACK);
        canvas.text([x - 3 * GAP, top], Align::Right, "Hz", BLACK);
        let size = [layout.strip, layout.panel];
        let rows = [(&input, false), (&input, true), (&made, false), (&error, false)];
        for (row, (values, cover)) in rows.into_iter().enumerate() {
            let y = below + row * (layout.panel + GAP);
            let nothing = vec![false; self.audio_hidden.len()];
            let hidden = if row == 0 { &nothing } else { &self.audio_hidden };
            let spectrogram = Spectrogram { values, hidden, mels: spec.mels };
            let (range, map) = if row == 3 { (errors, ERROR) } else { (energies, ENERGY) };
            let picture = spectrogram.picture(size, |value| range.colour(map, value), cover);
            canvas.place([x, y], &picture);
            canvas.outline([x, y], size, BLACK);
            frequency_ticks(canvas, [x, y], layout.panel, spec.mels, self.sample_rate);
            if row != 1 {
                Bar { map, range, unit: "dB" }.draw(canvas, [x + layout.strip, y], layout.panel);
            }
        }
        names(canvas, &ROWS, below, layout.panel);
        let axis = below + 4 * (layout.panel + GAP) - GAP;
        let seconds = self.heard.seconds();
        for (time, label) in ticks(self.heard.start, self.heard.end, (layout.strip / 110).max(2)) {
            let share = (time - self.heard.start) / seconds;
            let at = x + (share * layout.strip as f64).round() as usize;
            canvas.fill([at, axis + 1], [1, 5], BLACK);
            canvas.text([at, axis + GAP], Align::Centre, &label, BLACK);
        }
        canvas.text([x - 5 * GAP, axis + GAP], Align::Right, "time, s", BLACK);
        axis + 2 * Canvas::LINE
    }
}

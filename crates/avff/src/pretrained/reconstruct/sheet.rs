//! The sheet: frames over spectrograms, each as input, masked, made and error.

use avff_data::fbank::mel::LOW_HZ;
use avff_model::config::{ReconstructionRegion, TargetNorm};
use avff_plots::{
    Align, Frames, LINE_HEIGHT, PictureCanvas, PlotError, Range, Spectrogram,
    colour::{BLACK, Colour, ENERGY, ERROR, FAINT, GREY, HIDDEN, RED},
    decibels, fitted,
    marks::{Bar, GAP, MARGIN, frequency_ticks, names, times, write},
    picture, wrapped,
};
use image::{Rgb, RgbImage};

use super::Reconstruction;

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
    /// [`PlotError`] where it cannot be drawn.
    pub fn sheet(&self, options: &SheetOptions) -> Result<RgbImage, PlotError> {
        let layout = self.layout();
        let width = MARGIN + LEFT + layout.strip + RIGHT;
        let head = wrapped(self.head(options), width - 2 * MARGIN);
        let foot = wrapped(self.foot(options), width - 2 * MARGIN);
        let line = LINE_HEIGHT;
        let frames_height = 4 * (layout.cell[1] + GAP) + line;
        let sound_height = 4 * (layout.panel + GAP) + 2 * line;
        let lines = head.len() + foot.len();
        let height = 2 * MARGIN + lines * line + 2 * (line + GAP) + frames_height + sound_height;
        picture([width as u32, (height + 2 * GAP) as u32], |canvas| {
            let mut top = write(canvas, MARGIN, &head);
            top = self.draw_frames(canvas, &layout, top + GAP, options.visible);
            top = self.draw_sound(canvas, &layout, top + GAP, options.visible);
            write(canvas, top + GAP, &foot);
        })
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

    fn head(&self, options: &SheetOptions) -> Vec<(String, Colour)> {
        let mut lines = vec![(options.title.clone(), BLACK)];
        if options.untrained {
            let text =
                "UNTRAINED checkpoint: it never learned to reconstruct, this sheet means nothing";
            lines.push((text.into(), RED));
        }
        let list = |of: &mut dyn Iterator<Item = usize>| {
            of.map(|slice| slice.to_string()).collect::<Vec<_>>().join(" ")
        };
        let hidden = &self.hidden_from_audio;
        let others = &mut (0..self.config.slices).filter(|slice| !hidden.contains(slice));
        lines.push((
            format!(
                "hidden slices of {}: audio {}, frames {} (orange border below)",
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
    fn foot(&self, options: &SheetOptions) -> Vec<(String, Colour)> {
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
        canvas: &mut PictureCanvas<'_>,
        layout: &Layout,
        top: usize,
        visible: Shown,
    ) -> usize {
        let spec = &self.spec.video;
        let frames = |tensor| {
            let size = [spec.frames, spec.height, spec.width];
            Frames::new(size, [spec.mean, spec.std], tensor)
        };
        let input = frames(&self.video);
        let mut masked = input.clone();
        let mut made = frames(&self.made_video);
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
            RgbImage::from_fn(spec.width as u32, spec.height as u32, |x, y| {
                let at = y as usize * spec.width + x as usize;
                Rgb(range.colour(ERROR, pixels.get(at).copied().unwrap_or_default()))
            })
        };
        let [across, down] = layout.cell;
        let x = MARGIN + LEFT;
        let below = top + LINE_HEIGHT;
        canvas.line([x, top], Align::Left, "frames", BLACK);
        for (column, &frame) in layout.frames.iter().enumerate() {
            let left = x + column * (across + GAP);
            let cells =
                [input.picture(frame), masked.picture(frame), made.picture(frame), coloured(frame)];
            for (row, cell) in cells.iter().enumerate() {
                let at = [left, below + row * (down + GAP)];
                canvas.place(at, &fitted(cell, layout.cell));
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
            canvas.line(at, Align::Centre, &time, BLACK);
        }
        names(canvas, &ROWS, below, down);
        let axis = below + 4 * (down + GAP);
        canvas.line([x - GAP, axis], Align::Right, "shown at, s", BLACK);
        let bar = Bar { map: ERROR, range, unit: "levels" };
        bar.draw(canvas, [x + layout.strip, below + 3 * (down + GAP)], down);
        axis + LINE_HEIGHT + GAP
    }

    /// Spectrograms in four rows from `top` down; returns where they end.
    fn draw_sound(
        &self,
        canvas: &mut PictureCanvas<'_>,
        layout: &Layout,
        top: usize,
        visible: Shown,
    ) -> usize {
        let spec = &self.spec.audio;
        let input = decibels([spec.mean, spec.std], &self.audio);
        let mut made = decibels([spec.mean, spec.std], &self.made_audio);
        if visible == Shown::Input {
            for (at, _) in self.audio_hidden.iter().enumerate().filter(|(_, hidden)| !**hidden) {
                made[at] = input[at];
            }
        }
        let error: Vec<f32> = input.iter().zip(&made).map(|(a, b)| (a - b).abs()).collect();
        let energies = Range::of(input.iter().copied(), [0.01, 0.999], 1.0);
        let errors = Range::of_errors(error.iter().copied(), 1.0);
        let (x, below) = (MARGIN + LEFT, top + LINE_HEIGHT);
        canvas.line([x, top], Align::Left, "audio: log-mel spectrogram", BLACK);
        canvas.line([x - 3 * GAP, top], Align::Right, "Hz", BLACK);
        let size = [layout.strip, layout.panel];
        let nyquist = f64::from(self.sample_rate) / 2.0;
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
            frequency_ticks(canvas, [x, y], layout.panel, spec.mels, [LOW_HZ, nyquist]);
            if row != 1 {
                Bar { map, range, unit: "dB" }.draw(canvas, [x + layout.strip, y], layout.panel);
            }
        }
        names(canvas, &ROWS, below, layout.panel);
        let axis = below + 4 * (layout.panel + GAP) - GAP;
        times(canvas, [x, axis + 1], layout.strip, [self.heard.start, self.heard.end]);
        canvas.line([x - 5 * GAP, axis + GAP], Align::Right, "time, s", BLACK);
        axis + 2 * LINE_HEIGHT
    }
}

//! The reconstruction sheet: frames above spectrograms, each as input, masked input, reconstruction and error.

use avff_data::fbank::mel::LOW_HZ;
use avff_model::config::{ReconstructionRegion, TargetNorm};
use avff_plots::{
    Align, BitmapCanvas, Frames, LINE_HEIGHT, PlotError, Range, Spectrogram,
    annotations::{ColorBar, GAP, MARGIN, frequency_ticks, row_labels, text_lines, time_ticks},
    bitmap,
    color::{BLACK, Color, ENERGY, ERROR, FAINT, GRAY, MASKED, RED},
    decibels, fitted, wrapped,
};
use image::{Rgb, RgbImage};

use super::Reconstruction;

/// The most frames side by side.
const COLUMNS: usize = 16;
/// The approximate width of a frame, in pixels.
const CELL: usize = 112;
/// The approximate height of a spectrogram, in pixels.
const PANEL: usize = 128;
/// Width of names and ticks, left of frames and spectrograms, in pixels.
const LEFT: usize = 190;
/// Width of the color bars, right of frames and spectrograms, in pixels.
const RIGHT: usize = 130;
/// The rows of frames and of spectrograms.
const ROWS: [&str; 4] = ["input", "masked input", "reconstruction", "error"];
/// The least width of frames and spectrograms, in pixels, so that the text fits for networks with few frames.
const MIN_STRIP: usize = 640;

/// How the visible parts of a reconstruction are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VisibleParts {
    /// As the network predicts them.
    #[default]
    Predicted,
    /// As in the input.
    Input,
}

/// Options of a sheet.
#[derive(Debug, Clone, Default)]
pub struct SheetOptions {
    /// The first line, such as the clip and the checkpoint.
    pub title: String,
    /// Whether the network was never trained. The sheet then shows a warning.
    pub untrained: bool,
    /// How the visible parts are drawn.
    pub visible: VisibleParts,
}

/// Sizes that depend on the network's sizes.
struct Layout {
    cell: [usize; 2],
    frames: Vec<usize>,
    strip: usize,
    panel: usize,
}

impl Reconstruction {
    /// Draws the sheet.
    ///
    /// # Errors
    /// Returns [`PlotError`] if the sheet cannot be drawn.
    pub fn sheet(&self, options: &SheetOptions) -> Result<RgbImage, PlotError> {
        let layout = self.layout();
        let width = MARGIN + LEFT + layout.strip + RIGHT;
        let head = wrapped(self.head(options), width - 2 * MARGIN);
        let foot = wrapped(self.foot(options), width - 2 * MARGIN);
        let line = LINE_HEIGHT;
        let frames_height = 4 * (layout.cell[1] + GAP) + line;
        let audio_height = 4 * (layout.panel + GAP) + 2 * line;
        let lines = head.len() + foot.len();
        let height = 2 * MARGIN + lines * line + 2 * (line + GAP) + frames_height + audio_height;
        bitmap([width as u32, (height + 2 * GAP) as u32], |canvas| {
            let mut top = text_lines(canvas, MARGIN, &head);
            top = self.draw_frames(canvas, &layout, top + GAP, options.visible);
            top = self.draw_audio(canvas, &layout, top + GAP, options.visible);
            text_lines(canvas, top + GAP, &foot);
        })
    }

    fn layout(&self) -> Layout {
        let video = &self.spec.video;
        let count = video.frames.clamp(1, COLUMNS);
        let frames: Vec<usize> = (0..count).map(|i| i * video.frames / count).collect();
        let room = CELL.max(MIN_STRIP / count - GAP);
        let across = match room / video.width.max(1) {
            0 | 1 => room,
            times => times * video.width,
        };
        let cell = [across, (across * video.height).div_ceil(video.width.max(1)).max(1)];
        let strip = (count * (across + GAP) - GAP).max(MIN_STRIP);
        let panel = match PANEL / self.spec.audio.mels.max(1) {
            0 => PANEL,
            times => times * self.spec.audio.mels,
        };
        Layout { cell, frames, strip, panel }
    }

    fn head(&self, options: &SheetOptions) -> Vec<(String, Color)> {
        let mut lines = vec![(options.title.clone(), BLACK)];
        if options.untrained {
            let text = "UNTRAINED checkpoint: it was never trained, so this sheet is meaningless";
            lines.push((text.into(), RED));
        }
        let list = |slices: &mut dyn Iterator<Item = usize>| {
            slices.map(|slice| slice.to_string()).collect::<Vec<_>>().join(" ")
        };
        let hidden = &self.hidden_from_audio;
        let others = &mut (0..self.config.slices).filter(|slice| !hidden.contains(slice));
        lines.push((
            format!(
                "masked slices of {}: audio {}, frames {} (orange border below)",
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
                losses.audio_zero_baseline,
                losses.video,
                losses.video_zero_baseline
            ),
            BLACK,
        ));
        lines
    }

    /// Notes on how to read the sheet.
    fn foot(&self, options: &SheetOptions) -> Vec<(String, Color)> {
        let mut lines = Vec::new();
        match self.config.reconstruction.target_norm {
            TargetNorm::None => {}
            TargetNorm::Row => lines.push(
                "The network predicts each row of pixels, and each mel bin over time, standardized. The input's own \
                 mean and deviation are restored, for masked rows too: a prediction of 0 would look like stripes of \
                 the input.",
            ),
            TargetNorm::Patch => lines.push(
                "The network predicts each patch standardized. The input's own mean and deviation are restored, for \
                 masked patches too: a prediction of 0 would look like the input in coarse squares.",
            ),
        }
        match options.visible {
            VisibleParts::Input => lines.push("Visible parts show the input."),
            VisibleParts::Predicted
                if self.config.reconstruction.region == ReconstructionRegion::Hidden =>
            {
                lines.push(
                    "Visible parts are shown as predicted, although the loss covers only masked parts.",
                );
            }
            VisibleParts::Predicted => lines.push("Visible parts are shown as predicted."),
        }
        lines.into_iter().map(|line| (line.to_owned(), FAINT)).collect()
    }

    /// Draws the frames in four rows below `top` and returns their lower end.
    fn draw_frames(
        &self,
        canvas: &mut BitmapCanvas<'_>,
        layout: &Layout,
        top: usize,
        visible: VisibleParts,
    ) -> usize {
        let spec = &self.spec.video;
        let frames = |tensor| {
            let size = [spec.frames, spec.height, spec.width];
            Frames::new(size, spec.shown(), tensor)
        };
        let input = frames(&self.video);
        let mut masked = input.clone();
        let mut reconstructed = frames(&self.reconstructed_video);
        for (at, &hidden) in self.video_hidden.iter().enumerate() {
            if hidden {
                masked.levels[at] = f32::from(GRAY[0]);
            } else if visible == VisibleParts::Input {
                reconstructed.levels[at] = input.levels[at];
            }
        }
        let error = input.distance(&reconstructed);
        let range = Range::for_errors(error.iter().copied(), 1.0);
        let size = spec.width * spec.height;
        let error_image = |frame: usize| {
            let pixels = error.get(frame * size..(frame + 1) * size).unwrap_or_default();
            RgbImage::from_fn(spec.width as u32, spec.height as u32, |x, y| {
                let at = y as usize * spec.width + x as usize;
                Rgb(range.color(ERROR, pixels.get(at).copied().unwrap_or_default()))
            })
        };
        let [across, down] = layout.cell;
        let x = MARGIN + LEFT;
        let below = top + LINE_HEIGHT;
        canvas.line([x, top], Align::Left, "frames", BLACK);
        for (column, &frame) in layout.frames.iter().enumerate() {
            let left = x + column * (across + GAP);
            let cells = [
                input.image(frame),
                masked.image(frame),
                reconstructed.image(frame),
                error_image(frame),
            ];
            for (row, cell) in cells.iter().enumerate() {
                let at = [left, below + row * (down + GAP)];
                canvas.draw_image(at, &fitted(cell, layout.cell));
                if row >= 2 && self.video_hidden.get(frame * size) == Some(&true) {
                    canvas.outline(at, layout.cell, MASKED);
                    canvas.outline(
                        at.map(|place| place - 1),
                        layout.cell.map(|side| side + 2),
                        MASKED,
                    );
                }
            }
            let time =
                self.frame_times.get(frame).map_or_else(String::new, |time| format!("{time:.2}"));
            let at = [left + across / 2, below + 4 * (down + GAP)];
            canvas.line(at, Align::Center, &time, BLACK);
        }
        row_labels(canvas, &ROWS, below, down);
        let axis = below + 4 * (down + GAP);
        canvas.line([x - GAP, axis], Align::Right, "time, s", BLACK);
        let bar = ColorBar { map: ERROR, range, unit: "levels" };
        bar.draw(canvas, [x + layout.strip, below + 3 * (down + GAP)], down);
        axis + LINE_HEIGHT + GAP
    }

    /// Draws the spectrograms in four rows below `top` and returns their lower end.
    fn draw_audio(
        &self,
        canvas: &mut BitmapCanvas<'_>,
        layout: &Layout,
        top: usize,
        visible: VisibleParts,
    ) -> usize {
        let spec = &self.spec.audio;
        let input = decibels([spec.mean, spec.std], &self.audio);
        let mut reconstructed = decibels([spec.mean, spec.std], &self.reconstructed_audio);
        if visible == VisibleParts::Input {
            for (at, _) in self.audio_hidden.iter().enumerate().filter(|(_, hidden)| !**hidden) {
                reconstructed[at] = input[at];
            }
        }
        let error: Vec<f32> =
            input.iter().zip(&reconstructed).map(|(a, b)| (a - b).abs()).collect();
        let energies = Range::from_quantiles(input.iter().copied(), [0.01, 0.999], 1.0);
        let errors = Range::for_errors(error.iter().copied(), 1.0);
        let (x, below) = (MARGIN + LEFT, top + LINE_HEIGHT);
        canvas.line([x, top], Align::Left, "audio: log-mel spectrogram", BLACK);
        canvas.line([x - 3 * GAP, top], Align::Right, "Hz", BLACK);
        let size = [layout.strip, layout.panel];
        let nyquist = f64::from(self.sample_rate) / 2.0;
        let rows = [(&input, false), (&input, true), (&reconstructed, false), (&error, false)];
        for (row, (values, cover)) in rows.into_iter().enumerate() {
            let y = below + row * (layout.panel + GAP);
            let unmasked = vec![false; self.audio_hidden.len()];
            let hidden = if row == 0 { &unmasked } else { &self.audio_hidden };
            let spectrogram = Spectrogram { values, mask: hidden, mels: spec.mels };
            let (range, map) = if row == 3 { (errors, ERROR) } else { (energies, ENERGY) };
            let image = spectrogram.image(size, |value| range.color(map, value), cover);
            canvas.draw_image([x, y], &image);
            canvas.outline([x, y], size, BLACK);
            frequency_ticks(canvas, [x, y], layout.panel, spec.mels, [LOW_HZ, nyquist]);
            if row != 1 {
                ColorBar { map, range, unit: "dB" }.draw(
                    canvas,
                    [x + layout.strip, y],
                    layout.panel,
                );
            }
        }
        row_labels(canvas, &ROWS, below, layout.panel);
        let axis = below + 4 * (layout.panel + GAP) - GAP;
        time_ticks(
            canvas,
            [x, axis + 1],
            layout.strip,
            [self.audio_span.start, self.audio_span.end],
        );
        canvas.line([x - 5 * GAP, axis + GAP], Align::Right, "time, s", BLACK);
        axis + 2 * LINE_HEIGHT
    }
}

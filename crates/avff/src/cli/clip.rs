//! The options that say how a clip is read.

use avff::data::{
    ClipSpec,
    spec::{FrameFit, Sampling, TrimSilence},
};
use avff_media::Decoder;

use super::face::{CropArg, FaceArgs};

/// How clips are read. What is not given is as the checkpoint was trained.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reading clips")]
pub(super) struct ClipArgs {
    /// How frames become the network's size: resize (as trained), center-crop (the reference's
    /// eval.py) or letterbox
    #[arg(long, value_name = "FIT")]
    frame_fit: Option<FrameFit>,

    /// Cut frames to the main face, or take them whole. A network should see what it was trained on
    #[arg(long, value_enum)]
    crop: Option<CropArg>,

    #[command(flatten)]
    face: FaceArgs,

    /// Score windows of this many seconds, in true time, instead of the whole clip stretched to
    /// fit; `whole` is the reference's way. The paper's is 3.2
    #[arg(long, value_name = "SECONDS|whole", value_parser = window)]
    window: Option<WindowArg>,

    /// From the start of a window to the start of the next, in seconds [default: the window]
    #[arg(long, value_name = "SECONDS", requires = "window")]
    stride: Option<f64>,

    /// Leave out silence at both ends, of pictures too; as much as half a second below DB
    #[arg(long, value_name = "DB", num_args = 0..=1, default_missing_value = "-60", allow_negative_numbers = true)]
    trim_silence: Option<f32>,

    /// Who reads media files: auto, embedded or ffmpeg
    #[arg(long, value_name = "READER")]
    decoder: Option<Decoder>,
}

#[derive(Debug, Clone, Copy)]
enum WindowArg {
    Whole,
    Seconds(f64),
}

fn window(text: &str) -> Result<WindowArg, String> {
    match text.parse() {
        _ if text == "whole" => Ok(WindowArg::Whole),
        Ok(seconds) if seconds > 0.0 => Ok(WindowArg::Seconds(seconds)),
        _ => Err("give a number of seconds, or whole".into()),
    }
}

impl ClipArgs {
    /// Lays the options over a spec.
    ///
    /// # Errors
    /// Where they do not go together.
    pub(super) fn adjust(&self, spec: &mut ClipSpec) -> anyhow::Result<()> {
        spec.face = self.face.over(self.crop, spec.face)?;
        spec.video.fit = self.frame_fit.unwrap_or(spec.video.fit);
        spec.decoder = self.decoder.unwrap_or(spec.decoder);
        if let Some(below_db) = self.trim_silence {
            spec.trim_silence = Some(TrimSilence { below_db, ..TrimSilence::default() });
        }
        match self.window {
            None => {}
            Some(WindowArg::Whole) => spec.sampling = Sampling::Whole,
            Some(WindowArg::Seconds(seconds)) => {
                spec.sampling = Sampling::Window {
                    seconds,
                    fps: spec.video.frames as f64 / seconds,
                    stride: self.stride.unwrap_or(seconds),
                };
            }
        }
        Ok(())
    }
}

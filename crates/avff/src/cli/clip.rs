//! The options that say how a clip is read.

use avff::{
    Preparation,
    data::spec::{FrameFit, TrimSilence},
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
    /// What is given, as a change to a checkpoint's own preparation.
    pub(super) fn preparation(&self) -> Preparation {
        let trim = |below_db| TrimSilence { below_db, ..TrimSilence::default() };
        Preparation {
            frame_fit: self.frame_fit,
            face_crop: self.crop.map(|crop| crop == CropArg::Face),
            face_margin: self.face.face_margin,
            no_face: self.face.no_face,
            window: self.window.map(|window| match window {
                WindowArg::Whole => None,
                WindowArg::Seconds(seconds) => Some(seconds),
            }),
            stride: self.stride,
            trim_silence: self.trim_silence.map(trim),
            decoder: self.decoder,
        }
    }
}

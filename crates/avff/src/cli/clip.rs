//! Options of clip preparation.

use std::{num::NonZeroUsize, path::Path};

use avff::{
    Preparation,
    data::{
        ClipSpec,
        spec::{FrameFit, TrimSilence},
    },
    model::Checkpoint,
    preprocessing,
};
use avff_media::{Decoder, Tracks};

use super::face::{CropArg, FaceArgs};

/// Clip preparation. An option that is not given is as the checkpoint was trained.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Clip preparation")]
pub(super) struct ClipArgs {
    /// How frames get the network's size: resize (as trained), center-crop (as Open-AVFF's eval.py) or
    /// letterbox
    #[arg(long, value_name = "FIT")]
    frame_fit: Option<FrameFit>,

    /// Crop frames to the main face, or not. Choose what the network was trained on
    #[arg(long, value_enum)]
    crop: Option<CropArg>,

    #[command(flatten)]
    face: FaceArgs,

    /// Score windows of this many seconds, such as 3.2. `whole` scores the whole clip at once, stretched
    /// to the network's size, as Open-AVFF does
    #[arg(long, value_name = "SECONDS|whole", value_parser = window)]
    window: Option<WindowArg>,

    /// Seconds from the start of a window to the start of the next [default: the window's length]. The last
    /// window ends with the clip
    #[arg(long, value_name = "SECONDS")]
    stride: Option<f64>,

    /// Remove silence below DB at both ends, with its frames; at most half a second
    #[arg(long, value_name = "DB", num_args = 0..=1, default_missing_value = "-60", allow_negative_numbers = true)]
    trim_silence: Option<f32>,

    /// Video track to read, counted from 1 [default: the one that players choose]
    #[arg(long, value_name = "N")]
    video_track: Option<NonZeroUsize>,

    /// Audio track to read, counted from 1 [default: the one that players choose]
    #[arg(long, value_name = "N")]
    audio_track: Option<NonZeroUsize>,

    /// Media reader: auto, embedded or ffmpeg
    #[arg(long, value_name = "READER")]
    decoder: Option<Decoder>,
}

/// Returns the clip preparation of the network that will be trained: a checkpoint's, or that of the
/// released networks.
pub(super) fn spec_for(
    checkpoint: Option<&Path>,
    preparation: &Preparation,
) -> anyhow::Result<ClipSpec> {
    let Some(path) = checkpoint else {
        let mut spec = ClipSpec::open_avff();
        preparation.apply(&mut spec)?;
        spec.validate()?;
        return Ok(spec);
    };
    let checkpoint = Checkpoint::open(path)?;
    let config = checkpoint.config(None)?;
    Ok(preprocessing::spec(&checkpoint, &config, |spec| preparation.apply(spec))?)
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
    /// The options that are given, as changes to a checkpoint's own preparation.
    pub(super) fn preparation(&self) -> Preparation {
        let trim = |below_db| TrimSilence { below_db, ..TrimSilence::default() };
        Preparation {
            frame_fit: self.frame_fit,
            face_crop: self.crop.map(|crop| crop == CropArg::Face),
            face_margin: self.face.face_margin,
            face_down: self.face.face_down,
            no_face: self.face.no_face,
            window: self.window.map(|window| match window {
                WindowArg::Whole => None,
                WindowArg::Seconds(seconds) => Some(seconds),
            }),
            stride: self.stride,
            trim_silence: self.trim_silence.map(trim),
            decoder: self.decoder,
            damage: None,
            speech: None,
            tracks: Tracks { video: self.video_track, audio: self.audio_track },
        }
    }
}

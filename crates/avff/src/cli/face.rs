//! Options of face crops.

use avff_face::{FaceCrop, NoFace};
use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CropArg {
    /// Crop to the main face
    Face,
    /// Whole frames
    None,
}

/// Face crops.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FaceArgs {
    /// Side of the crop in sides of the detected face, from 0.3 to 4 [default: 1.3]
    #[arg(long, value_name = "FACTOR")]
    pub(super) face_margin: Option<f64>,

    /// How far the crop's center lies below the face's, in sides of the face, from -1 to 1; mouth and chin
    /// have a margin of 0.8 and lie 0.26 lower [default: 0]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub(super) face_down: Option<f64>,

    /// What to do with a clip in which no face is found: `error` reports it, `skip` leaves it out and
    /// does not count it, `full` takes whole frames and marks the clip in the results [default: error]
    #[arg(long, value_name = "WHAT")]
    pub(super) no_face: Option<NoFace>,
}

impl FaceArgs {
    /// The crop with these options.
    pub(super) fn crop(&self) -> FaceCrop {
        let default = FaceCrop::default();
        FaceCrop {
            margin: self.face_margin.unwrap_or(default.margin),
            down: self.face_down.unwrap_or(default.down),
            no_face: self.no_face.unwrap_or(default.no_face),
            ..default
        }
    }
}

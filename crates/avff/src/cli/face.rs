//! The options that say how faces are cropped.

use avff_face::{FaceCrop, NoFace};
use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CropArg {
    /// Cut to the main face
    Face,
    /// Whole
    None,
}

/// How faces are cropped.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FaceArgs {
    /// Side of a face crop in sides of the detected face, from 1 to 4 [default: 1.3]
    #[arg(long, value_name = "FACTOR")]
    pub(super) face_margin: Option<f64>,

    /// A clip in which no face is found is an error (error), is left out and counts neither as read
    /// nor as missing (skip), or is taken whole, another preparation than that of the other clips
    /// and marked so in the results (full) [default: error]
    #[arg(long, value_name = "WHAT")]
    pub(super) no_face: Option<NoFace>,
}

impl FaceArgs {
    /// The crop that is asked for.
    pub(super) fn crop(&self) -> FaceCrop {
        let default = FaceCrop::default();
        FaceCrop {
            margin: self.face_margin.unwrap_or(default.margin),
            no_face: self.no_face.unwrap_or(default.no_face),
            ..default
        }
    }
}

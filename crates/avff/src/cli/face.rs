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
    face_margin: Option<f64>,

    /// A clip in which no face is found is an error (error), is left out and counts neither as read
    /// nor as missing (skip), or is taken whole, another preparation than that of the other clips
    /// and marked so in the results (full) [default: error]
    #[arg(long, value_name = "WHAT")]
    no_face: Option<NoFace>,
}

impl FaceArgs {
    /// What the arguments make of the crop that is the default.
    ///
    /// # Errors
    /// Where they ask for details of a crop that is not made.
    pub(super) fn over(
        &self,
        crop: Option<CropArg>,
        default: Option<FaceCrop>,
    ) -> anyhow::Result<Option<FaceCrop>> {
        let face = match crop {
            Some(CropArg::Face) => Some(default.unwrap_or_default()),
            Some(CropArg::None) => None,
            None => default,
        };
        let Some(mut face) = face else {
            if self.face_margin.is_some() || self.no_face.is_some() {
                anyhow::bail!("--face-margin and --no-face are for --crop face");
            }
            return Ok(None);
        };
        face.margin = self.face_margin.unwrap_or(face.margin);
        face.no_face = self.no_face.unwrap_or(face.no_face);
        Ok(Some(face))
    }
}

//! The choice of the reader for a media file.

use serde::{Deserialize, Serialize};

use crate::error::UnknownName;

/// The reader of a media file. Both readers return the same frames and audio where both can read a
/// clip.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Decoder {
    /// Uses the embedded reader where possible, else FFmpeg if the build includes it.
    #[default]
    Auto,
    /// Uses the embedded reader only: pure Rust, MP4 and MOV with H.264.
    Embedded,
    /// Uses FFmpeg only; requires a build with the feature `ffmpeg`.
    Ffmpeg,
}

impl Decoder {
    /// Returns whether this is [`Decoder::Auto`].
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// Returns whether this build includes the reader. FFmpeg is an optional feature.
    #[must_use]
    pub fn is_built_in(self) -> bool {
        self != Self::Ffmpeg || cfg!(feature = "ffmpeg")
    }
}

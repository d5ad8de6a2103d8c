//! Who reads a media file.

use serde::{Deserialize, Serialize};

use crate::error::UnknownName;

/// Who reads a media file. Both give the same frames and audio of a clip that both can read.
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
    /// The embedded reader where it can, else FFmpeg where it is built in.
    #[default]
    Auto,
    /// The embedded reader alone: pure Rust, MP4 and MOV with H.264.
    Embedded,
    /// FFmpeg alone, in a build with the feature `ffmpeg`.
    Ffmpeg,
}

impl Decoder {
    /// Whether this is [`Decoder::Auto`].
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// Whether this build has the reader: FFmpeg is a feature.
    #[must_use]
    pub fn is_built_in(self) -> bool {
        self != Self::Ffmpeg || cfg!(feature = "ffmpeg")
    }
}

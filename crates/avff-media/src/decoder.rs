//! Who reads a media file.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Who reads a media file. Both give the same frames and audio of a clip that both can read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// The embedded reader where it can, else FFmpeg where it is built in.
    #[default]
    Auto,
    /// The embedded reader alone: pure Rust, MP4 and MOV with H.264.
    Embedded,
    /// FFmpeg alone, in a build with the feature `ffmpeg`.
    Ffmpeg,
}

/// A word that names no [`Decoder`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown decoder `{0}`: use auto, embedded or ffmpeg")]
pub struct UnknownDecoder(pub String);

impl Decoder {
    /// Every choice, in the order help texts list them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Embedded, Self::Ffmpeg];

    /// The word for it on the command line and in a stored spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::Ffmpeg => "ffmpeg",
        }
    }

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

impl fmt::Display for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Decoder {
    type Err = UnknownDecoder;

    fn from_str(word: &str) -> Result<Self, UnknownDecoder> {
        let found = Self::ALL.into_iter().find(|decoder| decoder.name() == word);
        found.ok_or_else(|| UnknownDecoder(word.to_owned()))
    }
}

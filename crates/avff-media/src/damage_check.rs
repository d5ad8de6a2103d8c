//! How much damage inside coded data can be told.

use serde::Serialize;

/// How much damage inside the frames or packets of a stream is found. Lost, repeated and cut data is
/// looked for in every stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamageCheck {
    /// Nearly all, by a check sum or by the syntax of the codec.
    Most,
    /// A part, because many damaged values are as valid as others.
    Some,
    /// None: the codec has no check, and nearly any data is some picture or sound.
    None,
}

impl DamageCheck {
    /// Returns the check of a codec by its name, such as `H.264`. The measured shares are in the
    /// documentation of media.
    pub(crate) fn of(codec: &str) -> Self {
        match codec {
            "H.264" | "FLAC" | "AC-3" | "E-AC-3" | "PNG" => Self::Most,
            "AAC" | "ALAC" | "MP3" | "MPEG-4" | "JPEG" | "JPG" | "Motion JPEG" => Self::Some,
            _ => Self::None,
        }
    }
}

//! Why a clip could not be read.

use std::{fmt, io};

/// One of the two streams that a clip must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// The frames.
    Video,
    /// The audio.
    Audio,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
        })
    }
}

/// What is wrong with a clip; the caller knows its path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// Nothing is at the path.
    #[error("no such file")]
    NotFound,
    /// The path names a pipe, socket, device or other thing that cannot be read twice.
    #[error("not a regular file but a {kind}")]
    NotAFile {
        /// What it is instead.
        kind: &'static str,
    },
    /// The operating system refused a read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The file holds no bytes.
    #[error("the file is empty")]
    Empty,
    /// No known container starts like this.
    #[error("not a media file")]
    NotMedia,
    /// A container this build has no reader for.
    #[error("unsupported container {container}")]
    UnsupportedContainer {
        /// Its name, such as `AVI` or `WebM`.
        container: &'static str,
    },
    /// The container breaks its own rules.
    #[error("malformed {container}: {what}")]
    Malformed {
        /// `MP4`, `WAV`, `PNG`...
        container: &'static str,
        /// Which rule, and where.
        what: String,
    },
    /// The clip has only one of its two streams.
    #[error("no {stream} stream")]
    MissingStream {
        /// The one that is absent.
        stream: Stream,
    },
    /// The stream is coded in a way this build cannot decode.
    #[error("unsupported {stream} codec {codec}")]
    UnsupportedCodec {
        /// Which stream.
        stream: Stream,
        /// The codec, with profile or bit depth where that is what is unsupported.
        codec: String,
    },
    /// The file ends before its own index says it does.
    #[error("truncated: the {stream} stream needs {needed} bytes, the file has {size}")]
    Truncated {
        /// Which stream reaches past the end.
        stream: Stream,
        /// The end of that stream's last sample, in bytes from the start of the file.
        needed: u64,
        /// The size of the file, in bytes.
        size: u64,
    },
    /// The container is sound but the coded data is not.
    #[error("damaged {stream} stream: {what}")]
    Damaged {
        /// Which stream.
        stream: Stream,
        /// What the decoder said, and at which sample.
        what: String,
    },
    /// A size beyond what this reader accepts; the limits keep a hostile file from using up memory.
    #[error("{what} of {value} is over the limit of {limit}")]
    TooLarge {
        /// The quantity.
        what: &'static str,
        /// Its value in the file.
        value: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// FFmpeg was asked for in a build without it.
    #[error("this build has no FFmpeg")]
    NoFfmpeg,
}

impl MediaError {
    /// The stream that is at fault, where it is one of the two.
    #[must_use]
    pub fn stream(&self) -> Option<Stream> {
        match self {
            Self::MissingStream { stream }
            | Self::UnsupportedCodec { stream, .. }
            | Self::Truncated { stream, .. }
            | Self::Damaged { stream, .. } => Some(*stream),
            _ => None,
        }
    }
}

/// A setting that is out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} is {value}, it must be {rule}")]
pub struct SettingError {
    /// The field, as a path from the root of its configuration.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What is accepted.
    pub rule: String,
}

impl SettingError {
    /// The error for `value` of `field`.
    #[must_use]
    pub fn new(field: &'static str, value: impl ToString, rule: impl ToString) -> Self {
        Self { field, value: value.to_string(), rule: rule.to_string() }
    }
}

/// A word that names no variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name `{name}`: use {}", listed(known))]
pub struct UnknownName {
    /// The word.
    pub name: String,
    /// The words that there are.
    pub known: &'static [&'static str],
}

impl UnknownName {
    /// The error for a word that names no `T`.
    #[must_use]
    pub fn of<T: strum::VariantNames>(name: &str) -> Self {
        Self { name: name.to_owned(), known: T::VARIANTS }
    }
}

fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

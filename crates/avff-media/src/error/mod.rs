//! Errors of media decoding.

mod damaged_part;

use std::{fmt, io};

pub(crate) use self::damaged_part::message_of;
pub use self::damaged_part::{DamageCode, DamagedPart, MAX_DAMAGED_PARTS, missing_spans};
use crate::byte_size::ByteSize;

/// One of the two streams that every clip must have.
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

/// The reason why a clip cannot be read. The caller adds the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// No file exists at the path.
    #[error("no such file")]
    NotFound,
    /// The path is an address, such as `https://...`.
    #[error("no such file: the path is a URL")]
    Url,
    /// The path is `-`, which stands for standard input elsewhere.
    #[error("no such file: `-` does not stand for standard input")]
    StandardInput,
    /// No file exists at the path, part of which begins or ends with white space.
    #[error("no such file: `{}` begins or ends with white space", name.escape_debug())]
    PaddedName {
        /// The file or folder of that name.
        name: String,
    },
    /// The path names a pipe, socket, device or other file that cannot be read twice.
    #[error("not a regular file but a {kind}")]
    NotAFile {
        /// The kind of file.
        kind: &'static str,
    },
    /// The operating system refused a read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The file holds no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file does not start like any known container.
    #[error("not a media file")]
    NotMedia,
    /// The file is an image, which is no clip by itself.
    #[error("not a video but a {format} image")]
    Image {
        /// The format, such as `JPEG`.
        format: &'static str,
    },
    /// The folder holds clips rather than the frames of one clip.
    #[error("not a frame folder: it holds the video file {file}")]
    VideoInFolder {
        /// The name of the first video file.
        file: String,
    },
    /// This build has no reader for the container.
    #[error("unsupported container {container}")]
    UnsupportedContainer {
        /// The name of the container, such as `AVI` or `WebM`.
        container: &'static str,
    },
    /// The MP4 file ends before its index, as where a recording or a download was cut off. No
    /// program can decode the clip without the index.
    #[error("incomplete MP4: {what}")]
    NoIndex {
        /// Where the file ends.
        what: String,
    },
    /// Another MP4 file follows the first one. Players show the first, as if the others did not exist.
    #[error("MP4 files were joined byte by byte: another one follows at byte {at}")]
    Joined {
        /// Offset of the first box of the other file.
        at: u64,
    },
    /// The container violates its format.
    #[error("malformed {container}: {what}")]
    Malformed {
        /// `MP4`, `WAV`, `PNG`...
        container: &'static str,
        /// The violated rule and its location.
        what: String,
    },
    /// The clip has only one of its two streams.
    #[error("no {stream} stream")]
    MissingStream {
        /// The absent stream.
        stream: Stream,
    },
    /// The wanted track does not exist.
    #[error("there is no {stream} track {number}: the clip has {count}")]
    NoTrack {
        /// The kind of the track.
        stream: Stream,
        /// The number of the wanted track, from 1.
        number: usize,
        /// How many tracks of the kind there are.
        count: usize,
    },
    /// This build cannot decode the codec of the stream.
    #[error("unsupported {stream} codec {codec}")]
    UnsupportedCodec {
        /// The affected stream.
        stream: Stream,
        /// The codec, with profile or bit depth where that is the unsupported part.
        codec: String,
    },
    /// The file is shorter than its own index requires.
    #[error("truncated: the {stream} stream needs {needed} bytes, the file has {size}")]
    Truncated {
        /// The stream that reaches past the end.
        stream: Stream,
        /// The end of that stream's last sample, in bytes from the start of the file.
        needed: u64,
        /// The size of the file, in bytes.
        size: u64,
    },
    /// The container is valid but the coded data is not.
    #[error("damaged {stream} stream: {what}")]
    Damaged {
        /// The affected stream.
        stream: Stream,
        /// The decoder's message and the affected sample.
        what: String,
    },
    /// The coded data of a part of the clip is damaged. The rest can be read on, as
    /// [`DamagePolicy::Windows`](crate::DamagePolicy::Windows) wants.
    #[error("damaged {} stream: {}", .0.stream, .0.message)]
    DamagedPart(DamagedPart),
    /// A size exceeds the reader's limit. The limits keep a hostile file from exhausting memory.
    #[error("{what} of {value} is over the limit of {limit}")]
    TooLarge {
        /// The quantity.
        what: &'static str,
        /// The value in the file.
        value: u64,
        /// The largest accepted value.
        limit: u64,
    },
    /// The clip needs more memory than the budget of the process.
    #[error("{what} need {} of memory, over the budget of {}", ByteSize(*needed), ByteSize(*budget))]
    OverBudget {
        /// What the memory is for, in the plural.
        what: &'static str,
        /// The estimated bytes.
        needed: u64,
        /// The bytes of the budget.
        budget: u64,
    },
    /// The operating system has no memory for a part of the clip.
    #[error("no memory for {what}: {bytes} bytes")]
    NoMemory {
        /// What the memory is for.
        what: &'static str,
        /// The size of the allocation that failed.
        bytes: u64,
    },
    /// FFmpeg was requested in a build that does not include it.
    #[error("this build has no FFmpeg")]
    NoFfmpeg,
}

/// What kind of fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The clip cannot be opened or read: a wrong path, a wrong kind of file, or an error of the
    /// operating system.
    Open,
    /// The clip has a container, codec, profile or feature that is not read, or lacks a stream.
    Unsupported,
    /// The file breaks the rules of its format, or lost data.
    Damaged,
    /// A size in the file is over a limit.
    TooLarge,
}

impl MediaError {
    /// Returns what kind of fault the error is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotFound
            | Self::Url
            | Self::StandardInput
            | Self::PaddedName { .. }
            | Self::NotAFile { .. }
            | Self::VideoInFolder { .. }
            | Self::NoTrack { .. }
            | Self::Io(_) => Fault::Open,
            Self::NotMedia
            | Self::Image { .. }
            | Self::UnsupportedContainer { .. }
            | Self::UnsupportedCodec { .. }
            | Self::MissingStream { .. }
            | Self::NoFfmpeg => Fault::Unsupported,
            Self::Empty
            | Self::NoIndex { .. }
            | Self::Joined { .. }
            | Self::Malformed { .. }
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::DamagedPart(_) => Fault::Damaged,
            Self::TooLarge { .. } | Self::OverBudget { .. } | Self::NoMemory { .. } => {
                Fault::TooLarge
            }
        }
    }

    /// Returns the error code, which is stable between versions, such as `truncated`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound | Self::PaddedName { .. } => "not-found",
            Self::Url => "url",
            Self::StandardInput => "standard-input",
            Self::NotAFile { .. } => "not-a-file",
            Self::Io(_) => "io",
            Self::Empty => "empty",
            Self::NotMedia => "not-media",
            Self::Image { .. } => "image",
            Self::VideoInFolder { .. } => "video-in-folder",
            Self::UnsupportedContainer { .. } => "unsupported-container",
            Self::NoIndex { .. } => "no-index",
            Self::Joined { .. } => "joined",
            Self::Malformed { .. } => "malformed",
            Self::MissingStream { .. } => "missing-stream",
            Self::NoTrack { .. } => "no-track",
            Self::UnsupportedCodec { .. } => "unsupported-codec",
            Self::Truncated { .. } => "truncated",
            Self::Damaged { .. } | Self::DamagedPart(_) => "damaged",
            Self::TooLarge { .. } => "too-large",
            Self::OverBudget { .. } => "over-budget",
            Self::NoMemory { .. } => "no-memory",
            Self::NoFfmpeg => "no-ffmpeg",
        }
    }

    /// Returns the affected stream, where the error concerns one of the two.
    #[must_use]
    pub fn stream(&self) -> Option<Stream> {
        match self {
            Self::MissingStream { stream }
            | Self::NoTrack { stream, .. }
            | Self::UnsupportedCodec { stream, .. }
            | Self::Truncated { stream, .. }
            | Self::Damaged { stream, .. } => Some(*stream),
            Self::DamagedPart(part) => Some(part.stream),
            _ => None,
        }
    }
}

/// A setting outside of its valid range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} is {value}, it must be {rule}")]
pub struct SettingError {
    /// The field, as a path from the root of its configuration.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// The accepted values.
    pub rule: String,
}

impl SettingError {
    /// Creates the error for `value` of `field`.
    #[must_use]
    pub fn new(field: &'static str, value: impl ToString, rule: impl ToString) -> Self {
        Self { field, value: value.to_string(), rule: rule.to_string() }
    }
}

/// A name that matches no variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name `{name}`: use {}", listed(known))]
pub struct UnknownName {
    /// The unknown name.
    pub name: String,
    /// The valid names.
    pub known: &'static [&'static str],
}

impl UnknownName {
    /// Creates the error for a name that matches no variant of `T`.
    #[must_use]
    pub fn of<T: strum::VariantNames>(name: &str) -> Self {
        Self { name: name.to_owned(), known: T::VARIANTS }
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

//! Errors of preparing a clip.

use std::{io, path::PathBuf};

use avff_face::FaceError;
use avff_media::{DamagedPart, Fault, MediaError, SettingError, Stream};
use serde::{Deserialize, Serialize};

#[cfg(feature = "shards")]
use crate::shard_error::ShardError;
use crate::spec::SpecError;

/// The stage at which a clip failed: what kind of fault it has.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Stage {
    /// The clip cannot be opened or read.
    Open,
    /// The clip has a container, codec, profile or feature that is not read, or lacks a stream.
    Unsupported,
    /// The file breaks the rules of its format, or lost data.
    Damaged,
    /// A size in the file is over a limit.
    TooLarge,
    /// The clip is too short for a window or for a filterbank.
    TooShort,
    /// Detecting the main face.
    Face,
    /// None of them: an invalid setting or an internal error.
    Internal,
}

impl Stage {
    /// Returns the name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl From<Fault> for Stage {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Open => Self::Open,
            Fault::Unsupported => Self::Unsupported,
            Fault::Damaged => Self::Damaged,
            Fault::TooLarge => Self::TooLarge,
        }
    }
}

/// Why a damaged clip has no window that the damage does not touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untouched {
    /// The clip is sampled as a whole.
    #[error("a clip that is sampled as a whole has one window, which the damage touches")]
    Whole,
    /// The place of the damage is unknown, or the place of the windows because of it.
    #[error("it is unknown which windows the damage touches")]
    Unplaced,
    /// Damage touches every window.
    #[error("damage touches every window of the clip ({windows})")]
    None {
        /// The number of windows.
        windows: usize,
    },
}

impl Untouched {
    fn code(self) -> &'static str {
        match self {
            Self::Whole => "damaged-whole",
            Self::Unplaced => "damaged-unplaced",
            Self::None { .. } => "no-intact-window",
        }
    }
}

/// The reason of a failure; [`ClipError`] adds the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read.
    #[error("{source}")]
    Media {
        /// The stream that was being read; `None` while the clip is opened.
        stream: Option<Stream>,
        /// The error.
        source: MediaError,
    },
    /// No face was detected for cropping.
    #[error("no face: the main face was detected in {detected} of {examined} frames")]
    NoFace {
        /// Number of frames with the main face; 0 if there is no face.
        detected: usize,
        /// Number of examined frames.
        examined: usize,
    },
    /// The audio is shorter than one fbank frame.
    #[error("audio too short: {samples} samples, but one fbank frame needs {needed}")]
    TooShort {
        /// Samples per channel.
        samples: usize,
        /// Samples in one 25 ms frame at this rate.
        needed: usize,
    },
    /// The clip is shorter than one window.
    #[error("clip too short: {seconds:.2} s of frames and audio, but a window takes {window} s")]
    ShorterThanWindow {
        /// Duration with both frames and audio, in seconds.
        seconds: f64,
        /// Window length, in seconds.
        window: f64,
    },
    /// The clip is damaged, and the windows that damage does not touch were wanted, but there are none.
    #[error("{error}; {untouched}")]
    NoIntactWindow {
        /// Why there are none.
        untouched: Untouched,
        /// The first damage.
        error: MediaError,
    },
    /// No filterbank can be computed at the sample rate.
    #[error("no filterbank at {rate} Hz: {reason}")]
    SampleRate {
        /// Sample rate, in Hz.
        rate: u32,
        /// The reason.
        reason: &'static str,
    },
    /// The clip spec is invalid.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A setting of the loader, an augmentation or the cache is invalid.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A sampling weight is not a number.
    #[error("line {line}: the weight in column `{column}` is not a non-negative number")]
    Weight {
        /// The line of the manifest, from 1.
        line: u64,
        /// The column.
        column: String,
    },
    /// A clip in a shard cannot be read.
    #[cfg(feature = "shards")]
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// An internal error; nothing of the clip is used.
    #[error("{what}")]
    Internal {
        /// The panic message, or the violated invariant.
        what: String,
    },
}

impl DataError {
    /// Returns the stage that failed: what kind of fault the clip has.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Media { source, .. } => source.fault().into(),
            Self::NoIntactWindow { .. } => Stage::Damaged,
            Self::NoFace { .. } => Stage::Face,
            Self::TooShort { .. } | Self::ShorterThanWindow { .. } => Stage::TooShort,
            Self::SampleRate { .. } => Stage::Unsupported,
            #[cfg(feature = "shards")]
            Self::Shard(error) => of_shard(error),
            Self::Spec(_) | Self::Setting(_) | Self::Weight { .. } | Self::Internal { .. } => {
                Stage::Internal
            }
        }
    }

    /// Returns the error code, which is stable between versions, such as `no-face` or
    /// `unsupported-codec`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Media { source, .. } => source.code(),
            Self::NoIntactWindow { untouched, .. } => untouched.code(),
            Self::NoFace { .. } => "no-face",
            Self::TooShort { .. } => "too-short",
            Self::ShorterThanWindow { .. } => "shorter-than-window",
            Self::SampleRate { .. } => "sample-rate",
            Self::Spec(_) | Self::Setting(_) | Self::Weight { .. } => "setting",
            #[cfg(feature = "shards")]
            Self::Shard(_) => "shard",
            Self::Internal { .. } => "internal",
        }
    }

    /// Returns the stream that failed, where it is one of the two.
    #[must_use]
    pub fn stream(&self) -> Option<Stream> {
        match self {
            Self::Media { stream, source } => source.stream().or(*stream),
            Self::NoIntactWindow { error, .. } => error.stream(),
            Self::TooShort { .. } | Self::SampleRate { .. } => Some(Stream::Audio),
            Self::NoFace { .. } => Some(Stream::Video),
            _ => None,
        }
    }

    /// Returns the media error, if the file is the cause.
    #[must_use]
    pub fn media(&self) -> Option<&MediaError> {
        match self {
            Self::Media { source, .. } | Self::NoIntactWindow { error: source, .. } => Some(source),
            _ => None,
        }
    }

    /// Returns the error of a clip whose windows are all damaged.
    pub(crate) fn no_intact_window(windows: usize, part: DamagedPart) -> Self {
        let untouched = Untouched::None { windows };
        Self::NoIntactWindow { untouched, error: MediaError::DamagedPart(part) }
    }

    /// Says of damage why no window is read.
    pub(crate) fn without_window(self, untouched: Untouched) -> Self {
        match self {
            Self::Media {
                source: error @ (MediaError::Damaged { .. } | MediaError::DamagedPart(_)),
                ..
            } => Self::NoIntactWindow { untouched, error },
            other => other,
        }
    }

    /// Assigns an error that occurred while `stream` was read to that stream.
    pub(crate) fn while_reading(stream: Stream) -> impl Fn(Self) -> Self {
        move |error| match error {
            Self::Media { stream: None, source } => Self::Media { stream: Some(stream), source },
            other => other,
        }
    }

    pub(crate) fn setting(field: &'static str, value: impl ToString, rule: impl ToString) -> Self {
        SettingError { field, value: value.to_string(), rule: rule.to_string() }.into()
    }

    /// Converts a decoder's panic to an error of its clip, so that the run continues.
    #[must_use]
    pub fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let message = panic.downcast_ref::<&str>().copied();
        let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Internal { what: format!("a decoder panicked: {}", message.unwrap_or_default()) }
    }
}

#[cfg(feature = "shards")]
fn of_shard(error: &ShardError) -> Stage {
    match error {
        ShardError::NoHttp { .. } => Stage::Unsupported,
        ShardError::Io { .. }
        | ShardError::NoShards { .. }
        | ShardError::Missing { .. }
        | ShardError::NoClips { .. } => Stage::Open,
        ShardError::Index { .. } | ShardError::Size { .. } | ShardError::Sample(_) => {
            Stage::Damaged
        }
        ShardError::Busy { .. }
        | ShardError::Mixed { .. }
        | ShardError::Spec { .. }
        | ShardError::NoWave
        | ShardError::NoConcat => Stage::Internal,
    }
}

impl From<MediaError> for DataError {
    fn from(source: MediaError) -> Self {
        Self::Media { stream: source.stream(), source }
    }
}

impl From<io::Error> for DataError {
    fn from(error: io::Error) -> Self {
        MediaError::Io(error).into()
    }
}

impl From<FaceError> for DataError {
    fn from(error: FaceError) -> Self {
        match error {
            FaceError::Media(source) => source.into(),
            FaceError::NoFace { detected, examined } => Self::NoFace { detected, examined },
            other => Self::Internal { what: other.to_string() },
        }
    }
}

/// A [`DataError`] with the file that it concerns.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ClipError {
    /// The requested clip.
    pub path: PathBuf,
    /// The error.
    pub source: DataError,
}

impl ClipError {
    /// Attaches a path to an error.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, source: impl Into<DataError>) -> Self {
        Self { path: path.into(), source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_from_what_is_not_supported() {
        let what = || "why".to_owned();
        let media = [
            (MediaError::NotFound, "open", "not-found"),
            (MediaError::Url, "open", "url"),
            (MediaError::StandardInput, "open", "standard-input"),
            (MediaError::PaddedName { name: what() }, "open", "not-found"),
            (MediaError::NotAFile { kind: "pipe" }, "open", "not-a-file"),
            (MediaError::Io(io::Error::other("disk")), "open", "io"),
            (MediaError::VideoInFolder { file: what() }, "open", "video-in-folder"),
            (
                MediaError::NoTrack { stream: Stream::Audio, number: 2, count: 1 },
                "open",
                "no-track",
            ),
            (MediaError::NotMedia, "unsupported", "not-media"),
            (MediaError::Image { format: "PNG" }, "unsupported", "image"),
            (
                MediaError::UnsupportedContainer { container: "AVI" },
                "unsupported",
                "unsupported-container",
            ),
            (
                MediaError::UnsupportedCodec { stream: Stream::Video, codec: what() },
                "unsupported",
                "unsupported-codec",
            ),
            (MediaError::MissingStream { stream: Stream::Audio }, "unsupported", "missing-stream"),
            (MediaError::NoFfmpeg, "unsupported", "no-ffmpeg"),
            (MediaError::Empty, "damaged", "empty"),
            (MediaError::NoIndex { what: what() }, "damaged", "no-index"),
            (MediaError::Joined { at: 1 }, "damaged", "joined"),
            (MediaError::Malformed { container: "MP4", what: what() }, "damaged", "malformed"),
            (
                MediaError::Truncated { stream: Stream::Video, needed: 2, size: 1 },
                "damaged",
                "truncated",
            ),
            (MediaError::Damaged { stream: Stream::Audio, what: what() }, "damaged", "damaged"),
            (MediaError::TooLarge { what: "size", value: 2, limit: 1 }, "too-large", "too-large"),
        ];
        for (error, stage, code) in media {
            let error = DataError::from(error);
            assert_eq!((error.stage().name(), error.code()), (stage, code), "{error}");
        }
        let own = [
            (
                DataError::NoIntactWindow { untouched: Untouched::Whole, error: MediaError::Empty },
                "damaged",
                "damaged-whole",
            ),
            (
                DataError::NoIntactWindow {
                    untouched: Untouched::None { windows: 2 },
                    error: MediaError::Empty,
                },
                "damaged",
                "no-intact-window",
            ),
            (DataError::NoFace { detected: 0, examined: 1 }, "face", "no-face"),
            (DataError::TooShort { samples: 1, needed: 2 }, "too-short", "too-short"),
            (
                DataError::ShorterThanWindow { seconds: 1.0, window: 2.0 },
                "too-short",
                "shorter-than-window",
            ),
            (DataError::SampleRate { rate: 3, reason: "low" }, "unsupported", "sample-rate"),
            (DataError::setting("field", 1, "2"), "internal", "setting"),
            (DataError::Weight { line: 1, column: what() }, "internal", "setting"),
            (DataError::Internal { what: what() }, "internal", "internal"),
        ];
        for (error, stage, code) in own {
            assert_eq!((error.stage().name(), error.code()), (stage, code), "{error}");
        }
    }

    #[test]
    fn the_stream_that_was_read_is_kept() {
        let read = DataError::while_reading(Stream::Audio);
        let error = read(MediaError::Io(io::Error::other("disk")).into());
        assert_eq!((error.stage(), error.stream()), (Stage::Open, Some(Stream::Audio)));
        assert_eq!(DataError::from(MediaError::Empty).stream(), None);
    }
}

//! Errors of preparing a clip.

use std::{io, path::PathBuf};

use avff_face::FaceError;
use avff_media::{MediaError, SettingError, Stream};
use serde::{Deserialize, Serialize};

use crate::spec::SpecError;

/// The stage of the pipeline at which a clip failed.
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
    /// Opening the file: file type, container, presence of both streams.
    Open,
    /// Decoding the frames.
    Video,
    /// Detecting the main face.
    Face,
    /// Decoding the audio and computing its filterbank.
    Audio,
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

impl From<Stream> for Stage {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Video => Self::Video,
            Stream::Audio => Self::Audio,
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
        /// The stage of the failure.
        stage: Stage,
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
    /// An internal error; nothing of the clip is used.
    #[error("{what}")]
    Internal {
        /// The panic message, or the violated invariant.
        what: String,
    },
}

impl DataError {
    /// Returns the stage of the pipeline that failed.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Media { stage, .. } => *stage,
            Self::NoFace { .. } => Stage::Face,
            Self::TooShort { .. } | Self::SampleRate { .. } => Stage::Audio,
            Self::ShorterThanWindow { .. } => Stage::Open,
            Self::Spec(_) | Self::Setting(_) | Self::Weight { .. } | Self::Internal { .. } => {
                Stage::Internal
            }
        }
    }

    /// Returns the media error, if the file is the cause.
    #[must_use]
    pub fn media(&self) -> Option<&MediaError> {
        match self {
            Self::Media { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Assigns an error that occurred while `stream` was read to that stream.
    pub(crate) fn while_reading(stream: Stream) -> impl Fn(Self) -> Self {
        move |error| match error {
            Self::Media { stage: Stage::Open, source } => {
                Self::Media { stage: stream.into(), source }
            }
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

impl From<MediaError> for DataError {
    fn from(source: MediaError) -> Self {
        Self::Media { stage: source.stream().map_or(Stage::Open, Stage::from), source }
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

//! Why a clip could not be prepared.

use std::{io, path::PathBuf};

use avff_face::FaceError;
use avff_media::{MediaError, SettingError, Stream};
use serde::{Deserialize, Serialize};

use crate::spec::SpecError;

/// The step from file to tensors at which a clip failed.
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
    /// Opening the file: its kind, its container, the presence of both streams.
    Open,
    /// Reading the frames.
    Video,
    /// Finding the main face.
    Face,
    /// Reading the audio and computing its filterbank.
    Audio,
    /// None of them: a setting, or a fault of this library.
    Internal,
}

impl Stage {
    /// The word for it in tables and JSON.
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

/// What is wrong with a clip, or with how it was asked for; [`ClipError`] adds the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file could not be read.
    #[error("{source}")]
    Media {
        /// What was read when it happened.
        stage: Stage,
        /// What is wrong.
        source: MediaError,
    },
    /// No face to crop to.
    #[error("no face: the main one was found in {found} of {looked} frames")]
    NoFace {
        /// Frames with the main face; 0 where there is none at all.
        found: usize,
        /// Frames that were looked at.
        looked: usize,
    },
    /// Less audio than one fbank frame.
    #[error("audio too short: {samples} samples, one fbank frame needs {needed}")]
    TooShort {
        /// Samples in a channel.
        samples: usize,
        /// Samples that one 25 ms frame takes at this rate.
        needed: usize,
    },
    /// A clip in which not one window fits.
    #[error("{seconds:.2} s of frames and audio, a window takes {window} s")]
    ShorterThanWindow {
        /// What there is of both, in seconds.
        seconds: f64,
        /// Length of a window, in seconds.
        window: f64,
    },
    /// A sample rate that no filterbank can be computed at.
    #[error("no filterbank at {rate} Hz: {reason}")]
    SampleRate {
        /// Samples a second.
        rate: u32,
        /// What is too small at that rate.
        reason: &'static str,
    },
    /// A clip spec that no tensor can be made from.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A setting of the loader, an augmentation or the cache that cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A sampling weight that is no number.
    #[error("line {line}: the weight in column `{column}` is not a number from 0 on")]
    Weight {
        /// The line of the manifest, from 1.
        line: u64,
        /// The column.
        column: String,
    },
    /// A fault of this library; nothing of the clip is used.
    #[error("{what}")]
    Internal {
        /// The panic's message, or what should not be.
        what: String,
    },
}

impl DataError {
    /// The step from file to tensors that failed.
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

    /// What is wrong with the file, where that is it.
    #[must_use]
    pub fn media(&self) -> Option<&MediaError> {
        match self {
            Self::Media { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Says of an error that came up while `stream` was read that it is about that stream.
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

    /// For a decoder's panic: that clip's failure and not the run's.
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
            FaceError::NoFace { found, looked } => Self::NoFace { found, looked },
            other => Self::Internal { what: other.to_string() },
        }
    }
}

/// A [`DataError`] and the file it is about.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ClipError {
    /// The clip, as it was asked for.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: DataError,
}

impl ClipError {
    /// Attaches a path to an error from inside a reader.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, source: impl Into<DataError>) -> Self {
        Self { path: path.into(), source: source.into() }
    }
}

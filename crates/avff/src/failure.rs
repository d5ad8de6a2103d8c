//! Why a clip has no score.

use std::{error::Error, panic};

use avff_data::{ClipError, DataError, synchrony::CannotTell};
use avff_media::Stream;
use serde::Serialize;

use crate::{error_text::chain, hint};

/// Why a clip has no score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{stage}: {error}")]
pub struct ClipFailure {
    /// The stage that failed: `open`, `unsupported`, `damaged`, `too-large`, `too-short`, `face`, `network`,
    /// `not-applicable`, `manifest` or `internal`.
    pub stage: String,
    /// An error code that is stable between versions, such as `no-face` or `truncated`.
    pub code: String,
    /// The stream that failed, where it is one of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// The error message, without the path.
    pub error: String,
    /// A suggestion to fix the problem.
    pub hint: Option<String>,
}

impl ClipFailure {
    /// The failure of a clip with NaN or infinite logits, which give no score.
    #[must_use]
    pub fn not_finite() -> Self {
        Self {
            stage: "network".into(),
            code: "not-finite".into(),
            stream: None,
            error: "the network's output is not a finite number".into(),
            hint: Some(
                "check the checkpoint's weights; a clip that differs strongly from the training data \
                 can also cause this"
                    .into(),
            ),
        }
    }

    /// The failure of a clip in which no face speaks, for a network that compares lips and voice.
    #[must_use]
    pub fn no_speech(reason: CannotTell) -> Self {
        Self {
            stage: "not-applicable".into(),
            code: "no-speech".into(),
            stream: None,
            error: format!("lips and voice cannot be compared: {reason}"),
            hint: Some(
                "this network knows nothing else: give a clip in which a face is seen and speaks; \
                 `--speech any` turns this check off, and such a score says little"
                    .into(),
            ),
        }
    }

    /// The failure of a clip that the network could not score.
    pub(crate) fn network(error: &dyn Error) -> Self {
        Self {
            stage: "network".into(),
            code: "network".into(),
            stream: None,
            error: chain(error),
            hint: None,
        }
    }

    /// The failure of an unreadable manifest row.
    pub(crate) fn manifest() -> Self {
        Self {
            stage: "manifest".into(),
            code: "row".into(),
            stream: None,
            error: "the row cannot be read".into(),
            hint: None,
        }
    }

    /// The failure of a clip that could not be prepared, without its path.
    #[must_use]
    pub fn of(error: &DataError) -> Self {
        Self {
            stage: error.stage().name().into(),
            code: error.code().into(),
            stream: error.stream(),
            error: chain(error),
            hint: hint::of_data(error).map(Into::into),
        }
    }
}

impl From<ClipError> for ClipFailure {
    fn from(error: ClipError) -> Self {
        // Outputs show the path in a separate column or field.
        Self::of(&error.source)
    }
}

/// Runs work on a clip. A panic becomes a failure of that clip and does not stop the run.
pub(crate) fn guarded<T, E: From<ClipFailure>>(
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    panic::catch_unwind(panic::AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(ClipFailure::of(&DataError::panicked(&*panic)).into()))
}

//! Why a clip has no score.

use std::{error::Error, panic};

use avff_data::{ClipError, DataError};
use serde::Serialize;

use crate::{error_text::chain, hint};

/// Why a clip has no score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{stage}: {error}")]
pub struct ClipFailure {
    /// `open`, `video`, `face`, `audio`, `network`, `manifest` or `internal`.
    pub stage: String,
    /// A short name of what failed, stable between versions: `no-face`, `truncated`...
    pub code: String,
    /// What went wrong, without the path.
    pub error: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl ClipFailure {
    /// For logits that are NaN or infinite: no score is made of them.
    #[must_use]
    pub fn not_finite() -> Self {
        Self {
            stage: "network".into(),
            code: "not-finite".into(),
            error: "the network's output is not a finite number".into(),
            hint: Some(
                "the checkpoint holds broken weights, or the clip is far from all it saw".into(),
            ),
        }
    }

    /// For a network that could not compute.
    pub(crate) fn network(error: &dyn Error) -> Self {
        Self { stage: "network".into(), code: "network".into(), error: chain(error), hint: None }
    }

    pub(crate) fn manifest() -> Self {
        Self {
            stage: "manifest".into(),
            code: "row".into(),
            error: "the row cannot be read".into(),
            hint: None,
        }
    }

    /// For what is wrong with a clip, its path aside.
    #[must_use]
    pub fn of(error: &DataError) -> Self {
        Self {
            stage: error.stage().name().into(),
            code: hint::code(error).into(),
            error: chain(error),
            hint: hint::of_data(error).map(Into::into),
        }
    }
}

impl From<ClipError> for ClipFailure {
    fn from(error: ClipError) -> Self {
        // The path has a column or field of its own.
        Self::of(&error.source)
    }
}

/// Works on a clip; a panic is that clip's failure and not the run's.
pub(crate) fn guarded<T, E: From<ClipFailure>>(
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    panic::catch_unwind(panic::AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(ClipFailure::of(&DataError::panicked(&*panic)).into()))
}

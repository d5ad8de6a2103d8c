//! Why a clip has no score.

use std::{any::Any, error::Error as _, panic};

use avff_data::error::ClipError;
use serde::Serialize;

use crate::error::{Error, chain};

/// Why a clip has no score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClipFailure {
    /// `open`, `video`, `face`, `audio`, `network`, `manifest` or `internal`.
    pub stage: String,
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
            error: "the network's output is not a finite number".into(),
            hint: Some(
                "the checkpoint holds broken weights, or the clip is far from all it saw".into(),
            ),
        }
    }

    /// For a network that could not compute.
    pub(crate) fn network(error: &Error) -> Self {
        Self { stage: "network".into(), error: chain(error), hint: None }
    }

    pub(crate) fn manifest() -> Self {
        Self { stage: "manifest".into(), error: "the row cannot be read".into(), hint: None }
    }

    /// For a panic in a decoder: that clip's failure and not the run's.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let what = panic.downcast_ref::<&str>().copied();
        let what = what.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self {
            stage: "internal".into(),
            error: format!("a decoder panicked: {}", what.unwrap_or_default()),
            hint: Some("please report this file".into()),
        }
    }
}

impl From<ClipError> for ClipFailure {
    fn from(error: ClipError) -> Self {
        // The path has a column or field of its own.
        let text = error.source().map_or_else(|| error.to_string(), chain);
        Self {
            stage: error.source.stage().into(),
            error: text,
            hint: error.source.hint().map(Into::into),
        }
    }
}

/// Works on a clip; a panic is that clip's failure and not the run's.
pub(crate) fn guarded<T, E: From<ClipFailure>>(
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    panic::catch_unwind(panic::AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(ClipFailure::panicked(&*panic).into()))
}

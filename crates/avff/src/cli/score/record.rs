//! A scored clip, as JSON shows it.

use std::path::Path;

use avff::{
    Logits, Score, WindowScore,
    calibration::Answer,
    data::{LeftOut, StreamChoices, synchrony::Synchrony},
    failure::ClipFailure,
    hash,
};
use serde::Serialize;

/// A clip with its score, or with the reason why it has none.
#[derive(Serialize)]
pub(super) struct Scored {
    pub(super) path: String,
    /// SHA-256 of the file, or of the names and contents of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The score: the sigmoid of the network's output for fake.
    pub(super) y_pred: Option<f32>,
    logits: Option<Logits>,
    /// What the score means; absent without a calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// With face crops: whether a face was found. Without one, whole frames are scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) face: Option<bool>,
    /// The windows that the score is computed from.
    pub(super) windows: Vec<Window>,
    /// The windows that were left out because the clip is damaged there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<LeftOut>,
    /// The streams that were read; `null` if the clip could not be read.
    streams: Option<StreamChoices>,
    /// What is worth knowing of the clip.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// Whether lips move with the voice, measured without the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) synchrony: Option<Synchrony>,
    pub(super) error: Option<ClipFailure>,
}

/// A part of a clip, in seconds, and its score.
#[derive(Serialize)]
pub(super) struct Window {
    pub(super) start: f64,
    pub(super) end: f64,
    /// Indices of the frames in display order, from 0.
    frames: Vec<usize>,
    pub(super) y_pred: f32,
    logits: Logits,
}

impl Scored {
    pub(super) fn new(path: &Path, outcome: Result<Score, ClipFailure>, faces: bool) -> Self {
        let (score, error) = match outcome {
            Ok(score) => (Some(score), None),
            Err(failure) => (None, Some(failure)),
        };
        let logits = score.as_ref().map(|score| score.logits);
        let answer = score.as_ref().and_then(|score| score.answer);
        let face = score.as_ref().filter(|_| faces).map(|score| !score.without_face);
        let streams = score.as_ref().map(|score| score.streams);
        let synchrony = score.as_ref().and_then(|score| score.synchrony);
        let (windows, left_out, notes) =
            score.map(|score| (score.windows, score.left_out, score.notes)).unwrap_or_default();
        Self {
            path: path.display().to_string(),
            sha256: None,
            y_pred: logits.map(Logits::probability_fake),
            logits,
            answer,
            face,
            windows: windows.into_iter().map(Window::from).collect(),
            left_out,
            streams,
            notes,
            synchrony,
            error,
        }
    }

    /// Adds the SHA-256 of the clip, if it can be read.
    pub(super) fn hashed(mut self) -> Self {
        self.sha256 = hash::content(Path::new(&self.path)).ok();
        self
    }

    /// The window with the highest score.
    pub(super) fn worst(&self) -> Option<&Window> {
        self.windows.iter().max_by(|a, b| a.y_pred.total_cmp(&b.y_pred))
    }
}

impl From<WindowScore> for Window {
    fn from(WindowScore { span, frames, logits }: WindowScore) -> Self {
        let y_pred = logits.probability_fake();
        Self { start: span.start, end: span.end, frames, y_pred, logits }
    }
}

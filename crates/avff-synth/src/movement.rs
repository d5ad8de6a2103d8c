//! The movements of a mouth during a clip.

use super::{
    mouth::Lips,
    track::{Parameter, Track},
    voices::{LipTrack, actions::Weights, drawn_lips},
    words::value,
};

/// The movements of a mouth.
#[derive(Debug, Clone)]
pub(super) enum Movement {
    /// Those of synthetic articulation.
    Synthetic(Track),
    /// Those of recorded speech, which starts at a time of the utterance, in seconds.
    Recorded { lips: Box<LipTrack>, start: f64 },
}

/// A mouth at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MouthState {
    pub(super) lips: Lips,
    /// The weights of all actions, if they are known in more detail than the lips.
    pub(super) actions: Option<Weights>,
}

impl Movement {
    /// Returns how early the mouth moves, in seconds, where that of a synthetic one is `synthetic`.
    pub(super) fn lead(&self, synthetic: f64) -> f64 {
        match self {
            Self::Synthetic(_) => synthetic,
            // The habits of the speaker have moved it already.
            Self::Recorded { .. } => 0.0,
        }
    }

    /// Returns the mouth at a time of the clip, in seconds.
    pub(super) fn at(&self, seconds: f64) -> MouthState {
        match self {
            Self::Synthetic(track) => {
                let posture = track.at_seconds(seconds);
                let open = value(&posture, Parameter::MouthOpening);
                let round = value(&posture, Parameter::LipRounding);
                MouthState { lips: Lips { open, round }, actions: None }
            }
            Self::Recorded { lips, start } => {
                let actions = lips.at(start + seconds);
                let (open, round) = drawn_lips(&actions);
                MouthState { lips: Lips { open, round }, actions: Some(actions) }
            }
        }
    }
}

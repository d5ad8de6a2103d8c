//! Synthetic talking faces with known truth: an instrument to test whether a network learns that a
//! voice and a face belong together. A score on them says nothing about deepfakes in the wild.
//!
//! One sequence of articulation, a posture of mouth and throat every millisecond, is both drawn as a
//! face and synthesised as speech. `words` makes the sequence, `track` keeps it, `speech` and `room` turn
//! it into audio, and `head`, `mouth` and `camera` into frames. Fakes exchange, shift or splice sequences
//! before anything is rendered. So the frames and the audio of a `voice-swap` or `time-shift` clip are
//! each an ordinary recording, made by the same steps as a real clip's, and only the two together
//! tell. docs/synth.md describes every method and its limits.
//!
//! Everything about a clip follows from seed, split and number. Sines and powers are `libm`'s, so the
//! result is the same on every platform.

#![forbid(unsafe_code)]

mod camera;
mod canvas;

mod clip;
mod config;
mod head;
mod identity;
mod light;
mod method;
mod mouth;
mod patch;
mod phones;
mod plan;
mod pose;
mod rng;
mod room;
mod row;
mod speech;
mod track;
mod voice;
mod words;

pub use self::{
    clip::SynthClip,
    config::SynthConfig,
    method::{Method, Mix, NoMix},
    plan::Plan,
    row::{EXTRA_COLUMNS, columns},
};

//! Synthetic talking faces with known ground truth. They test whether a network learns that a voice
//! and a face belong together. A score on synthetic clips says nothing about deepfakes in the wild.
//!
//! One sequence of articulation, a posture of mouth and throat per millisecond, is both drawn as a
//! face and synthesized as speech. `words` creates the sequence, `track` stores it, `speech` and
//! `room` turn it into audio, and `drawing` or `mesh` into frames. Fakes exchange, shift
//! or splice sequences before rendering. So the frames and the audio of a `voice-swap` or
//! `time-shift` clip are each an ordinary recording, rendered by the same steps as a real clip.
//! Only the combination of frames and audio reveals the fake. docs/src/explanation/synthetic-clips.md describes every method
//! and its limits.
//!
//! Every property of a clip follows from seed, split and index. Sines and powers come from `libm`,
//! so the result is the same on every platform.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod camera;
mod canvas;

mod clip;
mod config;
mod drawing;
mod head;
mod identity;
mod light;
mod mesh;
mod method;
mod mouth;
mod movement;
mod patch;
mod phones;
mod plan;
mod pose;
mod recorded;
mod rng;
mod room;
mod row;
mod soundtrack;
mod speech;
mod track;
mod voice;
pub mod voices;
mod words;

pub use self::{
    clip::SynthClip,
    config::{Appearance, Head, SynthConfig},
    method::{Method, Mix, MixError},
    plan::Plan,
    recorded::shortest_utterance,
    row::{EXTRA_COLUMNS, columns},
};

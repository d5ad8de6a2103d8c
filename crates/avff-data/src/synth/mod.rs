//! Clips that are made, with known truth: an instrument to test whether a network learns that a voice
//! and a face belong together. A score on them says nothing about deepfakes in the wild.
//!
//! One course of movements, a posture of mouth and throat a millisecond, is both drawn as a
//! face and heard as formant synthesis: `words` makes the movements, `track` keeps them, `speech` and
//! `room` make sound of them, `head`, `mouth` and `camera` pictures. Fakes exchange, shift or splice
//! movements before anything is drawn or heard. So picture and sound of a `voice-swap` or `time-shift` clip
//! are each an ordinary one, made by the same steps from the same chances as a real clip's, and only
//! the two together can tell. What is made how, and the limits: docs/synth.md.
//!
//! Everything about a clip follows from seed, split and number. Sines and powers are `libm`'s, so that
//! it does on every platform.

mod camera;
mod canvas;
mod chance;
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

//! Detects, tracks and crops the main face of a clip, so that a network sees the speaker and little
//! else.
//!
//! - [`FaceCrop`]: the settings of detection and crop, and the handling of clips without a face.
//! - `seeta`: the detector, which works on `gray` levels.
//! - [`track`]: links detections of several frames to people and selects the main one.
//! - [`square`]: computes the crop square of every frame.
//! - [`FaceStream`]: combines all of this as a stream of cropped frames, in place of the clip's
//!   own.
//!
//! Open-AVFF does not crop; the AVFF paper does. A network must see the preprocessing that it was
//! trained on, so the crop is part of the clip spec.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod config;
pub mod error;
mod gray;
mod seeta;
pub mod square;
mod stream;
pub mod track;

pub use config::{FaceCrop, NoFace};
pub use error::FaceError;
pub use stream::{FaceStream, Faces};

//! The main face of a clip: found, followed over its frames, and cut out, so that a network sees the
//! speaker and little else.
//!
//! - [`FaceCrop`]: what is looked for, and what happens where it is not there.
//! - `seeta`: the detector, over `gray` levels.
//! - [`track`]: detections of several frames linked to people; the main one is chosen.
//! - [`square`]: where to cut in every frame.
//! - [`FaceStream`]: all of it as a stream of frames, in place of the clip's own.
//!
//! Open-AVFF does not crop; the AVFF paper does. A network should see what it was trained on, so the
//! choice is part of the clip spec.

#![forbid(unsafe_code)]

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

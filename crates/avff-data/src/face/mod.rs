//! The face of a clip: found, followed and cut out, so that a network sees the speaker and little else.
//!
//! - [`config`](FaceCrop): what is looked for and what happens where it is not there.
//! - `seeta`: the detector, over `gray` pictures.
//! - [`track`]: detections of several pictures linked to people, and the main one chosen.
//! - [`square`]: where to cut in every picture.
//! - [`stream`](FaceStream): all of it as a stream of pictures, in place of the clip's own.
//! - [`sheet`]: what was cut, for a person to look at.
//!
//! Open-AVFF does not crop; the AVFF paper does. A network should see what it was trained on, so the
//! choice is part of the clip spec.

mod config;
mod gray;
mod seeta;
pub mod sheet;
pub mod square;
mod stream;
pub mod track;

pub use config::{FaceCrop, NoFace, UnknownNoFace};
pub use stream::{FaceStream, Faces};

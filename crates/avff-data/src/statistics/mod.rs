//! What the clips of a set are like: what they hold, how they sound at the start, the statistics that
//! a [`ClipSpec`](crate::spec::ClipSpec) needs, and which of them are the same file.
//!
//! - [`clip`]: the facts of one clip.
//! - [`moments`]: mean and deviation of values that come in pieces.
//! - [`content`]: whether two files hold the same bytes.

pub mod clip;
pub mod content;
pub mod moments;

pub use self::{
    clip::{ClipFacts, Depth, examine},
    content::{content_hash, content_size},
    moments::Moments,
};

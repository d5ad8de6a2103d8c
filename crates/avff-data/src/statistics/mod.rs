//! Properties of the clips of a data set: their content, their leading silence, the statistics for
//! a [`ClipSpec`](crate::spec::ClipSpec), and duplicates.
//!
//! - [`clip`]: properties of one clip.
//! - [`moments`]: mean and standard deviation of values in chunks.
//! - [`content`]: whether two files have equal content.

pub mod clip;
pub mod content;
pub mod moments;

pub use self::{
    clip::{ClipFacts, Depth, examine},
    content::{content_hash, content_size},
    moments::Moments,
};

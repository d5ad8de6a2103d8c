//! The parts both models are made of. Fields are named as the keys of a released checkpoint.

mod attention;
mod block;
mod fusion;
mod linear;
mod norm;
mod patch;
mod relu;

pub use attention::{SelfAttention, attention};
pub use block::{Block, Mlp, gelu};
pub use fusion::{CrossAttention, CrossModal, FusionBlock, FusionScope, TokenMap};
pub use linear::Linear;
pub(crate) use norm::{layer_norm, normalise};
pub use patch::{AudioPatches, VideoPatches};
pub(crate) use relu::relu;

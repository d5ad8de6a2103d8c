//! Explanations of a score, computed by the network itself.
//!
//! - [`Segments`]: the importance of time segments and of each modality in them, by occlusion
//! - [`PatchAttention`]: the patches that the encoders attend to, by attention rollout

mod attention;
mod occlusion;

pub use self::{
    attention::PatchAttention,
    occlusion::{Occluded, Segments},
};

//! Where a score comes from, by the network itself.
//!
//! - [`Moments`]: which moments, and which modality at them, by hiding one after the other
//! - [`PatchAttention`]: which patches the encoders attend to

mod attention;
mod occlusion;

pub use self::{
    attention::PatchAttention,
    occlusion::{Hidden, Moments},
};

//! Healthy files that no fixture holds.

pub mod flv;
pub mod frame_folder;
pub mod movie;
pub mod weights;

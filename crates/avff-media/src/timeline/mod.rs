//! The presentation of a clip: what is shown and played, and when, on one clock.
//!
//! Containers store media in an order and at times of their own. Edit lists ([`edit`]) select and
//! move parts of it, frames ([`frames`]) are shown until the next one, and audio packets ([`audio`])
//! begin at their time stamps, whatever came before. Both readers compute the presentation here, so
//! they cannot disagree. It starts at 0.

mod affected;
pub(crate) mod audio;
pub(crate) mod edit;
pub(crate) mod extent;
pub(crate) mod frames;
pub(crate) mod lost;

pub(crate) use self::{
    audio::{AudioPackets, PlacedAudio},
    edit::{EditList, Segment},
    extent::AudioExtent,
    frames::{FrameTime, PresentedFrames, hidden_frames},
    lost::{TimedPicture, lost_pictures},
};

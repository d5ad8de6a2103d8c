//! Shards: tar files of many prepared clips, which are read faster than single files.
//!
//! A shard has webdataset's layout: the members of a clip follow each other and share a key, the
//! part of their names before the first dot. Other tools can read the shards, and no program of
//! avff is needed to look into one.
//!
//! | member | holds |
//! |---|---|
//! | `KEY.json` | the clip's name, label and windows |
//! | `KEY.W.F.jpg` or `.png` | frame F of window W, fitted to the network's size |
//! | `KEY.W.npy` | the filterbank of window W, `[frames, mels]` of f32, not normalized |
//! | `KEY.W.wav` | or its waveform, in 16 bits |
//!
//! Beside each shard lies its [`index`]: where each clip is, how long, and its checksum. There
//! is no file for all shards together, so shards can be written, copied and read one by one.
//! [`ShardSet`] opens all of a folder, [`ShardReader`] reads their clips for a
//! [`Loader`](crate::loader::Loader), in any order.
//!
//! - [`index`]: the index of a shard
//! - [`sample`]: a prepared clip, and its members
//! - [`writer`]: writes shards
//! - [`set`]: the shards of a folder
//! - [`reader`]: reads clips for training
//! - `store`: the files of a folder or of a web server

pub mod index;
pub mod reader;
pub mod sample;
pub mod set;
mod store;
pub mod writer;

pub use self::{
    reader::ShardReader,
    sample::{Packing, Prepared, Preparer},
    set::{ShardCoverage, ShardSet},
    writer::{Packed, ShardRun, ShardWriter},
};
pub use crate::shard_error::ShardError;

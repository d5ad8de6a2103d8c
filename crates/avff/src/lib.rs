//! Audio-visual deepfake detection in pure Rust: the front door.
//!
//! A [`Detector`] is a trained classifier with everything that a score depends on. One call takes a clip
//! to an answer:
//!
//! ```no_run
//! use avff::Detector;
//!
//! let detector = Detector::open("stage-3.pth")?;
//! let score = detector.score("clip.mp4")?;
//! println!("{:.4}", score.probability_fake());
//! # Ok::<(), avff::Error>(())
//! ```
//!
//! # Features
//! - `command` (default): `sheets`, `tools`, `train`, and the command `avff`. A library user leaves it out:
//!   `default-features = false, features = ["cpu"]`.
//! - `cpu` (default), `ndarray`, `wgpu`, `cuda`: backends, chosen among at run time.
//! - `sheets`: PNGs of explanations; `tools`: data sets; `train`: training runs.
//! - `ffmpeg`: everything that FFmpeg reads, through its libraries; `mpi`: training by several processes; `mimalloc`
//!   (default): a faster allocator for the command.
//!
//! # Layout
//! - [`Detector`], [`DetectorBuilder`]: scores, explanations and evaluations of a stage-3 checkpoint;
//!   [`Score`]: what comes out. [`Pretrained`]: reconstructions of a stage-1 or stage-2 checkpoint.
//! - [`evaluate`]: a manifest to scores on disk; [`shard`]: such runs in parts; [`explain`]: where a score comes from.
//! - [`device`]: backends, chosen at run time; [`preprocessing`]: how a checkpoint prepares clips;
//!   [`checkpoint`]: converting checkpoints, and the warning that goes with their scores.
//! - [`error`], [`failure`], [`hint`]: what failed, why a clip has no score, what helps; [`error_text`]: as one line.
//! - [`input`], [`output`], [`merge`]: tables that are read, files that are written, shards of a run put together.
//! - [`manifest`], [`split`], [`check`], [`crop`], [`cache`], [`synth`]: data sets, for the command.
//! - [`compare`]: do two detectors differ by more than chance? [`training`], [`start`]: training runs and
//!   their initialization.
//! - [`data`], [`metrics`], [`model`], [`plots`], [`train`]: the crates below.

#![forbid(unsafe_code)]

/// Version, and commit where it was built from a Git checkout, with `-dirty` where files differed from it:
/// `0.1.0 (0123456789ab)`.
pub const VERSION: &str = env!("AVFF_VERSION");

#[cfg(feature = "tools")]
pub mod cache;
#[cfg(feature = "tools")]
pub mod check;
pub mod checkpoint;
#[cfg(feature = "tools")]
pub mod compare;
#[cfg(feature = "tools")]
pub mod crop;
pub mod detector;
pub mod device;
pub mod error;
pub mod error_text;
pub mod evaluate;
pub mod explain;
pub mod failure;
pub mod hash;
pub mod hint;
pub mod input;
#[cfg(feature = "tools")]
pub mod manifest;
pub mod merge;
mod network;
pub mod output;
mod overwrite_guard;
pub mod preprocessing;
pub mod pretrained;
#[cfg(feature = "tools")]
mod run_lock;
pub mod score;
pub mod shard;
#[cfg(feature = "tools")]
pub mod split;
#[cfg(feature = "train")]
pub mod start;
#[cfg(feature = "tools")]
pub mod synth;
pub mod table;
#[cfg(feature = "train")]
pub mod training;

pub use avff_data as data;
pub use avff_metrics as metrics;
pub use avff_model as model;
pub use avff_model::FusionScope;
#[cfg(feature = "sheets")]
pub use avff_plots as plots;
#[cfg(feature = "train")]
pub use avff_train as train;

pub use self::{
    checkpoint::UNTRAINED,
    detector::{Detector, DetectorBuilder, Preparation, ScoreMany},
    device::Device,
    error::Error,
    failure::ClipFailure,
    network::Arithmetic,
    pretrained::Pretrained,
    score::{Aggregate, Logits, Score, WindowScore},
};

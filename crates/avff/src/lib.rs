//! Audio-visual deepfake detection in pure Rust.
//!
//! A [`Detector`] is a trained classifier and everything that its scores depend on. One call scores a clip:
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
//! - `command` (default): the command `avff`, with `sheets`, `tools` and `train`. A library user disables it:
//!   `default-features = false, features = ["cpu"]`.
//! - `cpu` (default), `ndarray`, `wgpu`, `cuda`: backends. The device is chosen at run time.
//! - `sheets`: PNGs of explanations, and reports; `tools`: data sets; `train`: training runs.
//! - `ffmpeg`: all formats of the FFmpeg libraries; `mpi`: distributed training; `mimalloc` (default): a faster
//!   allocator for the command.
//!
//! # Layout
//! - [`Detector`], [`DetectorBuilder`]: scores, explanations and evaluations with a stage-3 checkpoint;
//!   [`Score`]: the result. [`Pretrained`]: reconstructions with a stage-1 or stage-2 checkpoint.
//! - [`localize`]: the fake parts of clips, as challenges ask for them.
//! - [`robustness`]: scores of perturbed clips.
//! - [`report`]: a page on one clip, to hand on.
//! - [`calibrate`]: fits calibrations. [`calibration`]: what scores mean: probabilities, likelihood ratios, decisions.
//! - [`evaluate`]: scores a manifest into files; [`shard`]: splits runs into shards; [`explain`]: explains a score.
//! - [`device`]: backends, chosen at run time; [`preprocessing`]: clip preparation of a checkpoint;
//!   [`checkpoint`]: conversion of checkpoints, and the warning that accompanies their scores.
//! - [`error`], [`failure`], [`hint`]: errors, failures of clips, and suggestions; [`error_text`]: errors as text.
//! - [`input`], [`output`], [`merge`]: tables that are read, files that are written, merging of shards.
//! - [`manifest`], [`split`], [`check`], [`crop`], [`cache`], [`pack`], [`plan`], [`synth`]: data sets, for the
//!   command.
//! - [`compare`]: tests whether two detectors differ significantly. [`training`], [`initialize`]: training runs and
//!   their initialization.
//! - [`data`], [`datasets`], [`metrics`], [`model`], [`plots`], [`train`]: the crates that avff builds on.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct RootReadme;

/// The version, with the commit if avff was built from a Git checkout, such as `0.1.0 (0123456789ab)`. The commit
/// ends in `-dirty` if files had uncommitted changes.
pub const VERSION: &str = env!("AVFF_VERSION");

#[cfg(feature = "weights")]
mod bundled;
#[cfg(feature = "tools")]
pub mod cache;
#[cfg(feature = "tools")]
pub mod calibrate;
pub mod calibration;
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
#[cfg(feature = "train")]
pub mod initialize;
pub mod input;
pub mod json_diff;
#[cfg(feature = "tools")]
pub mod localize;
#[cfg(feature = "tools")]
pub mod manifest;
pub mod merge;
mod network;
pub mod output;
mod overwrite_guard;
#[cfg(feature = "tools")]
pub mod pack;
#[cfg(feature = "tools")]
pub mod plan;
pub mod preprocessing;
pub mod pretrained;
#[cfg(feature = "sheets")]
pub mod report;
#[cfg(feature = "tools")]
pub mod robustness;
#[cfg(feature = "tools")]
mod run_lock;
pub mod score;
pub mod shard;
#[cfg(feature = "tools")]
pub mod split;
#[cfg(feature = "tools")]
pub mod synth;
pub mod table;
#[cfg(feature = "train")]
pub mod training;

pub use avff_data as data;
pub use avff_datasets as datasets;
pub use avff_media::DamagePolicy;
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

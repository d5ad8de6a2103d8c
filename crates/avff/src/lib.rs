//! Audio-visual deepfake detection in pure Rust: the parts of avff put together.
//!
//! - [`model`]: the network and its checkpoints ([`avff_model`])
//! - [`data`]: clips, frames, fbanks, manifests ([`avff_data`])
//! - [`train`]: metrics, and in time the learners ([`avff_train`])
//! - [`adapt`]: a stage-3 start from stage-2 weights
//! - [`device`]: backends, chosen at run time
//! - [`scorer`]: a classifier behind one interface
//! - [`hash`]: what is in a file
//! - [`eval`]: a manifest to scores on disk
//! - [`compare`]: two networks' scores of the same clips
//! - [`clip_scores`]: samples of clips to scores of clips; [`failure`]: why a clip has none
//! - [`split`]: a manifest to training and test sets
//! - [`check`]: what is wrong with such sets
//! - [`manifest`]: a data set on disk to a manifest
//! - [`clips`]: how clips are prepared for a network
//! - [`crop`]: a manifest's clips cut to their faces, on disk
//! - [`cache`]: a manifest's clips decoded ahead of training
//! - [`shard`]: such runs in parts, that any scheduler starts
//! - [`start`]: a pre-training model whose encoders are published ones
//! - [`explain`]: which moments a score comes from
//! - [`reconstruct`]: what such a model makes of a clip, to look at
//! - [`synth`]: clips that are made, with known truth, on disk
//!
//! ```no_run
//! use avff::{clips, device::Device, eval, model::Checkpoint, scorer::{self, ScorerOptions}};
//!
//! let checkpoint = Checkpoint::open("stage-3.pth")?;
//! let config = checkpoint.config(None)?;
//! let spec = clips::spec(&checkpoint, &config, |_| {})?;
//! let options = ScorerOptions::on(Device::auto());
//! let scorer = scorer::open(&checkpoint, &config, &spec, &options)?;
//! let clip = avff::data::load_clip("clip.mp4".as_ref(), &spec)?;
//! println!("{}", scorer.score(&[clip])?[0].probability_of_fake());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

/// Version, and commit where it was built from a Git checkout, with `-dirty` where files differed from it:
/// `0.1.0 (0123456789ab)`.
pub const VERSION: &str = env!("AVFF_VERSION");

pub mod adapt;
pub mod cache;
pub mod check;
mod claim;
pub mod clip_scores;
pub mod clips;
pub mod compare;
pub mod convert;
pub mod crop;
pub mod device;
mod drawing;
pub mod error;
pub mod eval;
pub mod explain;
pub mod failure;
pub mod hash;
pub mod hint;
pub mod manifest;
pub mod reconstruct;
pub mod scorer;
pub mod shard;
pub mod split;
pub mod start;
pub mod synth;
pub mod table;
pub mod training;

pub use avff_data as data;
pub use avff_model as model;
pub use avff_train as train;
pub use error::Error;

/// Said wherever a score of weights shows that were never trained.
pub const UNTRAINED: &str =
    "UNTRAINED checkpoint: it never learned to tell fake from real, these scores mean nothing.";

//! Converts media files to the input tensors of an audio-visual deepfake detector, in pure Rust.
//!
//! The result equals that of Open-AVFF's loader: 16 frames spread over the clip, resized like
//! Pillow, and a log-mel filterbank like torchaudio's Kaldi implementation. Frames are
//! bit-identical and filterbanks equal up to rounding; the tests verify both. A clip that cannot be
//! read is an error with its path and the reason. It is never replaced by placeholder values.
//!
//! Media files are untrusted input: sizes are bounded and arithmetic is checked.
//!
//! # Layout, in data-flow order
//! - [`spec`]: sizes and statistics of both tensors, and how clips are read; stored with a
//!   checkpoint.
//! - [`windows`]: the parts of a clip that become samples.
//! - [`decode`](mod@decode): decodes the windows of a clip in one pass; [`fit`](mod@fit): fits a
//!   frame to the spec's size; [`fbank`]: computes log-mel energies from audio.
//! - [`augment`]: data augmentation.
//! - [`tensors`](mod@tensors): converts frames and energies to normalized tensors.
//! - [`pipeline`]: all of the above for one file.
//! - [`prefetch`]: processes many files in parallel, in order and with bounded memory.
//! - `shards`, with the feature `shards`: tar files of prepared clips.
//! - [`npy`]: arrays of NumPy.
//! - [`loader`]: the batches of an epoch, in a seeded order that can be resumed; [`cache`]: decoded
//!   clips on disk.
//! - [`statistics`]: properties of the clips of a data set, and the statistics that a spec needs.
//! - [`synchrony`]: whether lips move with the voice, without a network.
//! - `batcher`: converts clips to Burn tensors; behind the feature `burn`, the only module that
//!   depends on Burn.
//! - [`error`]: why a clip could not be prepared, and at which stage.
//!
//! # Example
//! ```
//! use std::path::Path;
//!
//! use avff_data::{ClipSpec, load_clip, prefetch::Prefetch};
//!
//! let spec = ClipSpec::open_avff();
//! let paths = ["h264_vfr.mp4", "bad/text.mp4"].map(|name| Path::new("../avff-media/tests/fixtures/media").join(name));
//! let mut clips = Prefetch::new(paths.into_iter(), 2, 2, move |path| load_clip(path, &spec));
//!
//! let (_, clip) = clips.next().ok_or("no clip")?;
//! let clip = clip?;
//! assert_eq!(clip.audio.len(), 1024 * 128);
//! assert_eq!(clip.video.len(), 3 * 16 * 224 * 224);
//!
//! let (path, clip) = clips.next().ok_or("no second clip")?;
//! let error = clip.err().ok_or("a text file was read as a clip")?;
//! assert_eq!(error.path, path);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod augment;
#[cfg(feature = "burn")]
pub mod batcher;
pub mod cache;
pub mod decode;
pub mod error;
pub mod fbank;
pub mod fit;
pub mod loader;
mod notes;
pub mod npy;
pub mod perturb;
pub mod pipeline;
pub mod prefetch;
#[cfg(feature = "shards")]
mod shard_error;
#[cfg(feature = "shards")]
pub mod shards;
pub mod spec;
pub mod statistics;
pub mod synchrony;
pub mod tensors;
pub mod windows;

pub use self::{
    error::{ClipError, DataError, Stage, Untouched},
    notes::StreamChoices,
    pipeline::{Sample, load_clip, load_samples},
    spec::ClipSpec,
    tensors::Clip,
    windows::{Coverage, LeftOut},
};

//! From media files to the tensors of an audio-visual deepfake detector, in pure Rust.
//!
//! A clip goes in as it was downloaded; out come the numbers that Open-AVFF's loader makes of it: 16
//! frames spread over the clip, resized as Pillow resizes, and a log-mel filterbank as torchaudio's
//! Kaldi computes it. Frames are equal bit for bit, the filterbank up to rounding, and the tests hold
//! them to that. A clip that cannot be read is an error with the path and the reason, never a stand-in
//! that would be scored all the same.
//!
//! Every byte of a file counts as hostile: sizes are bounded and arithmetic is checked.
//!
//! # Layout, in the order of the data
//! - [`spec`]: the sizes and statistics of both tensors, and how clips are read; stored with a checkpoint.
//! - [`windows`]: which parts of a clip become samples.
//! - [`decode`](mod@decode): the windows of a clip, decoded in one pass; [`fit`](mod@fit): a frame at the spec's size;
//!   [`fbank`]: from audio to log-mel energies.
//! - [`augment`]: what training varies.
//! - [`tensors`](mod@tensors): from frames and energies to normalised tensors.
//! - [`pipeline`]: all of the above for one file.
//! - [`prefetch`]: many files at once, in order and in bounded memory.
//! - [`loader`]: the batches of an epoch, in a seeded order that can be resumed; [`cache`]: decoded clips
//!   on disk.
//! - [`statistics`]: what the clips of a set are like, and the statistics that a spec needs.
//! - `batcher`: clips as Burn tensors; behind the feature `burn`, the one module that knows it.
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
//! let error = clip.err().ok_or("text was taken for a clip")?;
//! assert_eq!(error.path, path);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod augment;
#[cfg(feature = "burn")]
pub mod batcher;
pub mod cache;
pub mod decode;
pub mod error;
pub mod fbank;
pub mod fit;
pub mod loader;
pub mod pipeline;
pub mod prefetch;
pub mod spec;
pub mod statistics;
pub mod tensors;
pub mod windows;

pub use self::{
    error::{ClipError, DataError, Stage},
    pipeline::{Sample, load_clip, load_samples},
    spec::ClipSpec,
    tensors::Clip,
};

//! From media files to the tensors of an audio-visual deepfake detector, in pure Rust.
//!
//! A clip goes in as it was downloaded; out come the numbers that Open-AVFF's loader makes of it:
//! 16 pictures spread over the clip, resized as Pillow resizes, and a log-mel filterbank as
//! torchaudio's Kaldi computes it. The frames are equal bit for bit, the filterbank up to rounding,
//! and the tests hold them to that. What cannot be read is an error with the path and the reason,
//! never a stand-in that would be scored all the same.
//!
//! Every byte of a file is taken to be hostile: sizes are bounded, arithmetic is checked, and there
//! is no `unsafe`.
//!
//! # Layout, in the order of the data
//! - [`manifest`]: the CSV list of clips, read row by row.
//! - [`layout`]: known data sets on a disk, to rows of a manifest.
//! - [`protocol`]: which clips train and which test, and what the two must not share.
//! - [`media`]: containers and codecs, to pictures and sound.
//! - [`picture`], [`sound`]: what they hand over.
//! - [`frames`], [`resize`], [`fit`], [`normalize`]: from pictures to the video tensor.
//! - [`face`]: the clip's main face, cut out of every picture.
//! - [`fbank`]: from sound to log-mel energies.
//! - [`sampling`], [`parts`], [`silence`]: which parts of a clip become samples.
//! - [`spec`]: the sizes and statistics of both tensors, stored beside a checkpoint.
//! - [`clip`]: all of the above for one file.
//! - [`prefetch`]: many files at once, in order and in bounded memory.
//! - [`loader`]: the batches of an epoch, in a seeded order that can be resumed; on top of:
//!   [`footage`], a part of a clip before it is a tensor; [`augment`], what training varies in it;
//!   [`cache`], what need not be decoded twice; randomness is `avff_rng`'s.
//! - [`survey`]: what the clips of a set are like, and the statistics a spec needs.
//! - [`synth`]: clips that are made, with known truth, to test what a network can learn.
//! - `batcher`: clips as Burn tensors; behind the feature `burn`, the one module that knows it.
//! - [`error`]: what can go wrong, at which stage, and what to do about it.
//!
//! # Example
//! ```
//! use std::path::Path;
//!
//! use avff_data::{clip::load_clip, prefetch::Prefetch, spec::ClipSpec};
//!
//! let spec = ClipSpec::open_avff();
//! let paths = ["h264_vfr.mp4", "bad/text.mp4"].map(|name| Path::new("tests/fixtures/media").join(name));
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
pub mod clip;
pub mod error;
pub mod face;
pub mod fbank;
pub mod fit;
pub mod footage;
pub mod frames;
pub mod layout;
pub mod loader;
pub mod manifest;
pub mod media;
pub mod normalize;
pub mod parts;
pub mod picture;
pub mod prefetch;
pub mod protocol;
pub mod resize;
pub mod sampling;
pub mod silence;
pub mod sound;
pub mod spec;
pub mod survey;
pub mod synth;

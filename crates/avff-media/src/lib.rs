//! Media files, from bytes to frames and audio, in pure Rust.
//!
//! [`open`] looks at what is at a path and gives a [`MediaSource`]: an MP4 file with H.264 and AAC
//! (also ALAC, FLAC, MP3 and PCM), or a folder of images with a WAV file. Both streams are checked
//! then, so a clip that cannot be read is refused before anything is decoded. Frames are equal to
//! decord's bit for bit, audio to FFmpeg's up to rounding. With the feature `ffmpeg`, the libraries of
//! FFmpeg read everything else that they know.
//!
//! Every byte counts as hostile: reads are bounded, tables are cross-checked, and damage is an error,
//! never a repeated or guessed frame.
//!
//! # Layout
//! - [`frame`], [`audio`]: what is decoded; [`resize`]: a frame of another size, as Pillow makes it.
//! - [`source`]: the interface of every reader: times, and two streams on one clock.
//! - `open`: which reader takes a file; [`decoder`]: the choice of it.
//! - `mp4`: the container; `h264`, `audio_track`: its streams; `avc`, `sps`, `aac`, `pcm`, `codec`: their parts.
//! - `folder`, `wav`, `sidecar`, `write`: folders of images with a WAV file, read and written.
//! - `color`, `rotate`: from decoded planes to the RGB that a viewer sees.
//! - `ffmpeg`: the same interface over FFmpeg's libraries.
//! - [`error`]: why a clip could not be read.
//!
//! # Example
//! ```
//! use avff_media::{open, MediaError};
//!
//! let mut clip = open("tests/fixtures/media/h264_vfr.mp4".as_ref())?;
//! let frames = clip.frames_at(&[0, 10])?;
//! assert_eq!(frames[0].rgb.len(), 3 * frames[0].width * frames[0].height);
//! let audio = clip.audio()?;
//! assert!(audio.seconds() > 1.0);
//! # Ok::<(), MediaError>(())
//! ```

#![forbid(unsafe_code)]

mod aac;
pub mod audio;
mod audio_track;
mod avc;
mod bits;
mod codec;
mod color;
pub mod decoder;
pub mod error;
#[cfg(feature = "ffmpeg")]
mod ffmpeg;
mod folder;
pub mod frame;
mod h264;
mod mp4;
mod mp4_clip;
mod open;
mod pcm;
pub mod resize;
mod rotate;
mod sidecar;
pub mod source;
mod sps;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wav;
mod write;

pub use self::{
    audio::Audio,
    decoder::Decoder,
    error::{MediaError, SettingError, Stream, UnknownName},
    frame::Frame,
    open::{open, open_bytes, open_with, wav_bytes},
    pcm::MAX_CHANNELS,
    source::{AudioStream, FrameSink, FrameStream, MediaInfo, MediaSource},
    write::{FolderWriter, FrameCoding, encode},
};

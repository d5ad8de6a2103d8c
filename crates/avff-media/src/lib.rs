//! Decodes media files into frames and audio, in pure Rust.
//!
//! [`open`] inspects a path and returns a [`MediaSource`]. It reads an MP4 file with H.264 and AAC
//! (also ALAC, FLAC, MP3 and PCM), or a folder of images with a WAV file. [`open`] checks both
//! streams, so an unreadable clip is refused before anything is decoded. Frames are bit-identical
//! to decord's, audio equals FFmpeg's up to rounding. With the feature `ffmpeg`, FFmpeg's libraries
//! read all other formats that they know.
//!
//! All input is treated as hostile. Reads are bounded, tables are cross-checked, and damage is an
//! error, never a repeated or guessed frame.
//!
//! # Layout
//! - [`frame`], [`audio`]: the decoded data; [`resize`]: Pillow's resize of a frame;
//!   [`pixel_aspect`]: frames whose pixels are not square.
//! - [`source`]: the interface of every reader: times, and two streams on one clock.
//! - `open`: selects the reader of a file by its first bytes (`sniff`); [`decoder`]: the user's
//!   choice of reader; `missing`: why there is no file; `damage_policy`: what is done
//!   with a damaged one; `damage_check`: how much damage is found in it.
//! - `mp4`: the container; `h264`, `audio_track`: its streams; `access_units`: missing frames of
//!   H.264 and damage inside them, for both readers; `avc`, `sps`, `aac`, `alac`, `pcm`, `codec`: parsers of those streams;
//!   `audio_packet`: what damage breaks in coded audio; `audio_recovery`: when audio after it is right;
//!   `audio_bound`: how much audio is decoded; `audio_blocks`: whole audio block by block.
//! - `folder`, `image_file`, `exif`, `jpeg`, `jpeg_image`, `jpeg_scan`, `wav`, `sidecar`, `write`: read
//!   and write folders of images with a WAV file.
//! - `interleaving`: what lies near damage in a file.
//! - `timeline`, `tracks`: when frames are shown and audio is played, and which tracks are read, for
//!   every reader.
//! - [`memory`]: the budget that all clips share; `byte_size`: a size as a user writes it;
//!   `allocate`: allocations that fail with an error.
//! - `color`, `rotate`: convert decoded planes to RGB as displayed.
//! - `ffmpeg`: the same interface over FFmpeg's libraries.
//! - [`error`]: the reasons why a clip cannot be read.
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod aac;
mod access_units;
mod alac;
mod allocate;
pub mod audio;
mod audio_blocks;
mod audio_bound;
mod audio_packet;
mod audio_recovery;
mod audio_track;
mod avc;
#[cfg(test)]
mod bit_writer;
mod bits;
mod byte_size;
mod codec;
mod color;
mod damage_check;
mod damage_policy;
pub mod decoder;
pub mod error;
mod exif;
#[cfg(feature = "ffmpeg")]
mod ffmpeg;
mod folder;
pub mod frame;
mod h264;
mod image_file;
mod interleaving;
mod jpeg;
mod jpeg_image;
mod jpeg_scan;
mod long_frames;
pub mod memory;
mod missing;
mod mp4;
mod mp4_clip;
mod open;
mod pcm;
pub mod pixel_aspect;
mod png_chunks;
pub mod resize;
mod rotate;
mod sidecar;
mod sniff;
pub mod source;
mod sps;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod timeline;
mod tracks;
mod wav;
mod write;

pub use self::{
    audio::Audio,
    byte_size::{ByteSize, InvalidSize},
    damage_check::DamageCheck,
    damage_policy::DamagePolicy,
    decoder::Decoder,
    error::{
        DamageCode, DamagedPart, Fault, MAX_DAMAGED_PARTS, MediaError, SettingError, Stream,
        UnknownName, missing_spans,
    },
    folder::{is_frame_folder, is_video},
    frame::Frame,
    image_file::verified_image,
    long_frames::long_frames,
    missing::{is_url, missing},
    open::{OpenOptions, locate, open, open_bytes, open_bytes_with, open_with, wav_bytes},
    pcm::MAX_CHANNELS,
    source::{AudioStream, BlockSink, FrameSink, FrameStream, MediaInfo, MediaSource},
    tracks::{Choice, Tracks},
    write::{FolderWriter, FrameCoding, encode, wav16},
};

//! Clips: from a path to pictures and sound, without a system library where that is enough.
//!
//! [`open`] looks at what is at the path and gives a [`MediaSource`]: an MP4 file with H.264 and
//! AAC (also ALAC, FLAC, MP3 and PCM), or a folder of pictures with a WAV file. Both streams are
//! checked then, so that a clip which cannot be scored is refused before any is decoded. Pictures
//! are bit for bit those of decord, sound is that of FFmpeg up to rounding. With the feature
//! `ffmpeg`, everything else that FFmpeg reads is a clip too, through its libraries.
//!
//! Every byte is treated as hostile: reads are bounded, tables are cross-checked, damage is an
//! error and never a repeated or guessed picture.

mod aac;
mod avc;
mod bits;
mod clip;
mod codec;
mod color;
mod decoder;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(feature = "ffmpeg")]
mod ffmpeg;
mod folder;
mod h264;
mod mp4;
mod open;
mod pcm;
mod rotate;
mod sidecar;
mod sound;
mod source;
mod sps;
mod wav;
mod write;

use std::io::{Read, Seek, SeekFrom};

pub use self::{
    decoder::{Decoder, UnknownDecoder},
    open::{open, open_bytes, open_with, wav_bytes},
    source::{MediaInfo, MediaSource, PictureStream, SoundStream, Take},
    write::{FolderWriter, PictureCoding, encode},
};
pub(crate) use self::{pcm::MAX_CHANNELS, source::missing};
use crate::error::DataError;

/// Reads a sample into a buffer, which it replaces. Its size was checked when the index was read.
fn read_sample(
    file: &mut (impl Read + Seek),
    sample: &mp4::Sample,
    buffer: &mut Vec<u8>,
) -> Result<(), DataError> {
    buffer.clear();
    let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
    buffer.resize(size, 0);
    file.seek(SeekFrom::Start(sample.offset))?;
    file.read_exact(buffer)?;
    Ok(())
}

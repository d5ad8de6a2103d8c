//! Clips: from a path to pictures and sound, without a system library.
//!
//! [`open`] looks at what is at the path and gives a [`MediaSource`]: an MP4 file with H.264 and
//! AAC (also ALAC, FLAC, MP3 and PCM), or a folder of pictures with a WAV file. Both streams are
//! checked then, so that a clip which cannot be scored is refused before any is decoded. Pictures
//! are bit for bit those of decord, sound is that of FFmpeg up to rounding.
//!
//! Every byte is treated as hostile: reads are bounded, tables are cross-checked, damage is an
//! error and never a repeated or guessed picture.

mod aac;
mod avc;
mod bits;
mod clip;
mod codec;
mod color;
mod folder;
mod h264;
mod mp4;
mod open;
mod pcm;
mod rotate;
mod sound;
mod sps;
mod wav;

use std::io::{Read, Seek, SeekFrom};

pub use self::open::open;
use crate::{error::DataError, picture::Picture, sound::Sound};

/// A clip whose two streams were found and can be decoded by this build.
pub trait MediaSource: Send {
    /// How many pictures are shown; at least one.
    fn frame_count(&self) -> usize;

    /// The pictures at these places in display order, from 0, as the viewer sees them: rotation is
    /// applied. Places may come in any order and more than once; the pictures come in the same
    /// order.
    ///
    /// # Errors
    ///
    /// [`DataError::TooLarge`] for a place beyond the last, [`DataError::Damaged`] where anything
    /// needed for one of the pictures does not decode, [`DataError::Io`], and in a folder
    /// [`DataError::Malformed`] for a picture of another size.
    fn frames_at(&mut self, indices: &[usize]) -> Result<Vec<Picture>, DataError>;

    /// The whole sound, every channel, with the container's trim applied.
    ///
    /// # Errors
    ///
    /// [`DataError::Damaged`] where a packet does not decode, [`DataError::TooLarge`] for hours of
    /// sound, [`DataError::Io`].
    fn sound(&mut self) -> Result<Sound, DataError>;
}

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

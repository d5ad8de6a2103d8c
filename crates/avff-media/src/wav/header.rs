//! Finds the format and the audio in the chunks of a WAV file.

use std::io::{Read, Seek};

use super::{
    chunks::{Chunk, Container},
    format::format,
    malformed,
};
use crate::{
    error::{MediaError, Stream},
    pcm::Pcm,
};

/// The limit on chunks before the audio; real files have a handful.
const MAX_CHUNKS: usize = 1000;

/// The sizes that programs leave in the header when they write to a pipe and cannot go back: SoX
/// writes the first, arecord the second or the fourth, LAME the third, FFmpeg the last.
const PLACEHOLDERS: [u64; 6] =
    [0x7fff_f000, 0x7fff_ff00, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
/// The placeholders of 64 bits: the largest signed and the largest unsigned number, also less the
/// header of a Wave64 chunk.
const LONG_PLACEHOLDERS: [u64; 4] =
    [i64::MAX as u64, u64::MAX, i64::MAX as u64 - 24, u64::MAX - 24];
/// The size in a chunk of RF64 that stands for the size in the chunk `ds64`.
const IN_DS64: u64 = 0xffff_ffff;

/// What the header says about the audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The layout of the samples.
    pub(super) pcm: Pcm,
    /// Offset of the samples, in bytes from the start of the file.
    pub(super) start: u64,
    /// The bytes of the samples.
    pub(super) length: u64,
    /// What was assumed, as sentences.
    pub(super) notes: Vec<String>,
}

impl Header {
    /// Reads the header of a file of `size` bytes.
    ///
    /// # Errors
    ///
    /// `Malformed`, `Truncated`, `UnsupportedCodec`, `Io`.
    pub(super) fn read(file: &mut (impl Read + Seek), size: u64) -> Result<Self, MediaError> {
        let (container, mut at) = Container::read(file, size)?;
        let (mut pcm, mut long_size) = (None, None);
        for _ in 0..MAX_CHUNKS {
            let chunk =
                container.chunk_at(file, at, size)?.ok_or_else(|| malformed("no 'data' chunk"))?;
            match &chunk.name {
                b"fmt " => pcm = Some(format(file, chunk.length)?),
                b"ds64" if container == Container::Rf64 => {
                    long_size = Some(data_size(file, chunk.length)?);
                }
                b"data" => {
                    let pcm =
                        pcm.ok_or_else(|| malformed("no 'fmt ' chunk before the 'data' chunk"))?;
                    let stated = match long_size {
                        Some(long) if chunk.length == IN_DS64 => long,
                        _ => chunk.length,
                    };
                    return Self::with_audio(file, size, container, chunk, stated, pcm);
                }
                _ => {}
            }
            at = chunk.next;
        }
        Err(malformed("too many chunks"))
    }

    /// Returns the number of samples per channel. Trailing bytes that do not fill all channels do
    /// not count.
    pub(super) fn samples(&self) -> u64 {
        self.length / u64::from(self.pcm.frame_bytes().max(1))
    }

    /// Determines the length of the audio in the chunk `data`, whose header states `stated` bytes.
    fn with_audio(
        file: &mut (impl Read + Seek),
        size: u64,
        container: Container,
        data: Chunk,
        stated: u64,
        pcm: Pcm,
    ) -> Result<Self, MediaError> {
        let available = size - data.start;
        let is_placeholder = match stated {
            0 => available > 0 && !chunks_follow(file, size, container, data.start)?,
            // RIFF cannot state the size of a longer file, and a recorder that stops late leaves
            // its placeholder in one.
            0xffff_fffe | 0xffff_ffff if container == Container::Riff => true,
            stated => {
                let listed = PLACEHOLDERS.contains(&stated) || LONG_PLACEHOLDERS.contains(&stated);
                listed && stated > available
            }
        };
        let length = if is_placeholder { available } else { stated };
        if length > available {
            let needed = data.start.saturating_add(length);
            return Err(MediaError::Truncated { stream: Stream::Audio, needed, size });
        }
        let mut header = Self { pcm, start: data.start, length, notes: Vec::new() };
        if is_placeholder {
            header.notes.push(format!(
                "The header of the WAV file does not state how long the audio is: its size is the \
                 placeholder 0x{stated:x}. The audio was read to the end of the file, {} samples \
                 per channel.",
                header.samples()
            ));
        }
        let frame = u64::from(pcm.frame_bytes().max(1));
        let rest = length % frame;
        if rest != 0 {
            header.notes.push(format!(
                "The audio of the WAV file ends inside a sample, which was left out: {rest} of \
                 {frame} bytes are there."
            ));
        }
        Ok(header)
    }
}

/// Reads the size of the audio in a chunk `ds64` of `length` bytes.
fn data_size(file: &mut impl Read, length: u64) -> Result<u64, MediaError> {
    // The size of the file, then the size of the audio.
    let mut sizes = [0; 16];
    if length < 16 {
        return Err(malformed("chunk 'ds64' is truncated"));
    }
    file.read_exact(&mut sizes).map_err(|_| malformed("chunk 'ds64' is truncated"))?;
    let [.., a, b, c, d, e, f, g, h] = sizes;
    Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// Returns whether the bytes from `at` to the end of the file are chunks with plain names, so that
/// they cannot be audio.
fn chunks_follow(
    file: &mut (impl Read + Seek),
    size: u64,
    container: Container,
    mut at: u64,
) -> Result<bool, MediaError> {
    for _ in 0..MAX_CHUNKS {
        // The last chunk may lack its padding.
        if at >= size {
            return Ok(true);
        }
        let chunk = match container.chunk_at(file, at, size) {
            Ok(Some(chunk)) => chunk,
            Ok(None) | Err(MediaError::Malformed { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_plain = chunk.name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if !is_plain || chunk.start.saturating_add(chunk.length) > size {
            return Ok(false);
        }
        at = chunk.next;
    }
    Ok(false)
}

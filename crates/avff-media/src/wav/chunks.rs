//! Walks the chunks of the three WAV containers.
//!
//! - RIFF has four-character names, sizes of 32 bits, and chunks padded to an even length.
//! - RF64, and its successor BW64, have the same chunks. A chunk `ds64` holds the sizes that need
//!   64 bits (EBU Tech 3306).
//! - Sony Wave64 has names of 16 bytes, sizes of 64 bits that count the chunk's header, and chunks
//!   padded to 8 bytes.

use std::io::{Read, Seek, SeekFrom};

use super::malformed;
use crate::error::MediaError;

/// The end of the names of the first chunk of Wave64, `riff`.
const RIFF_GUID: [u8; 12] = [0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 4, 0xc1, 0, 0];
/// The end of the names of all other chunks of Wave64, after their four characters.
const CHUNK_GUID: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];
/// The bytes of the header of a chunk of Wave64: its name and its size.
const WAVE64_HEADER: u64 = 24;
/// The bytes of the header of a chunk of RIFF.
const RIFF_HEADER: u64 = 8;

/// The kind of container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Riff,
    Rf64,
    Wave64,
}

/// One chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The four-character name; zeros for an unknown GUID.
    pub(super) name: [u8; 4],
    /// Offset of the body, in bytes from the start of the file.
    pub(super) start: u64,
    /// The bytes of the body, as the header states them.
    pub(super) length: u64,
    /// Offset of the next chunk.
    pub(super) next: u64,
}

impl Container {
    /// Reads the start of a file of `size` bytes. Returns the container and the offset of its first
    /// chunk.
    ///
    /// # Errors
    ///
    /// `Malformed` where the file is no WAV file, `Io`.
    pub(super) fn read(
        file: &mut (impl Read + Seek),
        size: u64,
    ) -> Result<(Self, u64), MediaError> {
        let mut head = [0; 12];
        if size < 12 {
            return Err(malformed("the file is too short"));
        }
        file.read_exact(&mut head)?;
        let container = match head {
            [b'R', b'I', b'F', b'F', .., b'W', b'A', b'V', b'E'] => Self::Riff,
            [b'R', b'F', b'6', b'4', .., b'W', b'A', b'V', b'E']
            | [b'B', b'W', b'6', b'4', .., b'W', b'A', b'V', b'E'] => Self::Rf64,
            [b'r', b'i', b'f', b'f', ..] => {
                // The name ends, the size follows, and after it the name of the form.
                let mut rest = [0; 28];
                if size < 40 {
                    return Err(malformed("the file is too short"));
                }
                file.read_exact(&mut rest)?;
                let name: Vec<u8> = head.iter().chain(&rest).skip(4).take(12).copied().collect();
                let form = rest.last_chunk::<16>();
                let is_wave = form
                    .is_some_and(|form| form.starts_with(b"wave") && form.ends_with(&CHUNK_GUID));
                if name != RIFF_GUID || !is_wave {
                    return Err(malformed("the file does not start like Sony Wave64"));
                }
                return Ok((Self::Wave64, 40));
            }
            _ => return Err(malformed("the file does not start with RIFF and WAVE")),
        };
        Ok((container, 12))
    }

    /// Reads the header of the chunk at offset `at`, and leaves the file at its body. Returns
    /// `None` where fewer bytes than a header are left.
    ///
    /// # Errors
    ///
    /// `Malformed` for a size that is smaller than the header, `Io`.
    pub(super) fn chunk_at(
        self,
        file: &mut (impl Read + Seek),
        at: u64,
        size: u64,
    ) -> Result<Option<Chunk>, MediaError> {
        let header = if self == Self::Wave64 { WAVE64_HEADER } else { RIFF_HEADER };
        if size.saturating_sub(at) < header {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(at))?;
        let start = at + header;
        if self == Self::Wave64 {
            let (mut name, mut guid, mut total) = ([0; 4], [0; 12], [0; 8]);
            file.read_exact(&mut name)?;
            file.read_exact(&mut guid)?;
            file.read_exact(&mut total)?;
            let total = u64::from_le_bytes(total);
            let length = total.checked_sub(header).ok_or_else(|| {
                malformed(format!("the chunk at byte {at} is smaller than its header"))
            })?;
            let next = total.checked_next_multiple_of(8).and_then(|total| at.checked_add(total));
            let name = if guid == CHUNK_GUID { name } else { [0; 4] };
            return Ok(Some(Chunk { name, start, length, next: next.unwrap_or(u64::MAX) }));
        }
        let (mut name, mut length) = ([0; 4], [0; 4]);
        file.read_exact(&mut name)?;
        file.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        let next = start + length.next_multiple_of(2);
        Ok(Some(Chunk { name, start, length, next }))
    }
}

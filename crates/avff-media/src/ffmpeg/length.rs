//! Whether a file is as long as its container says.
//!
//! FFmpeg's demuxers take the end of a cut file for the end of the clip. The outermost boxes of the
//! containers that have a length show otherwise. Transport and program streams, Ogg, and recordings
//! that were never finished have none.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::error::{MediaError, Stream};

/// Outermost boxes that are looked at.
const MAX_BOXES: usize = 200_000;

/// Compares a file's length with what its container says.
///
/// # Errors
///
/// `Truncated`, `Io`.
pub(super) fn check(path: &Path) -> Result<(), MediaError> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let needed = end(&mut BufReader::new(file), size)?;
    if needed > size {
        return Err(MediaError::Truncated { stream: Stream::Video, needed, size });
    }
    Ok(())
}

/// Where the container ends; 0 where it does not say.
fn end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let head: [u8; 12] = bytes(file, 0, size)?;
    if let [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] = &head
        && kind == b"AVI "
    {
        return riff_end(file, size);
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return matroska_end(file, size);
    }
    let boxes: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"];
    if boxes.iter().any(|kind| head.get(4..8) == Some(kind)) {
        return boxes_end(file, size);
    }
    Ok(0)
}

/// The bytes at an offset, zeros beyond the end.
fn bytes<const N: usize>(
    file: &mut (impl Read + Seek),
    at: u64,
    size: u64,
) -> Result<[u8; N], MediaError> {
    let mut found = [0; N];
    let there = usize::try_from(size.saturating_sub(at)).unwrap_or(N).min(N);
    file.seek(SeekFrom::Start(at))?;
    if let Some(part) = found.get_mut(..there) {
        file.read_exact(part)?;
    }
    Ok(found)
}

/// A long AVI file is several RIFF chunks, one after the other.
fn riff_end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        let [r, i, f, g, a, b, c, d] = bytes(file, at, size)?;
        let length = u32::from_le_bytes([a, b, c, d]);
        // A recorder that was switched off leaves one of these for the length.
        if [r, i, f, g] != *b"RIFF" || matches!(length, 0 | u32::MAX) {
            break;
        }
        at += 8 + u64::from(length);
        if at >= size {
            break;
        }
        at = at.next_multiple_of(2);
    }
    Ok(at)
}

/// A header, then one segment that holds everything.
fn matroska_end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let Some((_, after)) = element(file, 4, size)? else { return Ok(0) };
    if bytes(file, after, size)? != [0x18, 0x53, 0x80, 0x67] {
        return Ok(0);
    }
    Ok(element(file, after.saturating_add(4), size)?.map_or(0, |(_, end)| end))
}

/// Start and end of an element's content, from where its length is; `None` for an unknown length.
fn element(
    file: &mut (impl Read + Seek),
    at: u64,
    size: u64,
) -> Result<Option<(u64, u64)>, MediaError> {
    let field: [u8; 8] = bytes(file, at, size)?;
    // The number of zeros before the first one tells how many bytes follow the first byte.
    let extra = field.first().map_or(8, |byte| byte.leading_zeros());
    if extra > 7 {
        return Ok(None);
    }
    let width = 7 * (extra + 1);
    let length = u64::from_be_bytes(field) >> (8 * (7 - extra)) & ((1 << width) - 1);
    let start = at.saturating_add(u64::from(extra) + 1);
    Ok((length != (1 << width) - 1).then(|| (start, start.saturating_add(length))))
}

/// Boxes one after the other; a length of 0 takes the rest of the file.
fn boxes_end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let mut at = 0_u64;
    for _ in 0..MAX_BOXES {
        let header: [u8; 16] = bytes(file, at, size)?;
        let [a, b, c, d, _, _, _, _, long @ ..] = header;
        let length = match u64::from(u32::from_be_bytes([a, b, c, d])) {
            1 => u64::from_be_bytes(long),
            length => length,
        };
        // Anything else is no box, such as padding after the last.
        if length < 8 {
            break;
        }
        at = at.saturating_add(length);
        if at >= size {
            break;
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    fn ends(bytes: &[u8]) -> u64 {
        end(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn every_container_says_where_it_ends() {
        assert_eq!(ends(b"\0\0\0\x08ftyp\0\0\0\x64mdat"), 108);
        assert_eq!(ends(b"\0\0\0\x08ftyp\0\0\0\x01mdat\0\0\0\x01\0\0\0\0"), 8 + (1 << 32));
        assert_eq!(ends(b"\0\0\0\x08ftyp\0\0\0\0mdat...."), 8);
        assert_eq!(ends(b"RIFF\x10\0\0\0AVI "), 24);
        assert_eq!(ends(b"RIFF\0\0\0\0AVI "), 0);
        assert_eq!(ends(b"RIFF\x04\0\0\0AVI RIFF\x08\0\0\0AVIX"), 28);
        assert_eq!(ends(b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x41\x00"), 11 + 256);
        assert_eq!(ends(b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff"), 0, "live");
        assert_eq!(ends(b"\x47text"), 0);
    }
}

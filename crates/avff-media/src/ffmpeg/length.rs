//! Checks that a file is as long as its container states.
//!
//! FFmpeg's demuxers mistake the end of a truncated file for the end of the clip. The outermost
//! boxes of containers with lengths reveal the truncation. Transport and program streams, Ogg, and
//! unfinished recordings have no lengths.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::error::{MediaError, Stream};

/// The limit on outermost boxes.
const MAX_BOXES: usize = 200_000;

/// Compares the length of a file with the length that its container states.
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

/// Returns where the container ends; 0 where it does not state its length.
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

/// Reads the bytes at an offset; bytes past the end are zero.
pub(super) fn bytes<const N: usize>(
    file: &mut (impl Read + Seek),
    at: u64,
    size: u64,
) -> Result<[u8; N], MediaError> {
    let mut buffer = [0; N];
    let available = usize::try_from(size.saturating_sub(at)).unwrap_or(N).min(N);
    file.seek(SeekFrom::Start(at))?;
    if let Some(part) = buffer.get_mut(..available) {
        file.read_exact(part)?;
    }
    Ok(buffer)
}

/// Returns the end of an AVI file. A long one has several RIFF chunks, one after the other.
fn riff_end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        let [r, i, f, g, a, b, c, d] = bytes(file, at, size)?;
        let length = u32::from_le_bytes([a, b, c, d]);
        // A recorder that was switched off leaves 0 or `u32::MAX` as the length.
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

/// Returns the end of a Matroska file: a header, then one segment with all content.
fn matroska_end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let Some((_, after)) = element(file, 4, size)? else { return Ok(0) };
    if bytes(file, after, size)? != [0x18, 0x53, 0x80, 0x67] {
        return Ok(0);
    }
    Ok(element(file, after.saturating_add(4), size)?.map_or(0, |(_, end)| end))
}

/// Returns start and end of an element's content. `at` is the offset of its length field; `None`
/// means an unknown length.
fn element(
    file: &mut (impl Read + Seek),
    at: u64,
    size: u64,
) -> Result<Option<(u64, u64)>, MediaError> {
    let field: [u8; 8] = bytes(file, at, size)?;
    // The number of zeros before the first one bit is the number of bytes after the first byte.
    let extra = field.first().map_or(8, |byte| byte.leading_zeros());
    if extra > 7 {
        return Ok(None);
    }
    let width = 7 * (extra + 1);
    let length = u64::from_be_bytes(field) >> (8 * (7 - extra)) & ((1 << width) - 1);
    let start = at.saturating_add(u64::from(extra) + 1);
    Ok((length != (1 << width) - 1).then(|| (start, start.saturating_add(length))))
}

/// Returns the end of the last box. A length of 0 means the rest of the file.
fn boxes_end(file: &mut (impl Read + Seek), size: u64) -> Result<u64, MediaError> {
    let mut at = 0_u64;
    for _ in 0..MAX_BOXES {
        let header: [u8; 16] = bytes(file, at, size)?;
        let [a, b, c, d, _, _, _, _, long @ ..] = header;
        let length = match u64::from(u32::from_be_bytes([a, b, c, d])) {
            1 => u64::from_be_bytes(long),
            length => length,
        };
        // Smaller values are no box, such as padding after the last box.
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
    fn end_of_every_container_is_read() {
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

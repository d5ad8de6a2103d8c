//! Reads what the bindings of FFmpeg do not show of an AVI header: the aspect ratio of the frames.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

use super::length::bytes;
use crate::{error::MediaError, pixel_aspect::lowest_terms};

/// The largest accepted header, in bytes.
const MAX_HEADER_BYTES: u32 = 1 << 20;

/// Returns the width and height of a pixel of a video stream. `rank` counts the video streams from 0.
/// A header that is not understood says nothing.
pub(super) fn pixel_aspect(path: &Path, rank: usize) -> Option<(u32, u32)> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let header = header(&mut BufReader::new(file), size).ok()??;
    let streams = Chunks(&header).filter_map(|(name, body)| list(name, body, *b"strl"));
    let video = |stream: &&[u8]| {
        Chunks(stream).any(|(name, body)| name == *b"strh" && body.starts_with(b"vids"))
    };
    let stream = streams.filter(|stream| video(stream)).nth(rank)?;
    Chunks(stream).find(|(name, _)| name == b"vprp").and_then(|(_, body)| of_properties(body))
}

/// Returns the content of the first list, which has the headers.
fn header(file: &mut (impl Read + Seek), size: u64) -> Result<Option<Vec<u8>>, MediaError> {
    let head: [u8; 24] = bytes(file, 0, size)?;
    let [.., a, b, c, d, _, _, _, _] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if !head.ends_with(b"hdrl") || length > MAX_HEADER_BYTES || u64::from(length) > size {
        return Ok(None);
    }
    let mut content = vec![0; length.saturating_sub(4) as usize];
    file.seek(std::io::SeekFrom::Start(24))?;
    file.read_exact(&mut content)?;
    Ok(Some(content))
}

/// Reads the video properties of OpenDML: five words, the aspect ratio of the whole frame, and its
/// size.
fn of_properties(body: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| {
        let (words, _) = body.as_chunks::<4>();
        words.get(at).map(|word| u64::from(u32::from_le_bytes(*word)))
    };
    let (aspect, columns, rows) = (word(5)?, word(6)?, word(7)?);
    lowest_terms((aspect >> 16) * rows, (aspect & 0xffff) * columns)
}

/// Returns the content of a list of a kind.
fn list(name: [u8; 4], body: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    (name == *b"LIST").then(|| body.strip_prefix(&kind)).flatten()
}

/// Iterates over the chunks of a list, up to the first one that is damaged.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        // Chunks start at even bytes.
        self.0 = rest.get(length % 2..).unwrap_or_default();
        Some((*name, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_at_damage() {
        let chunks: Vec<_> = Chunks(b"abcd\x01\0\0\0x\0efgh\0\0\0\0ijkl\x02\0\0\0x").collect();
        assert_eq!(chunks, [(*b"abcd", &b"x"[..]), (*b"efgh", b"")]);
        assert_eq!(list(*b"LIST", b"strlrest", *b"strl"), Some(&b"rest"[..]));
        assert_eq!(list(*b"JUNK", b"strlrest", *b"strl"), None);
    }

    #[test]
    fn frames_of_another_shape_have_pixels_that_are_not_square() {
        let properties = |aspect: u32, columns: u32, rows: u32| -> Vec<u8> {
            let words = [0, 0, 25, 0, 0, aspect, columns, rows];
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        assert_eq!(of_properties(&properties(4 << 16 | 3, 720, 576)), Some((16, 15)));
        assert_eq!(of_properties(&properties(4 << 16 | 3, 640, 480)), Some((1, 1)));
        assert_eq!(of_properties(&properties(0, 640, 480)), None);
        assert_eq!(of_properties(&properties(4 << 16 | 3, 640, 480)[..31]), None);
    }
}

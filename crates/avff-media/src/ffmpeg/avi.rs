//! Reads what the bindings of FFmpeg do not show of an AVI header: the aspect ratio of the frames,
//! and their size before anything is decoded.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

use super::length::bytes;
use crate::{allocate::zeros, error::MediaError, pixel_aspect::lowest_terms};

/// The largest accepted header, in bytes.
const MAX_HEADER_BYTES: u32 = 1 << 20;

/// Returns the width and height of a pixel of a video stream. `rank` counts the video streams from 0.
/// A header that is not understood says nothing.
pub(super) fn pixel_aspect(path: &Path, rank: usize) -> Option<(u32, u32)> {
    let header = header_of(path)?;
    let stream = video_streams(&header).nth(rank)?;
    Chunks(stream).find(|(name, _)| name == b"vprp").and_then(|(_, body)| of_properties(body))
}

/// Returns width and height of the frames of each video stream, in pixels.
pub(super) fn sizes(path: &Path) -> Vec<[u64; 2]> {
    let header = header_of(path).unwrap_or_default();
    let format = |stream| Chunks(stream).find(|(name, _)| name == b"strf");
    video_streams(&header).filter_map(|stream| of_format(format(stream)?.1)).collect()
}

/// Reads a `BITMAPINFOHEADER`. A negative height means rows from the top to the bottom.
fn of_format(body: &[u8]) -> Option<[u64; 2]> {
    let side = |at: usize| {
        let word = body.get(at..)?.first_chunk::<4>()?;
        Some(u64::from(i32::from_le_bytes(*word).unsigned_abs()))
    };
    Some([side(4)?, side(8)?])
}

fn header_of(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    header(&mut BufReader::new(file), size).ok()?
}

/// Returns the contents of the lists of video streams.
fn video_streams(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let streams = Chunks(header).filter_map(|(name, body)| list(name, body, *b"strl"));
    streams.filter(|stream| {
        Chunks(stream).any(|(name, body)| name == *b"strh" && body.starts_with(b"vids"))
    })
}

/// Returns the content of the first list, which has the headers.
fn header(file: &mut (impl Read + Seek), size: u64) -> Result<Option<Vec<u8>>, MediaError> {
    let head: [u8; 24] = bytes(file, 0, size)?;
    let [.., a, b, c, d, _, _, _, _] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if !head.ends_with(b"hdrl") || length > MAX_HEADER_BYTES || u64::from(length) > size {
        return Ok(None);
    }
    let mut content = zeros(length.saturating_sub(4) as usize, "the header of AVI")?;
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
    fn format_holds_the_size() {
        let format = |height: i32| [[40; 4], 640_i32.to_le_bytes(), height.to_le_bytes()].concat();
        assert_eq!(of_format(&format(480)), Some([640, 480]));
        assert_eq!(of_format(&format(-480)), Some([640, 480]));
        assert_eq!(of_format(&format(480)[..11]), None);
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

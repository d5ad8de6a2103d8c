//! Counts the channels of a JPEG file, which its decoder does not report.
//!
//! The decoder writes the two channels of a two-channel file over an RGB frame, without an error.
//! Pillow and image viewers refuse such files.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// The limit on segments before the frame header; real files have a few dozen.
const MAX_SEGMENTS: usize = 1 << 12;

/// Returns the number of channels in the frame header; `None` where the header is not found.
///
/// # Errors
/// Returns the I/O error of the operating system.
pub(crate) fn channels<R: Read + Seek>(file: &mut BufReader<R>) -> io::Result<Option<u8>> {
    // The marker of the start.
    file.seek(SeekFrom::Start(2))?;
    for _ in 0..MAX_SEGMENTS {
        let Some([start, mut marker]) = next::<2>(file)? else { return Ok(None) };
        if start != 0xff {
            return Ok(None);
        }
        while marker == 0xff {
            // Any number of fill bytes may precede a marker.
            let Some([byte]) = next(file)? else { return Ok(None) };
            marker = byte;
        }
        let Some(length) = next(file)?.map(u16::from_be_bytes) else { return Ok(None) };
        match marker {
            // Markers of Huffman and arithmetic tables lie among those of frame headers.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                // Precision, height and width precede the number.
                return Ok(next::<6>(file)?.map(|[.., channels]| channels));
            }
            // The coded data, before any frame header.
            0xda => return Ok(None),
            _ => file.seek_relative(i64::from(length) - 2)?,
        }
    }
    Ok(None)
}

/// Reads the next bytes; returns `None` at the end of the file.
fn next<const N: usize>(file: &mut impl Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    fn count(file: &[u8]) -> Option<u8> {
        channels(&mut BufReader::new(Cursor::new(file))).unwrap()
    }

    #[test]
    fn channels_are_found_behind_other_segments() {
        let start = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xff\xc4\0\x03c".as_slice();
        for (marker, number) in [(0xc0, 1), (0xc2, 2), (0xcf, 4)] {
            let header = [0xff, marker, 0, 17, 8, 0, 16, 0, 24, number];
            let file = [start, &header].concat();
            assert_eq!(count(&file), Some(number));
            for length in 0..file.len() {
                assert_eq!(count(&file[..length]), None, "{length} bytes");
            }
        }
        assert_eq!(
            count(&[start, b"\xff\xda\0\x0c\xff\xc0\0\x11\x08\0\x10\0\x18\x02"].concat()),
            None
        );
        assert_eq!(count(&[start, b"\0\xff\xc0\0\x11\x08\0\x10\0\x18\x02"].concat()), None);
        // A length below 2 would stand still or go back.
        assert_eq!(count(b"\xff\xd8\xff\xe0\0\0".repeat(9).as_slice()), None);
    }
}

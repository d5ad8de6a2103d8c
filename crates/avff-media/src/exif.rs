//! Reads the EXIF orientation of an image.
//!
//! In JPEG, the decoder finds the EXIF data. In PNG, EXIF data may follow the pixels, where the
//! decoder does not look, so the chunks of the file are walked here.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use image::metadata::Orientation;

use crate::rotate::Turns;

/// The bytes before the first chunk of a PNG file.
const SIGNATURE: u64 = 8;
/// The limit on chunks of a PNG file: a file of the largest accepted size has fewer, as encoders
/// write chunks of 8 KiB and more.
const MAX_CHUNKS: usize = 1 << 16;
/// The limit on bytes of EXIF data, which is that of JPEG.
const MAX_BYTES: u32 = 1 << 16;
/// The start of EXIF data in JPEG, which some programs also write into PNG.
const PREFIX: &[u8] = b"Exif\0\0";

/// Returns the orientation that EXIF data states; none where the data is absent or invalid.
pub(crate) fn orientation(exif: Option<&[u8]>) -> Turns {
    let data = exif.map(|data| data.strip_prefix(PREFIX).unwrap_or(data));
    let orientation = data.and_then(Orientation::from_exif_chunk);
    orientation.map_or_else(Turns::default, |orientation| Turns::from_exif(orientation.to_exif()))
}

/// Returns the EXIF data of a PNG file, before or after its pixels. Data with a wrong checksum is
/// ignored, as damaged metadata does not make the pixels wrong.
///
/// # Errors
/// Returns the I/O error of the operating system.
pub(crate) fn of_png<R: Read + Seek>(file: &mut BufReader<R>) -> io::Result<Option<Vec<u8>>> {
    file.seek(SeekFrom::Start(SIGNATURE))?;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        match file.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let [a, b, c, d, name @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        match &name {
            b"IEND" => return Ok(None),
            b"eXIf" if length <= MAX_BYTES => {
                let mut data = Vec::new();
                file.take(u64::from(length) + 4).read_to_end(&mut data)?;
                let Some((data, checksum)) = data.split_last_chunk::<4>() else { return Ok(None) };
                let mut actual = crc32fast::Hasher::new();
                actual.update(&name);
                actual.update(data);
                if actual.finalize() == u32::from_be_bytes(*checksum) {
                    return Ok(Some(data.to_vec()));
                }
            }
            // The checksum of four bytes follows the data.
            _ => file.seek_relative(i64::from(length) + 4)?,
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    /// EXIF data in either byte order with an orientation.
    fn exif(orientation: u16, big_endian: bool) -> Vec<u8> {
        let short = |value: u16| {
            if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let long = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut data = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        data.extend(short(42));
        data.extend(long(8));
        data.extend(short(1));
        data.extend([short(0x112), short(3)].concat());
        data.extend(long(1));
        data.extend([short(orientation), short(0)].concat());
        data.extend(long(0));
        data
    }

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let checked = [name.as_slice(), data].concat();
        let length = data.len() as u32;
        let checksum = crc32fast::hash(&checked);
        [length.to_be_bytes().as_slice(), &checked, &checksum.to_be_bytes()].concat()
    }

    fn find(chunks: &[Vec<u8>]) -> Option<Vec<u8>> {
        let file = [vec![0; 8], chunks.concat()].concat();
        of_png(&mut BufReader::new(Cursor::new(file))).unwrap()
    }

    #[test]
    fn both_byte_orders_and_the_prefix_are_read() {
        for value in 1..=8_u8 {
            for big_endian in [false, true] {
                let data = exif(u16::from(value), big_endian);
                assert_eq!(orientation(Some(&data)), Turns::from_exif(value));
                let prefixed = [PREFIX, &data].concat();
                assert_eq!(orientation(Some(&prefixed)), Turns::from_exif(value));
            }
        }
        for data in [&[][..], b"II*\0", &exif(0, true), &exif(9, false), &exif(6, true)[..20]] {
            assert_eq!(orientation(Some(data)), Turns::default(), "{data:?}");
        }
        assert_eq!(orientation(None), Turns::default());
    }

    #[test]
    fn chunk_is_found_before_and_after_the_pixels() {
        let (data, pixels, end) = (exif(6, true), chunk(b"IDAT", &[7; 99]), chunk(b"IEND", &[]));
        let exif_chunk = chunk(b"eXIf", &data);
        for chunks in [
            [exif_chunk.clone(), pixels.clone(), end.clone()],
            [pixels.clone(), exif_chunk.clone(), end.clone()],
        ] {
            assert_eq!(find(&chunks), Some(data.clone()));
        }
        assert_eq!(find(&[pixels.clone(), end, exif_chunk.clone()]), None, "after the end");
        let mut damaged = exif_chunk.clone();
        damaged[20] ^= 1;
        assert_eq!(find(&[damaged, pixels]), None);
        for length in 0..exif_chunk.len() {
            assert_eq!(find(&[exif_chunk[..length].to_vec()]), None, "{length} bytes");
        }
        let mut long = exif_chunk;
        long[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(find(&[long]), None);
    }
}

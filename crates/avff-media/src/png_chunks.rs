//! Says what is wrong with a PNG file that does not decode.
//!
//! Each chunk of PNG has its length, its name and a CRC-32 (PNG specification, section 5.3). The decoder names neither
//! the file nor the place.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// The bytes before the first chunk.
const SIGNATURE: usize = 8;

/// Describes the first fault of a PNG file that a decoder refused. A file that cannot be read again has no other
/// description than that its data is damaged.
pub(crate) fn fault(path: &Path) -> String {
    let found = File::open(path).and_then(|file| first_fault(&mut BufReader::new(file)));
    found.ok().flatten().unwrap_or_else(|| "its data is damaged".to_owned())
}

/// Returns the first chunk that is cut off or whose checksum does not match.
fn first_fault(file: &mut impl Read) -> io::Result<Option<String>> {
    let mut at = SIGNATURE as u64;
    if !fill(file, &mut [0; SIGNATURE])? {
        return Ok(Some("the file ends early, before its first chunk".to_owned()));
    }
    loop {
        let mut head = [0; 8];
        if !fill(file, &mut head)? {
            return Ok(Some(format!("the file ends early, at byte {at}")));
        }
        let [a, b, c, d, name @ ..] = head;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let shown = name.escape_ascii();
        let mut actual = crc32fast::Hasher::new();
        actual.update(&name);
        let mut data = file.take(length);
        let read = hash(&mut data, &mut actual)?;
        let mut checksum = [0; 4];
        if read < length || !fill(file, &mut checksum)? {
            return Ok(Some(format!(
                "the file ends early, inside its chunk '{shown}' at byte {at}"
            )));
        }
        if actual.finalize() != u32::from_be_bytes(checksum) {
            let what = format!("the CRC-32 of its chunk '{shown}' at byte {at} does not match");
            return Ok(Some(what));
        }
        if name == *b"IEND" {
            return Ok(None);
        }
        at = at.saturating_add(length).saturating_add(12);
    }
}

/// Fills a buffer; returns `false` where the file ends first.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// Adds all bytes to a checksum, and returns how many there are.
fn hash(data: &mut impl Read, checksum: &mut crc32fast::Hasher) -> io::Result<u64> {
    let (mut buffer, mut total) = ([0; 8192], 0_u64);
    loop {
        let count = data.read(&mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        checksum.update(buffer.get(..count).unwrap_or_default());
        total = total.saturating_add(count as u64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn the_damaged_chunk_is_named() {
        let mut png = Vec::new();
        let image = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8, y as u8, 7]));
        image.write_to(&mut io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        let fault = |bytes: &[u8]| first_fault(&mut &bytes[..]).unwrap();
        assert_eq!(fault(&png), None);
        let data = png.windows(4).position(|name| name == b"IDAT").unwrap();
        let mut changed = png.clone();
        changed[data + 10] ^= 1;
        let place = format!("'IDAT' at byte {}", data - 4);
        let crc = format!("the CRC-32 of its chunk {place} does not match");
        assert_eq!(fault(&changed).unwrap(), crc);
        let cut = fault(&png[..data + 10]).unwrap();
        assert_eq!(cut, format!("the file ends early, inside its chunk {place}"));
        assert_eq!(
            fault(&png[..data]).unwrap(),
            format!("the file ends early, at byte {}", data - 4)
        );
        assert_eq!(fault(&png[..3]).unwrap(), "the file ends early, before its first chunk");
        // A huge length takes no memory.
        changed[data - 4..data].fill(0xff);
        assert!(fault(&changed).unwrap().contains("ends early"));
    }
}

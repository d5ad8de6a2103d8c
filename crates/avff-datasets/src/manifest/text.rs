//! Decodes the bytes of a text file to UTF-8.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// The UTF-8 byte order mark, which some editors write.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// Bytes that are decoded at once.
const CHUNK: usize = 4096;
/// A byte that UTF-8 never has. It takes the place of what cannot be decoded, so that the parser
/// refuses the cell instead of reading another character.
const INVALID: u8 = 0xff;

/// The text of `R` as UTF-8 without byte order marks at the start, however small the chunks of `R`.
/// UTF-16 is recognized by its byte order mark. Parsers detect a byte order mark only in the first
/// chunk.
#[derive(Debug)]
pub(crate) struct Utf8<R> {
    inner: R,
    /// Decoded bytes that were not returned yet.
    decoded: VecDeque<u8>,
    encoding: Option<Encoding>,
}

#[derive(Debug)]
enum Encoding {
    Utf8,
    Utf16(Utf16),
}

impl<R: Read> Utf8<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, decoded: VecDeque::new(), encoding: None }
    }

    /// Reads the byte order mark.
    fn detect(&mut self) -> io::Result<Encoding> {
        let mut head = Vec::with_capacity(MARK.len());
        // All byte order marks are skipped. The CSV parser would skip a second one depending on the
        // chunk size.
        loop {
            self.inner.by_ref().take(MARK.len() as u64).read_to_end(&mut head)?;
            if head != MARK {
                break;
            }
            head.clear();
        }
        let mut utf16 = match head.as_slice() {
            [0xff, 0xfe, ..] => Utf16::new(u16::from_le_bytes),
            [0xfe, 0xff, ..] => Utf16::new(u16::from_be_bytes),
            _ => {
                self.decoded.extend(head);
                return Ok(Encoding::Utf8);
            }
        };
        utf16.decode(head.get(2..).unwrap_or_default(), &mut self.decoded);
        Ok(Encoding::Utf16(utf16))
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut encoding = match self.encoding.take() {
            Some(encoding) => encoding,
            None => self.detect()?,
        };
        if let Encoding::Utf16(utf16) = &mut encoding {
            let mut chunk = [0; CHUNK];
            while self.decoded.is_empty() && !utf16.ended {
                let count = self.inner.read(&mut chunk)?;
                match chunk.get(..count).unwrap_or_default() {
                    [] => utf16.end(&mut self.decoded),
                    bytes => utf16.decode(bytes, &mut self.decoded),
                }
            }
        }
        let utf8 = matches!(encoding, Encoding::Utf8);
        self.encoding = Some(encoding);
        if self.decoded.is_empty() && utf8 {
            return self.inner.read(buffer);
        }
        self.decoded.read(buffer)
    }
}

/// A decoder of UTF-16 that receives bytes in chunks.
#[derive(Debug)]
struct Utf16 {
    unit: fn([u8; 2]) -> u16,
    /// The first byte of a unit whose second byte is in the next chunk.
    half: Option<u8>,
    /// The first unit of a pair whose second unit is in the next chunk.
    high: Option<u16>,
    /// Whether a character was decoded. Byte order marks before it are skipped.
    started: bool,
    ended: bool,
}

impl Utf16 {
    fn new(unit: fn([u8; 2]) -> u16) -> Self {
        Self { unit, half: None, high: None, started: false, ended: false }
    }

    fn decode(&mut self, bytes: &[u8], out: &mut VecDeque<u8>) {
        for &byte in bytes {
            match self.half.take() {
                None => self.half = Some(byte),
                Some(first) => self.push((self.unit)([first, byte]), out),
            }
        }
    }

    fn push(&mut self, unit: u16, out: &mut VecDeque<u8>) {
        if let Some(high) = self.high.take() {
            if (0xdc00..0xe000).contains(&unit) {
                return self.write(&[high, unit], out);
            }
            self.write(&[high], out);
        }
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            self.write(&[unit], out);
        }
    }

    fn write(&mut self, units: &[u16], out: &mut VecDeque<u8>) {
        for decoded in char::decode_utf16(units.iter().copied()) {
            match decoded {
                Ok('\u{feff}') if !self.started => {}
                Ok(decoded) => {
                    self.started = true;
                    out.extend(decoded.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Err(_) => {
                    self.started = true;
                    out.push_back(INVALID);
                }
            }
        }
    }

    fn end(&mut self, out: &mut VecDeque<u8>) {
        self.ended = true;
        if self.half.take().is_some() | self.high.take().is_some() {
            out.push_back(INVALID);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader that returns one byte at a time.
    struct OneByteReader<'a>(&'a [u8]);

    impl Read for OneByteReader<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let max = buffer.len().min(1);
            self.0.read(&mut buffer[..max])
        }
    }

    fn decode(bytes: &[u8]) -> Vec<u8> {
        let (mut whole, mut chunks) = (Vec::new(), Vec::new());
        Utf8::new(bytes).read_to_end(&mut whole).unwrap();
        Utf8::new(OneByteReader(bytes)).read_to_end(&mut chunks).unwrap();
        assert_eq!(whole, chunks, "{bytes:?}");
        whole
    }

    #[test]
    fn byte_order_marks_are_skipped_at_any_chunk_size() {
        for (text, expected) in [
            (&b"\xef\xbb\xbfa\xef\xbb\xbfb"[..], &b"a\xef\xbb\xbfb"[..]),
            (b"\xef\xbb\xbf\xef\xbb\xbfab", b"ab"),
            (b"\xef\xbb\xbf", b""),
            (b"\xef\xbb", b"\xef\xbb"),
            (b"\xef\xbba", b"\xef\xbba"),
            (b"a", b"a"),
            (b"", b""),
            (b"\xff\xfe\xff\xfea\0", b"a"),
            (b"\xff\xfe", b""),
            (b"\xff", b"\xff"),
        ] {
            assert_eq!(decode(text), expected, "{text:?}");
        }
    }

    #[test]
    fn units_that_are_no_character_stay_invalid() {
        for bytes in [
            &b"\xff\xfea\0\x00\xd8b\0"[..],
            b"\xff\xfea\0\x00\xdcb\0",
            b"\xfe\xff\0a\xd8\0\0b",
            b"\xff\xfea\0b",
            b"\xff\xfea\0\x00\xd8",
        ] {
            let decoded = decode(bytes);
            assert!(decoded.starts_with(b"a\xff"), "{decoded:?}");
            assert!(str::from_utf8(&decoded).is_err());
        }
    }

    proptest! {
        #[test]
        fn utf16_is_decoded_to_the_text(text in "[a-z,\n\u{e9}\u{ac00}\u{1f600}]{0,40}", big: bool) {
            let units = text.encode_utf16();
            let bytes: Vec<u8> = if big {
                [0xfe, 0xff].into_iter().chain(units.flat_map(u16::to_be_bytes)).collect()
            } else {
                [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
            };
            prop_assert_eq!(decode(&bytes), text.as_bytes());
        }
    }
}

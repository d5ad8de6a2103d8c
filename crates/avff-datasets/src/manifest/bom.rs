//! Skips the UTF-8 byte order mark that some editors write.

use std::io::{self, Cursor, Read};

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The bytes of `R` without byte order marks at the start, however small the chunks of `R`. Parsers
/// detect a byte order mark only in the first chunk.
#[derive(Debug)]
pub(crate) struct SkipBom<R> {
    inner: R,
    /// The first bytes after the byte order marks, once read.
    head: Option<Cursor<Vec<u8>>>,
}

impl<R: Read> SkipBom<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, head: None }
    }

    fn head(&mut self) -> io::Result<Cursor<Vec<u8>>> {
        let mut head = Vec::with_capacity(BOM.len());
        // All byte order marks are skipped. The CSV parser would skip a second one depending on the
        // chunk size.
        loop {
            self.inner.by_ref().take(BOM.len() as u64).read_to_end(&mut head)?;
            if head != BOM {
                return Ok(Cursor::new(head));
            }
            head.clear();
        }
    }
}

impl<R: Read> Read for SkipBom<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut head = match self.head.take() {
            Some(head) => head,
            None => self.head()?,
        };
        let count = head.read(buffer)?;
        self.head = Some(head);
        if count > 0 || buffer.is_empty() { Ok(count) } else { self.inner.read(buffer) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A reader that returns one byte at a time.
    struct OneByteReader<'a>(&'a [u8]);

    impl Read for OneByteReader<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let max = buffer.len().min(1);
            self.0.read(&mut buffer[..max])
        }
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
        ] {
            let (mut whole, mut chunks) = (Vec::new(), Vec::new());
            SkipBom::new(text).read_to_end(&mut whole).unwrap();
            SkipBom::new(OneByteReader(text)).read_to_end(&mut chunks).unwrap();
            assert_eq!((&whole[..], &chunks[..]), (expected, expected), "{text:?}");
        }
    }
}

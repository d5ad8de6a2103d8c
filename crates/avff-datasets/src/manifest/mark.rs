//! The mark that some editors put before UTF-8, left out.

use std::io::{self, Cursor, Read};

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The bytes of `R` after any mark, in however small pieces `R` hands them out. Parsers look for the
/// mark in the first piece alone.
#[derive(Debug)]
pub(crate) struct Unmarked<R> {
    inner: R,
    /// The first bytes that are no mark, once they were read.
    head: Option<Cursor<Vec<u8>>>,
}

impl<R: Read> Unmarked<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, head: None }
    }

    fn head(&mut self) -> io::Result<Cursor<Vec<u8>>> {
        let mut head = Vec::with_capacity(MARK.len());
        // All of them: the CSV parser would take a second one out, or not, by how much it is handed.
        loop {
            self.inner.by_ref().take(MARK.len() as u64).read_to_end(&mut head)?;
            if head != MARK {
                return Ok(Cursor::new(head));
            }
            head.clear();
        }
    }
}

impl<R: Read> Read for Unmarked<R> {
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

    /// One byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn marks_are_left_out_whole_or_in_pieces() {
        for (text, want) in [
            (&b"\xef\xbb\xbfa\xef\xbb\xbfb"[..], &b"a\xef\xbb\xbfb"[..]),
            (b"\xef\xbb\xbf\xef\xbb\xbfab", b"ab"),
            (b"\xef\xbb\xbf", b""),
            (b"\xef\xbb", b"\xef\xbb"),
            (b"\xef\xbba", b"\xef\xbba"),
            (b"a", b"a"),
            (b"", b""),
        ] {
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            Unmarked::new(text).read_to_end(&mut whole).unwrap();
            Unmarked::new(Drip(text)).read_to_end(&mut pieces).unwrap();
            assert_eq!((&whole[..], &pieces[..]), (want, want), "{text:?}");
        }
    }
}

//! A reader that hands out one line at a time, counts lines and rations the bytes of a record.
//!
//! The CSV parser's own line numbers lag by the `\n` of a `\r\n` and by blank lines, and it grows a
//! record without bound. Giving it no byte past the current line makes both exact from outside.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use super::mark::Unmarked;

/// The longest record, in bytes; a quote that is never closed would otherwise take the whole rest
/// of the file into one cell.
pub(crate) const MAX_RECORD: usize = 1 << 20;

/// Lines of `R`, ended by `\n`, without a mark before the first.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    inner: BufReader<Unmarked<R>>,
    /// The line of the next byte, from 1.
    line: u64,
    /// The line of the bytes handed out last.
    latest: u64,
    /// The first line of the current record that is not blank, once it was handed out.
    first: Option<u64>,
    /// Bytes the current record may still take.
    left: usize,
}

/// A record of more than [`MAX_RECORD`] bytes.
#[derive(Debug)]
pub(crate) struct TooLong;

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        let inner = BufReader::new(Unmarked::new(reader));
        Self { inner, line: 1, latest: 1, first: None, left: MAX_RECORD }
    }

    /// To be called before each record is parsed.
    pub(crate) fn start_record(&mut self) {
        self.first = None;
        self.left = MAX_RECORD;
    }

    /// The line the record parsed last starts at.
    ///
    /// Records parted by a bare `\r` share a line; the later ones need no new bytes, and their line
    /// is the one that was handed out last.
    pub(crate) fn record_line(&self) -> u64 {
        self.first.unwrap_or(self.latest)
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.inner.fill_buf()?;
        if available.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let most = available.len().min(buffer.len()).min(self.left);
        let chunk = available.get(..most).unwrap_or_default();
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let count = end.map_or(most, |index| index + 1);
        let (Some(chunk), Some(target)) = (chunk.get(..count), buffer.get_mut(..count)) else {
            return Ok(0);
        };
        target.copy_from_slice(chunk);
        if chunk.iter().any(|byte| !b"\r\n".contains(byte)) {
            self.first.get_or_insert(self.line);
        }
        self.latest = self.line;
        // Blank lines before a record belong to none.
        if self.first.is_some() {
            self.left -= count;
        }
        if end.is_some() {
            self.line = self.line.saturating_add(1);
        }
        self.inner.consume(count);
        Ok(count)
    }
}

impl TooLong {
    pub(crate) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record of over {MAX_RECORD} bytes: is a quote not closed?")
    }
}

impl std::error::Error for TooLong {}

//! A reader that returns one line at a time, counts lines and limits the bytes of a record.
//!
//! The CSV parser's own line numbers lag behind at `\r\n` and blank lines, and its records are
//! unbounded. Returning no byte beyond the current line makes both exact.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Chain, Cursor, Read},
};

use super::text::Utf8;

/// Maximum record size, in bytes. Without a limit, an unclosed quote would read the rest of the
/// file into one cell.
pub(crate) const MAX_RECORD: usize = 1 << 20;

/// Lines of `R` in UTF-8, terminated by `\n`, without a byte order mark.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    inner: BufReader<Chain<Cursor<Vec<u8>>, Utf8<R>>>,
    /// The line of the next byte, from 1.
    line: u64,
    /// The line of the bytes returned last.
    latest: u64,
    /// The first non-blank line of the current record, once it was returned.
    first: Option<u64>,
    /// Bytes that the current record may still use.
    remaining: usize,
    quotes: Quotes,
}

/// What tells whether a quote of the current record is closed.
#[derive(Debug, Default)]
struct Quotes {
    /// Number of quotes in the record's lines so far.
    count: usize,
    /// Number of these lines.
    lines: usize,
    /// The byte returned last.
    last: u8,
    /// Whether the record's end was looked for behind the last byte of the file.
    ended: bool,
}

/// A record exceeds [`MAX_RECORD`] bytes.
#[derive(Debug)]
pub(crate) struct TooLong;

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self::after(Vec::new(), Utf8::new(reader))
    }

    /// Returns the lines of text whose first bytes were already read.
    pub(crate) fn after(start: Vec<u8>, rest: Utf8<R>) -> Self {
        let inner = BufReader::new(Cursor::new(start).chain(rest));
        let quotes = Quotes::default();
        Self { inner, line: 1, latest: 1, first: None, remaining: MAX_RECORD, quotes }
    }

    /// Resets the record state. Call this before parsing each record.
    pub(crate) fn start_record(&mut self) {
        self.first = None;
        self.remaining = MAX_RECORD;
        self.quotes = Quotes::default();
    }

    /// Returns whether the record parsed last has a quote that is never closed, so that it holds all
    /// later rows.
    pub(crate) fn is_open(&self) -> bool {
        // A record outside of quotes ends with its line.
        let Quotes { count, lines, last, ended } = self.quotes;
        ended && (last == b'\n' || (lines > 1 && count % 2 == 1))
    }

    /// Returns the first line of the record parsed last.
    ///
    /// Records separated by a bare `\r` share a line. The later records need no new bytes, so their
    /// line is the line returned last.
    pub(crate) fn record_line(&self) -> u64 {
        self.first.unwrap_or(self.latest)
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.inner.fill_buf()?;
        if available.is_empty() {
            self.quotes.ended = true;
            return Ok(0);
        }
        if self.remaining == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let max = available.len().min(buffer.len()).min(self.remaining);
        let chunk = available.get(..max).unwrap_or_default();
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let count = end.map_or(max, |index| index + 1);
        let (Some(chunk), Some(target)) = (chunk.get(..count), buffer.get_mut(..count)) else {
            return Ok(0);
        };
        target.copy_from_slice(chunk);
        self.quotes.count += chunk.iter().filter(|&&byte| byte == b'"').count();
        self.quotes.lines += usize::from(self.quotes.last == b'\n' || self.quotes.lines == 0);
        self.quotes.last = chunk.last().copied().unwrap_or_default();
        if chunk.iter().any(|byte| !b"\r\n".contains(byte)) {
            self.first.get_or_insert(self.line);
        }
        self.latest = self.line;
        // Blank lines before a record do not count.
        if self.first.is_some() {
            self.remaining -= count;
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
        write!(f, "a record exceeds {MAX_RECORD} bytes: check for an unclosed quote")
    }
}

impl std::error::Error for TooLong {}

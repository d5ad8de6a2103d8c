//! Finds the separator of a manifest in its first lines.

use std::io::{self, Read};

use super::{lines::MAX_RECORD, quote};

/// Separators of columns. The comma is preferred.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
/// Bytes that are read first to find the header.
const CHUNK: u64 = 4096;

/// How the columns of a manifest are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// Whether the first line is `sep=` and the separator, which Excel reads and writes.
    pub(super) stated: bool,
}

impl Dialect {
    /// Returns the dialect of a table whose first line, after empty ones, is `line`. `name` is the
    /// column of clip names.
    ///
    /// # Errors
    /// The reason why a stated separator is refused.
    pub(super) fn of(line: &[u8], name: &str) -> Result<Self, String> {
        let trimmed = line.trim_ascii();
        let bare = trimmed.strip_prefix(b"\"").unwrap_or(trimmed);
        if bare.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep=")) {
            return Self::stated(line);
        }
        let names_clips = |&separator: &u8| has_column(line, separator, name);
        let occurs = |separator: &u8| line.contains(separator);
        let separator =
            SEPARATORS.into_iter().find(names_clips).or(SEPARATORS.into_iter().find(occurs));
        Ok(Self { separator: separator.unwrap_or(b','), stated: false })
    }

    fn stated(line: &[u8]) -> Result<Self, String> {
        let line = line.trim_ascii_start();
        let line = line.strip_prefix(b"\"").unwrap_or(line);
        match line.get(4..).and_then(<[u8]>::first) {
            Some(&separator) if SEPARATORS.contains(&separator) => {
                Ok(Self { separator, stated: true })
            }
            _ => Err(format!(
                "the separator that {} states is not supported: separate columns by commas",
                quote(&String::from_utf8_lossy(line))
            )),
        }
    }
}

/// Whether a header with this separator has a column.
fn has_column(line: &[u8], separator: u8, name: &str) -> bool {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(separator).from_reader(line);
    let mut record = csv::ByteRecord::new();
    reader
        .read_byte_record(&mut record)
        .is_ok_and(|_| record.iter().any(|cell| cell.trim_ascii() == name.as_bytes()))
}

/// The start of a table.
#[derive(Debug)]
pub(super) struct Start {
    /// All bytes that were read.
    pub(super) bytes: Vec<u8>,
    /// The first line that is not empty, without its end.
    pub(super) line: Vec<u8>,
    /// The number of that line, from 1.
    pub(super) number: u64,
}

/// Reads the start of a table, at most one record more than its first line that is not empty.
///
/// # Errors
/// The system's error.
pub(super) fn start(reader: &mut impl Read) -> io::Result<Start> {
    let mut bytes = Vec::new();
    loop {
        // The amount doubles, so that few passes over many empty lines are needed.
        let amount = CHUNK.max(bytes.len() as u64);
        let count = reader.by_ref().take(amount).read_to_end(&mut bytes)?;
        let ended = count == 0 || bytes.len() >= MAX_RECORD;
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| b"\r\n".contains(byte)) {
            let text = line.strip_suffix(b"\n").or(line.strip_suffix(b"\r")).unwrap_or(line);
            if !is_empty(text) {
                if text.len() == line.len() && !ended {
                    break;
                }
                let newlines = bytes.iter().take(at).filter(|&&byte| byte == b'\n').count();
                let (line, number) = (text.to_vec(), newlines as u64 + 1);
                return Ok(Start { bytes, line, number });
            }
            at += line.len();
        }
        if ended {
            return Ok(Start { bytes, line: Vec::new(), number: 1 });
        }
    }
}

/// Whether a line holds nothing but separators and quotes.
fn is_empty(line: &[u8]) -> bool {
    line.iter().all(|byte| byte.is_ascii_whitespace() || b",;\"".contains(byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::NAME_COLUMN, *};

    #[test]
    fn separator_is_found_in_the_header() {
        for (line, separator) in [
            ("video_name,target", b','),
            ("target;video_name", b';'),
            ("\"video_name\";\"target\"", b';'),
            ("video_name\ttarget", b'\t'),
            ("a;b,video_name", b','),
            ("a,b;video_name", b';'),
            ("video_name", b','),
            ("name;target", b';'),
            ("name", b','),
            ("", b','),
        ] {
            let expected = Dialect { separator, stated: false };
            assert_eq!(Dialect::of(line.as_bytes(), NAME_COLUMN), Ok(expected), "{line}");
        }
    }

    #[test]
    fn stated_separator_is_used() {
        for (line, separator) in [
            ("sep=;", b';'),
            ("SEP=,", b','),
            ("\"sep=;\"", b';'),
            ("sep=\t", b'\t'),
            ("sep=;;", b';'),
        ] {
            let expected = Dialect { separator, stated: true };
            assert_eq!(Dialect::of(line.as_bytes(), NAME_COLUMN), Ok(expected), "{line}");
        }
        for line in ["sep=", "sep=|", "sep=x"] {
            let error = Dialect::of(line.as_bytes(), NAME_COLUMN).unwrap_err();
            assert!(error.contains(line) && error.contains("by commas"), "{error}");
        }
    }

    #[test]
    fn start_is_bounded() {
        let start = start(&mut &b"\n".repeat(MAX_RECORD * 2)[..]).unwrap();
        assert!(start.bytes.len() <= MAX_RECORD * 2 && start.line.is_empty());
        let header = "a,".repeat(3000);
        let text = format!("\r\n;;\n{header}\nb\n");
        let start = super::start(&mut text.as_bytes()).unwrap();
        assert_eq!((start.line, start.number), (header.into_bytes(), 3));
        assert!(text.as_bytes().starts_with(&start.bytes));
    }
}

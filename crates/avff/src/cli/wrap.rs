//! Messages on a terminal break between words.

use std::io::{IsTerminal, Write};

use console::{Term, measure_text_width};

/// Breaks the lines of `text` between words, so that none is wider than `width`. Continuation lines keep
/// the indentation of their line.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut used = 0;
        for word in line.split_inclusive(' ') {
            let size = measure_text_width(word.trim_end());
            if used > indent && used + size > width {
                let kept = out.trim_end_matches(' ').len();
                out.truncate(kept);
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                used = indent;
            }
            out.push_str(word);
            used += measure_text_width(word);
        }
        out.push_str(end);
    }
    out
}

/// The text as stderr shows it: wrapped on a terminal, unchanged elsewhere.
pub(crate) fn message(text: &str) -> String {
    let width = std::io::stderr().is_terminal().then(|| Term::stderr().size_checked()).flatten();
    width.map_or_else(|| text.to_owned(), |(_, columns)| wrapped(text, usize::from(columns)))
}

/// Standard error for logs. Each event is one write.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        std::io::stderr().write_all(message(&String::from_utf8_lossy(buffer)).as_bytes())?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three\n", 8), "one two\nthree\n");
        assert_eq!(wrapped("  one two three\n\nfour", 9), "  one two\n  three\n\nfour");
        assert_eq!(wrapped("incomprehensible a", 4), "incomprehensible\na");
        assert_eq!(wrapped("fits exactly", 12), "fits exactly");
        assert_eq!(wrapped("\u{1b}[33mWARN\u{1b}[0m a b", 6), "\u{1b}[33mWARN\u{1b}[0m a\nb");
    }
}

//! The metadata of every data set: the same bytes to each reader, at once and in small pieces.
#![no_main]

use std::io::{self, Read};

use avff_datasets::layout::metadata::Format;
use libfuzzer_sys::fuzz_target;

/// Hands out a few bytes at a time, as a slow disk may.
struct Trickle<'a> {
    left: &'a [u8],
    most: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.most);
        self.left.read(&mut buffer[..most])
    }
}

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let whole = format.check(bytes);
        if let Ok(counts) = whole {
            // An Arrow row takes a bit at least.
            assert!(counts.good + counts.refused <= 8 * bytes.len() as u64, "{format:?}");
        }
        let pieces = format.check(Trickle { left: bytes, most: 1 + bytes.len() % 5 });
        let text = |result| match result {
            Ok(counts) => format!("{counts:?}"),
            Err(error) => format!("{error}"),
        };
        assert_eq!(text(whole), text(pieces), "{format:?}");
    }
});

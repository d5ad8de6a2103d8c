//! Reads the metadata of every data set: each reader gets the bytes at once and in small chunks.
#![no_main]

use std::io::{self, Read};

use avff_datasets::layout::metadata::Format;
use libfuzzer_sys::fuzz_target;

/// Returns a few bytes per call, like a slow disk.
struct ChunkedReader<'a> {
    remaining: &'a [u8],
    chunk_size: usize,
}

impl Read for ChunkedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(self.chunk_size);
        self.remaining.read(&mut buffer[..size])
    }
}

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let whole = format.check(bytes);
        if let Ok(counts) = whole {
            // A row of an Arrow file takes at least one bit.
            assert!(counts.valid + counts.invalid <= 8 * bytes.len() as u64, "{format:?}");
        }
        let chunked =
            format.check(ChunkedReader { remaining: bytes, chunk_size: 1 + bytes.len() % 5 });
        let text = |result| match result {
            Ok(counts) => format!("{counts:?}"),
            Err(error) => format!("{error}"),
        };
        assert_eq!(text(whole), text(chunked), "{format:?}");
    }
});

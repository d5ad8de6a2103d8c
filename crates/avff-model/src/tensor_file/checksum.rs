//! Checksums of stored bytes.

use std::io::{self, Read, Seek, SeekFrom};

use crc32fast::Hasher;

use super::source::Bytes;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// The CRC-32 of a storage or tensor, as its file states it.
#[derive(Debug)]
pub(crate) struct Checksum {
    /// Index of the file that holds the storage.
    pub(super) shard: usize,
    /// Name of the storage or tensor.
    pub(super) member: String,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl Checksum {
    /// Checks a storage whose bytes are in memory.
    pub(super) fn check_bytes(&self, bytes: &[u8]) -> Result<(), String> {
        self.compare(crc32fast::hash(bytes))
    }

    /// Reads a storage and checks it.
    pub(super) fn check_file(&self, file: &mut Bytes) -> io::Result<Result<(), String>> {
        file.seek(SeekFrom::Start(self.offset))?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; CHUNK.min(usize::try_from(self.bytes).unwrap_or(CHUNK))];
        let mut remaining = self.bytes;
        while remaining > 0 {
            let count = buffer.len().min(usize::try_from(remaining).unwrap_or(usize::MAX));
            let Some(chunk) = buffer.get_mut(..count) else { break };
            file.read_exact(chunk)?;
            hasher.update(chunk);
            remaining -= count as u64;
        }
        Ok(self.compare(hasher.finalize()))
    }

    fn compare(&self, actual: u32) -> Result<(), String> {
        if actual == self.crc32 {
            return Ok(());
        }
        Err(format!(
            "{} is damaged: its CRC-32 is {actual:08x}, but the file says {:08x}; copy or \
             download the file again",
            self.member, self.crc32
        ))
    }
}

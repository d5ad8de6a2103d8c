//! Reads the fields of a box's body, from the front.

use super::boxes::{FourCc, malformed};
use crate::error::MediaError;

/// Reads the big-endian fields of a box's body, from the front.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    name: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Starts at the first byte of `body`. `name` is the box type for messages.
    pub(crate) fn new(name: &'static str, body: &'a [u8]) -> Self {
        Self { name, rest: body }
    }

    /// Starts a full box and reads its version and its 24 flag bits.
    pub(crate) fn full(name: &'static str, body: &'a [u8]) -> Result<(Self, u8, u32), MediaError> {
        let mut fields = Self::new(name, body);
        let word = fields.u32()?;
        let [version, ..] = word.to_be_bytes();
        Ok((fields, version, word & 0x00ff_ffff))
    }

    /// Returns the bytes that were not yet read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], MediaError> {
        let (head, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| malformed(format!("box '{}' is truncated", self.name)))?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MediaError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| malformed(format!("box '{}' is truncated", self.name)))?;
        self.rest = rest;
        Ok(*head)
    }

    /// Reads an 8-bit field.
    pub(crate) fn u8(&mut self) -> Result<u8, MediaError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Reads a 16-bit field.
    pub(crate) fn u16(&mut self) -> Result<u16, MediaError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads a 32-bit field.
    pub(crate) fn u32(&mut self) -> Result<u32, MediaError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a signed 32-bit field.
    pub(crate) fn i32(&mut self) -> Result<i32, MediaError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Reads a 64-bit field.
    pub(crate) fn u64(&mut self) -> Result<u64, MediaError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads a four-character code.
    pub(crate) fn code(&mut self) -> Result<FourCc, MediaError> {
        self.array()
    }

    /// Reads a table that fills the rest of the body: a 32-bit count, then that many entries of `N`
    /// bytes. Trailing bytes are ignored. A count that does not fit is an error.
    pub(crate) fn table<const N: usize>(&mut self) -> Result<&'a [[u8; N]], MediaError> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        let (entries, _) = self.rest.as_chunks::<N>();
        entries.get(..count).ok_or_else(|| {
            malformed(format!(
                "box '{}' declares {count} entries but has {}",
                self.name,
                entries.len()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn table_with_too_large_a_count_is_refused() {
        let mut body = u32::MAX.to_be_bytes().to_vec();
        body.extend([0; 12]);
        assert!(Fields::new("stts", &body).table::<8>().is_err());
        body.splice(..4, 1u32.to_be_bytes());
        assert_eq!(Fields::new("stts", &body).table::<8>().unwrap().len(), 1);
    }
}

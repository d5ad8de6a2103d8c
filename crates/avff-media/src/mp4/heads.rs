//! Reads the first bytes of each NAL unit of samples, and passes over the rest.

use std::io::{Read, Seek, SeekFrom};

use super::table::Sample;
use crate::error::MediaError;

/// The bytes that hold the header of a slice and all of most parameter sets.
const HEAD_BYTES: u64 = 64;
/// The bytes that are read of parameter sets, which may be longer.
const SET_BYTES: u64 = 4096;
/// The NAL unit types of parameter sets (ITU-T H.264 Table 7-1).
const SETS: [u8; 2] = [7, 8];

/// Reads the first bytes of NAL units, sample after sample.
pub(crate) struct Heads<'a, R> {
    file: &'a mut R,
    /// The position in the file; `None` where it is unknown.
    at: Option<u64>,
    heads: Vec<Vec<u8>>,
}

impl<'a, R: Read + Seek> Heads<'a, R> {
    pub(crate) fn new(file: &'a mut R) -> Self {
        Self { file, at: None, heads: Vec::new() }
    }

    /// Returns the first bytes of each NAL unit of a sample; `None` where a unit runs past the end of
    /// the sample.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub(crate) fn of(
        &mut self,
        sample: &Sample,
        length_size: usize,
    ) -> Result<Option<&[Vec<u8>]>, MediaError> {
        // A relative seek keeps what was read ahead.
        match self.at.and_then(|at| i64::try_from(sample.offset.checked_sub(at)?).ok()) {
            Some(distance) => self.file.seek_relative(distance)?,
            None => drop(self.file.seek(SeekFrom::Start(sample.offset))?),
        }
        self.at = None;
        self.heads.clear();
        let mut rest = u64::from(sample.size);
        while rest > 0 {
            let mut field = [0; 4];
            let field = field.get_mut(..length_size.min(4)).unwrap_or_default();
            let Some(after) = rest.checked_sub(field.len() as u64) else { return Ok(None) };
            self.file.read_exact(field)?;
            let length = field.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
            let Some(after) = after.checked_sub(length) else { return Ok(None) };
            rest = after;
            let mut head = Vec::new();
            self.file.by_ref().take(length.min(HEAD_BYTES)).read_to_end(&mut head)?;
            if head.first().is_some_and(|header| SETS.contains(&(header & 0x1f))) {
                let more = length.min(SET_BYTES).saturating_sub(head.len() as u64);
                self.file.by_ref().take(more).read_to_end(&mut head)?;
            }
            let unread = length.saturating_sub(head.len() as u64);
            self.file.seek_relative(i64::try_from(unread).unwrap_or(i64::MAX))?;
            self.heads.push(head);
        }
        self.at = sample.offset.checked_add(u64::from(sample.size));
        Ok(Some(&self.heads))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    #[test]
    fn heads_of_samples_anywhere_are_read() {
        let long = [&[0, 100, 0x41][..], &[7; 99]].concat();
        let set = [&[0, 200, 0x67][..], &[8; 199]].concat();
        let file = [&[9; 10][..], &long, &set, &[0, 1, 0x68]].concat();
        let mut file = Cursor::new(file);
        let mut heads = Heads::new(&mut file);
        let mut lengths = |offset, size| {
            let sample = Sample { offset, time: 0, duration: 0, size, sync: true };
            let heads = heads.of(&sample, 2).unwrap();
            heads.map(|heads| heads.iter().map(Vec::len).collect::<Vec<_>>())
        };
        assert_eq!(lengths(10, 102), Some(vec![64]));
        assert_eq!(lengths(112, 205), Some(vec![200, 1]));
        assert_eq!(lengths(10, 304), Some(vec![64, 200]));
        assert_eq!(lengths(10, 101), None);
        assert_eq!(lengths(314, 3), Some(vec![1]));
        assert_eq!(lengths(10, 1), None);
    }
}

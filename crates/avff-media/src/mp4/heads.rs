//! Reads the first bytes of each NAL unit of a sample, and passes over the rest.

use std::io::{Read, Seek, SeekFrom};

use super::table::Sample;
use crate::error::MediaError;

/// The bytes that hold the header of a slice and all of most parameter sets.
const HEAD_BYTES: u64 = 64;
/// The bytes that are read of parameter sets, which may be longer.
const SET_BYTES: u64 = 4096;
/// The NAL unit types of parameter sets (ITU-T H.264 Table 7-1).
const SETS: [u8; 2] = [7, 8];

/// Reads the first bytes of each NAL unit into `heads`, replacing its contents. Returns `false` where a
/// unit runs past the end of the sample.
///
/// # Errors
///
/// `Io`.
pub(crate) fn read_heads(
    file: &mut (impl Read + Seek),
    sample: &Sample,
    length_size: usize,
    heads: &mut Vec<Vec<u8>>,
) -> Result<bool, MediaError> {
    heads.clear();
    file.seek(SeekFrom::Start(sample.offset))?;
    let mut rest = u64::from(sample.size);
    while rest > 0 {
        let mut field = [0; 4];
        let field = field.get_mut(..length_size.min(4)).unwrap_or_default();
        let Some(after) = rest.checked_sub(field.len() as u64) else { return Ok(false) };
        file.read_exact(field)?;
        let length = field.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let Some(after) = after.checked_sub(length) else { return Ok(false) };
        rest = after;
        let mut head = Vec::new();
        file.by_ref().take(length.min(HEAD_BYTES)).read_to_end(&mut head)?;
        if head.first().is_some_and(|header| SETS.contains(&(header & 0x1f))) {
            let more = length.min(SET_BYTES).saturating_sub(head.len() as u64);
            file.by_ref().take(more).read_to_end(&mut head)?;
        }
        let unread = length.saturating_sub(head.len() as u64);
        file.seek_relative(i64::try_from(unread).unwrap_or(i64::MAX))?;
        heads.push(head);
    }
    Ok(true)
}

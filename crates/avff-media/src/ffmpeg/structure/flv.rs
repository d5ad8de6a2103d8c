//! The tags of FLV (Adobe Flash Video File Format Specification 10.1, annex E). After each tag
//! follows its size.

use std::io::{BufRead, Read, Seek};

use super::super::length::bytes;
use crate::error::MediaError;

/// Bytes of the header of a tag, and of the size after it.
const TAG_BYTES: u64 = 11;
const SIZE_BYTES: u64 = 4;
/// Types of tags.
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;
/// Flags of an encrypted tag, and reserved ones.
const FLAGS: u8 = 0xe0;
/// The largest accepted configuration, in bytes.
const MAX_CONFIG: u64 = 1 << 16;

/// A tag.
struct Tag {
    kind: u8,
    /// The offset of its content.
    start: u64,
    end: u64,
    /// Whether a header of a tag is there.
    valid: bool,
    /// The size after it.
    size: Option<u32>,
}

/// Iterates over tags by the length of each, up to the end of the file.
struct Tags<'a, R> {
    file: &'a mut R,
    at: u64,
    file_size: u64,
}

impl<'a, R: BufRead + Seek> Tags<'a, R> {
    fn new(file: &'a mut R, file_size: u64) -> Result<Self, MediaError> {
        let head: [u8; 9] = bytes(file, 0, file_size)?;
        let [.., a, b, c, d] = head;
        let at = u64::from(u32::from_be_bytes([a, b, c, d])) + SIZE_BYTES;
        file.seek(std::io::SeekFrom::Start(at))?;
        Ok(Self { file, at, file_size })
    }

    fn next(&mut self) -> Result<Option<Tag>, MediaError> {
        if self.at + TAG_BYTES > self.file_size {
            return Ok(None);
        }
        let mut head = [0; TAG_BYTES as usize];
        self.file.read_exact(&mut head)?;
        let [kind, a, b, c, _, _, _, _, stream @ ..] = head;
        let kind = kind & !FLAGS;
        let start = self.at + TAG_BYTES;
        let end = start + u64::from(u32::from_be_bytes([0, a, b, c]));
        let mut size = None;
        if end + SIZE_BYTES <= self.file_size {
            let mut field = [0; SIZE_BYTES as usize];
            self.file.seek_relative(i64::try_from(end - start).unwrap_or(0))?;
            self.file.read_exact(&mut field)?;
            size = Some(u32::from_be_bytes(field));
        }
        self.at = end + SIZE_BYTES;
        let valid = matches!(kind, AUDIO | VIDEO | SCRIPT) && stream == [0; 3];
        Ok(Some(Tag { kind, start, end, valid, size }))
    }
}

/// Returns what is wrong with the tags, if anything is. Where most sizes after tags are wrong, a
/// writer wrote them so.
pub(super) fn fault(
    file: &mut (impl BufRead + Seek),
    file_size: u64,
) -> Result<Option<String>, MediaError> {
    let mut tags = Tags::new(file, file_size)?;
    let (mut right, mut wrong) = (0_u64, 0_u64);
    let mut first_wrong = 0;
    while let Some(tag) = tags.next()? {
        let at = tag.start - TAG_BYTES;
        if !tag.valid {
            return Ok(Some(format!("there is no tag at byte {at}, where one should begin")));
        }
        if tag.end > file_size {
            return Ok(Some(format!("the file ends within the tag at byte {at}")));
        }
        let Some(size) = tag.size else { break };
        if u64::from(size) == tag.end - at {
            right += 1;
        } else {
            first_wrong = if wrong == 0 { at } else { first_wrong };
            wrong += 1;
        }
    }
    Ok((0 < wrong && wrong < right)
        .then(|| format!("the tag at byte {first_wrong} is not as long as the size after it")))
}

/// Returns the configuration of H.264.
pub(super) fn avc(
    file: &mut (impl BufRead + Seek),
    file_size: u64,
) -> Result<Option<Vec<u8>>, MediaError> {
    let mut tags = Tags::new(file, file_size)?;
    while let Some(tag) = tags.next()? {
        if tag.kind != VIDEO || tag.end > file_size {
            continue;
        }
        let head: [u8; 5] = bytes(tags.file, tag.start, file_size)?;
        // Codec 7 is H.264, and packet type 0 its configuration.
        let is_config = matches!(head, [first, 0, ..] if first & 0x0f == 7);
        let length = (tag.end - tag.start).saturating_sub(5);
        if !is_config || length > MAX_CONFIG {
            return Ok(None);
        }
        let mut config = Vec::new();
        tags.file.take(length).read_to_end(&mut config)?;
        return Ok(Some(config));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    fn file(tags: &[(u8, &[u8], u32)]) -> Vec<u8> {
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        for (kind, content, wrong) in tags {
            let length = u32::try_from(content.len()).unwrap();
            file.push(*kind);
            file.extend(&length.to_be_bytes()[1..]);
            file.extend([0; 7]);
            file.extend(*content);
            file.extend((11 + length + wrong).to_be_bytes());
        }
        file
    }

    fn fault_of(file: &[u8]) -> Option<String> {
        fault(&mut Cursor::new(file), file.len() as u64).unwrap()
    }

    #[test]
    fn lost_bytes_leave_no_tag() {
        let video = [7; 40];
        let whole = file(&[(18, &[2; 9], 0), (9, &video, 0), (8, &[9; 30], 0), (9, &video, 0)]);
        assert_eq!(fault_of(&whole), None);
        for at in 13..60 {
            let mut cut = whole.clone();
            cut.drain(at..at + 21);
            assert!(fault_of(&cut).is_some(), "{at}");
        }
        for end in whole.len() - 4..whole.len() {
            assert_eq!(fault_of(&whole[..end]), None, "only the last size is cut off");
        }
        for end in whole.len() - 44..whole.len() - 4 {
            assert!(fault_of(&whole[..end]).is_some(), "{end}");
        }
    }

    #[test]
    fn sizes_may_all_be_wrong_but_not_one() {
        let of = |wrong: [u32; 3]| fault_of(&file(&wrong.map(|wrong| (9, &[7; 20][..], wrong))));
        assert_eq!(of([5, 5, 5]), None);
        assert!(of([0, 1, 0]).unwrap().contains("byte 48"));
    }

    #[test]
    fn the_configuration_is_found() {
        let config = [0x17, 0, 0, 0, 0, 1, 2, 3];
        let read = |tags: &[(u8, &[u8], u32)]| {
            let file = file(tags);
            avc(&mut Cursor::new(&file), file.len() as u64).unwrap()
        };
        assert_eq!(read(&[(18, &[2], 0), (8, &[1], 0), (9, &config, 0)]), Some(vec![1, 2, 3]));
        assert_eq!(read(&[(9, &[0x12, 0, 0, 0, 0, 1], 0)]), None);
        assert_eq!(read(&[]), None);
    }
}

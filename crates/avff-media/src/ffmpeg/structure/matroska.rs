//! The elements of Matroska (RFC 9559): the segment consists of elements without gaps, and so does
//! each cluster of packets.

use std::io::{BufRead, Read, Seek, SeekFrom};

use super::super::matroska::Head;
use crate::error::MediaError;

/// The most bytes of the id and the length of an element.
const HEAD_BYTES: usize = 12;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
/// A check sum of the elements that follow in the same parent.
const CRC: u32 = 0xbf;
/// Clusters up to this length are compared with their check sums, which takes as much memory.
const MAX_CHECKED: u64 = 64 << 20;
/// The children of a segment, those of a cluster, and padding.
const KNOWN: [u32; 17] = [
    CLUSTER,
    CRC,
    0xec,
    0x114d_9b74,
    0x1549_a966,
    0x1654_ae6b,
    0x1c53_bb6b,
    0x1941_a469,
    0x1043_a770,
    0x1254_c367,
    0xe7,
    0x5854,
    0xa7,
    0xab,
    0xa3,
    0xa0,
    0xaf,
];

/// Reads elements one after the other.
struct Walk<'a, R> {
    file: &'a mut R,
    at: u64,
    size: u64,
}

impl<R: BufRead + Seek> Walk<'_, R> {
    /// Reads the head of the next element and moves to its content; `None` where there is none.
    fn head(&mut self) -> Result<Option<Head>, MediaError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        self.file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let read = Head::of(&head);
        let bytes = read.as_ref().map_or(0, |read| read.bytes);
        let unread = i64::try_from(head.len()).unwrap_or(0) - i64::try_from(bytes).unwrap_or(0);
        self.file.seek_relative(-unread)?;
        self.at += bytes;
        Ok(read)
    }

    fn skip(&mut self, length: u64) -> Result<(), MediaError> {
        let length = length.min(self.size.saturating_sub(self.at));
        self.at += length;
        // A relative seek keeps what was read ahead.
        self.file.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
        Ok(())
    }

    /// Goes through the children of a cluster of a known length. Returns what is wrong.
    fn cluster(&mut self, end: u64) -> Result<Option<String>, MediaError> {
        let start = self.at;
        while self.at < end {
            let at = self.at;
            let Some(child) = self.head()? else { return Ok(Some(no_element(at))) };
            let Some(length) = child.length.filter(|length| *length <= end.saturating_sub(self.at))
            else {
                return Ok(Some(too_long(at)));
            };
            if child.id == CRC && at == start && length == 4 && end - start <= MAX_CHECKED {
                let mut stated = [0; 4];
                self.file.read_exact(&mut stated)?;
                let mut content = Vec::new();
                let rest = end - at - child.bytes - 4;
                self.file.by_ref().take(rest).read_to_end(&mut content)?;
                if crc32fast::hash(&content) != u32::from_le_bytes(stated) {
                    return Ok(Some(format!("the cluster at byte {start} has a wrong check sum")));
                }
                self.file.seek(SeekFrom::Start(self.at))?;
            }
            self.skip(length)?;
        }
        Ok(None)
    }
}

fn no_element(at: u64) -> String {
    format!("there is no element at byte {at}, where one should begin")
}

fn too_long(at: u64) -> String {
    format!("the element at byte {at} is longer than what it is a part of")
}

/// Returns what is wrong with the elements, if anything is. A live recording may end anywhere.
pub(super) fn fault(
    file: &mut (impl BufRead + Seek),
    size: u64,
) -> Result<Option<String>, MediaError> {
    file.seek(SeekFrom::Start(0))?;
    let mut walk = Walk { file, at: 0, size };
    // Where the segment ends; 0 before it, and the end of the file in a live recording.
    let mut end = 0;
    let mut live = false;
    while walk.at < size {
        let at = walk.at;
        if end > 0 && at >= end {
            // Another file may follow.
            end = 0;
        }
        let Some(element) = walk.head()? else {
            // The end of a recording, or bytes after the segment.
            let is_rest = end == 0 && at > 0 || size - at < HEAD_BYTES as u64;
            return Ok((!is_rest).then(|| no_element(at)));
        };
        if end == 0 {
            match (element.id, element.length) {
                (SEGMENT, length) => {
                    live = length.is_none();
                    end = length.map_or(size, |length| walk.at.saturating_add(length));
                    if end > size {
                        return Ok(Some(too_long(at)));
                    }
                }
                (_, Some(length)) => walk.skip(length)?,
                (_, None) => return Ok(None),
            }
            continue;
        }
        if live && matches!(element.id, EBML | SEGMENT) {
            // A recording after another one.
            if element.id == EBML {
                walk.skip(element.length.unwrap_or(0))?;
            }
            continue;
        }
        let Some(length) = element.length else {
            if element.id != CLUSTER {
                return Ok(Some(no_element(at)));
            }
            continue;
        };
        if length > end.saturating_sub(walk.at) {
            // The last element of a recording that ended within it.
            let is_last = live && KNOWN.contains(&element.id);
            return Ok((!is_last).then(|| too_long(at)));
        }
        if element.id == CLUSTER {
            let after = walk.at + length;
            if let Some(fault) = walk.cluster(after)? {
                return Ok(Some(fault));
            }
        } else {
            walk.skip(length)?;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    fn element(id: u32, content: &[u8]) -> Vec<u8> {
        let id = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0);
        let length = u16::try_from(content.len()).unwrap() | 0x4000;
        id.chain(length.to_be_bytes()).chain(content.iter().copied()).collect()
    }

    fn open(id: u32, content: &[u8]) -> Vec<u8> {
        [&id.to_be_bytes()[..], &[0xff], content].concat()
    }

    fn cluster(live: bool, checked: bool) -> Vec<u8> {
        let block = [0x81, 0, 0, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let mut content = element(0xe7, &[1]);
        for _ in 0..4 {
            content.extend(element(0xa3, &block));
        }
        if checked {
            let sum = crc32fast::hash(&content).to_le_bytes();
            content = [element(CRC, &sum), content].concat();
        }
        if live { open(CLUSTER, &content) } else { element(CLUSTER, &content) }
    }

    fn file(live: bool, checked: bool) -> Vec<u8> {
        let content = [element(0x1549_a966, &[0xec, 0x81, 0]), element(0x1654_ae6b, &[])].concat();
        let content = [content, cluster(live, checked), cluster(live, checked)].concat();
        let write = if live { open } else { element };
        [element(EBML, &[0x42, 0x82, 0x80]), write(SEGMENT, &content)].concat()
    }

    fn fault_of(file: &[u8]) -> Option<String> {
        fault(&mut Cursor::new(file), file.len() as u64).unwrap()
    }

    #[test]
    fn zeros_and_holes_between_elements_are_found() {
        for live in [false, true] {
            let whole = file(live, false);
            assert_eq!(fault_of(&whole), None, "live: {live}");
            // 24 bytes are longer than a block, so the head of one is among them.
            for at in 40..whole.len() - 60 {
                let mut zeros = whole.clone();
                zeros[at..at + 24].fill(0);
                assert!(fault_of(&zeros).is_some(), "live: {live}, at {at}");
            }
        }
        let whole = file(false, false);
        for at in 60..whole.len() - 10 {
            let mut cut = whole.clone();
            cut.drain(at..at + 7);
            assert!(fault_of(&cut).is_some(), "at {at}");
        }
    }

    #[test]
    fn a_live_recording_may_end_anywhere() {
        let whole = file(true, false);
        for end in 30..whole.len() {
            assert_eq!(fault_of(&whole[..end]), None, "{end}");
        }
        assert_eq!(fault_of(&[whole.clone(), whole].concat()), None, "two recordings");
    }

    #[test]
    fn check_sums_of_clusters_cover_every_byte() {
        let whole = file(false, true);
        assert_eq!(fault_of(&whole), None);
        for at in whole.len() - cluster(false, true).len() + 12..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            assert!(fault_of(&flipped).is_some(), "at {at}");
        }
    }
}

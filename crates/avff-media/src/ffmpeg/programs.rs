//! Reads which streams of an MPEG transport stream belong to one program. The bindings of FFmpeg do not
//! show it.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

/// How many bytes are searched for the tables, which broadcasts repeat several times a second.
const SEARCHED_BYTES: u64 = 4 << 20;
/// The limit on programs.
const MAX_PROGRAMS: usize = 256;
/// Distances of packets, and bytes before each.
const PACKETS: [(usize, usize); 3] = [(188, 0), (192, 4), (204, 0)];
/// The packet of the table of all programs.
const ASSOCIATION: u16 = 0;

/// Returns the packet identifiers of each program's streams; none where the tables are not understood.
pub(super) fn programs(path: &Path) -> Vec<Vec<u16>> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(SEARCHED_BYTES).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    of_bytes(&read().unwrap_or_default())
}

fn of_bytes(bytes: &[u8]) -> Vec<Vec<u16>> {
    let is_sync = |at: usize| bytes.get(at) == Some(&0x47);
    let layout = PACKETS.iter().find(|(step, before)| (0..3).all(|i| is_sync(before + i * step)));
    let Some(&(step, before)) = layout else { return Vec::new() };
    let mut sections: BTreeMap<u16, Section> = BTreeMap::new();
    let mut maps: Vec<u16> = Vec::new();
    let mut programs = BTreeMap::new();
    for packet in bytes.get(before..).unwrap_or_default().chunks(step) {
        let Some((pid, starts, payload)) = payload(packet) else { continue };
        if pid != ASSOCIATION && !maps.contains(&pid) {
            continue;
        }
        let Some(table) = sections.entry(pid).or_default().add(starts, payload) else { continue };
        if pid == ASSOCIATION {
            maps = map_packets(table);
        } else {
            programs.insert(pid, streams(table));
        }
        if !maps.is_empty() && maps.iter().all(|map| programs.contains_key(map)) {
            break;
        }
    }
    maps.iter().filter_map(|map| programs.remove(map)).collect()
}

/// Returns identifier and payload of a packet, and whether a section starts in it.
fn payload(packet: &[u8]) -> Option<(u16, bool, &[u8])> {
    let &[0x47, high, low, flags, ref rest @ ..] = packet.get(..188)? else { return None };
    let pid = u16::from_be_bytes([high & 0x1f, low]);
    let skipped = if flags & 0x20 == 0 { 0 } else { 1 + usize::from(*rest.first()?) };
    (flags & 0x10 != 0).then_some((pid, high & 0x40 != 0, rest.get(skipped..)?))
}

/// A section that is collected from packets.
#[derive(Default)]
struct Section(Vec<u8>);

impl Section {
    /// Adds a payload. Returns the body of a complete section: what lies between its header and its
    /// check sum.
    fn add(&mut self, starts: bool, payload: &[u8]) -> Option<&[u8]> {
        let payload = if starts {
            self.0.clear();
            let pointer = usize::from(*payload.first()?);
            payload.get(1 + pointer..)?
        } else {
            payload
        };
        // The rest of a section whose start was not seen.
        if !starts && self.0.is_empty() {
            return None;
        }
        self.0.extend(payload);
        let length = usize::from(u16::from_be_bytes([self.0.get(1)? & 0x0f, *self.0.get(2)?]));
        self.0.get(8..(3 + length).checked_sub(4)?)
    }
}

/// Returns the packets of the maps that a program association table lists. Program 0 is no program.
fn map_packets(table: &[u8]) -> Vec<u16> {
    let (entries, _) = table.as_chunks::<4>();
    let map = |&[a, b, c, d]: &[u8; 4]| {
        (u16::from_be_bytes([a, b]) != 0).then(|| u16::from_be_bytes([c & 0x1f, d]))
    };
    entries.iter().filter_map(map).take(MAX_PROGRAMS).collect()
}

/// Returns the packets of the streams that a program map lists.
fn streams(table: &[u8]) -> Vec<u16> {
    let length = |high: u8, low: u8| usize::from(u16::from_be_bytes([high & 0x0f, low]));
    let mut rest = match table {
        &[_, _, high, low, ref rest @ ..] => rest.get(length(high, low)..).unwrap_or_default(),
        _ => &[],
    };
    let mut streams = Vec::new();
    while let &[_, high, low, info_high, info_low, ref after @ ..] = rest {
        streams.push(u16::from_be_bytes([high & 0x1f, low]));
        rest = after.get(length(info_high, info_low)..).unwrap_or_default();
    }
    streams
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// A packet with a section that ends with a check sum of zeros.
    fn packet(pid: u16, table: &[u8]) -> Vec<u8> {
        let length = u16::try_from(table.len() + 9).unwrap();
        let mut packet = vec![0x47];
        packet.extend((pid | 0x4000).to_be_bytes());
        packet.extend([0x10, 0, 0]);
        packet.extend((length | 0xb000).to_be_bytes());
        packet.extend([0; 5]);
        packet.extend(table);
        packet.resize(188, 0);
        packet
    }

    #[test]
    fn streams_of_each_program_are_listed() {
        let all = packet(0, &[0, 0, 0xe0, 16, 0, 7, 0xe1, 0, 0, 1, 0xe1, 1]);
        let first = packet(0x100, &[0xe2, 0, 0xf0, 2, 9, 9, 0x1b, 0xe2, 0, 0xf0, 0]);
        let second =
            packet(0x101, &[0xe3, 0, 0xf0, 0, 0x1b, 0xe3, 0, 0xf0, 1, 9, 3, 0xe3, 1, 0xf0, 0]);
        let bytes = [all, packet(0x200, &[]), first, second].concat();
        assert_eq!(of_bytes(&bytes), [vec![0x200], vec![0x300, 0x301]]);
        for end in 0..bytes.len() {
            assert!(of_bytes(&bytes[..end]).len() <= 2);
        }
        assert!(of_bytes(b"no transport stream").is_empty());
    }
}

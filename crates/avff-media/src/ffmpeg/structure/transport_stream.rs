//! The packets of a transport stream (ISO/IEC 13818-1 section 2.4.3). A counter of four bits tells
//! whether a packet of a stream is missing.

use std::io::{ErrorKind, Read};

use super::BUFFER;
use crate::error::MediaError;

/// The byte that each packet begins with.
const SYNC: u8 = 0x47;
/// Bytes of a packet.
const PACKET: usize = 188;
/// Distances of packets: plain, with a time stamp before each, and with check bytes after each.
const STEPS: [usize; 3] = [188, 192, 204];
/// The stream of the table of all programs, and the one of stuffing.
const ASSOCIATION: u16 = 0;
const STUFFING: u16 = 0x1fff;

/// The last packet of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    counter: Option<u8>,
    /// Whether the packet was a copy of the one before.
    repeated: bool,
    /// Whether a table of programs followed it.
    table: bool,
}

/// Checks packets one after the other.
struct Counters {
    pids: [Option<u16>; 2],
    last: [Last; 2],
}

impl Counters {
    /// Checks a packet. Returns what is wrong.
    fn check(&mut self, packet: &[u8], at: u64) -> Option<String> {
        let &[_, high, low, flags, ref rest @ ..] = packet else { return None };
        let pid = u16::from_be_bytes([high & 0x1f, low]);
        if pid == ASSOCIATION {
            self.last.iter_mut().for_each(|last| last.table = true);
        }
        if pid == STUFFING {
            return None;
        }
        let rank = self.pids.iter().position(|one| *one == Some(pid))?;
        let last = self.last.get_mut(rank)?;
        if high & 0x80 != 0 {
            return Some(format!("the packet at byte {at} is marked as damaged"));
        }
        // The counter counts packets with a payload.
        if flags & 0x10 == 0 {
            return None;
        }
        let field = if flags & 0x20 != 0 { rest } else { &[] };
        let announced = matches!(field, [length, bits, ..] if *length > 0 && bits & 0x80 != 0);
        let starts = high & 0x40 != 0;
        let counter = flags & 0x0f;
        let table = std::mem::take(&mut last.table);
        let before = last.counter.replace(counter)?;
        if counter == (before + 1) & 0x0f {
            last.repeated = false;
            return None;
        }
        if counter == before && !last.repeated {
            last.repeated = true;
            return None;
        }
        last.repeated = false;
        // A part that was recorded on its own begins with the tables, and may count from 0.
        if announced || starts && table && counter == 0 {
            return None;
        }
        Some(format!(
            "packets of the stream {pid} are missing before byte {at} (its continuity counter is \
             {counter} after {before})"
        ))
    }
}

/// Returns what is wrong with the packets of two streams, if anything is. A capture may begin and end
/// within a packet.
pub(super) fn fault(
    file: &mut impl Read,
    pids: [Option<u16>; 2],
) -> Result<Option<String>, MediaError> {
    let mut counters = Counters { pids, last: [Last::default(); 2] };
    let mut buffer = Vec::new();
    let (mut base, mut at) = (0_u64, 0_usize);
    let mut step: Option<usize> = None;
    loop {
        if buffer.len().saturating_sub(at) < 4 * 204 {
            buffer.drain(..at.min(buffer.len()));
            base += at as u64;
            at = 0;
            fill(file, &mut buffer)?;
        }
        let rest = buffer.get(at..).unwrap_or_default();
        match step {
            Some(step) if rest.first() == Some(&SYNC) => {
                let Some(packet) = rest.get(..PACKET) else { return Ok(None) };
                if let Some(fault) = counters.check(packet, base + at as u64) {
                    return Ok(Some(fault));
                }
                // Bytes between packets belong to none.
                at += step.min(rest.len());
            }
            Some(_) if rest.len() < PACKET => return Ok(None),
            Some(_) => {
                let what = format!(
                    "there is no packet at byte {}, where one should begin",
                    base + at as u64
                );
                return Ok(Some(what));
            }
            None if rest.len() < PACKET => return Ok(None),
            None => {
                let is_sync = |at: usize| rest.get(at).is_none_or(|byte| *byte == SYNC);
                let fits = |step: &&usize| (0..4).all(|packet| is_sync(packet * **step));
                step = STEPS.iter().find(fits).copied();
                at += usize::from(step.is_none());
            }
        }
    }
}

/// Reads more bytes.
fn fill(file: &mut impl Read, buffer: &mut Vec<u8>) -> Result<(), MediaError> {
    match file.take(BUFFER as u64).read_to_end(buffer) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const VIDEO: u16 = 0x200;
    const AUDIO: u16 = 0x201;

    /// A packet with a payload of 9s. `more` are bits of the second and the fourth byte.
    fn packet(pid: u16, counter: u8, more: (u8, u8)) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let mut packet = vec![SYNC, high | more.0, low, 0x10 | more.1 | counter & 15];
        packet.extend([1, if more.1 & 0x20 != 0 { 0x80 } else { 0 }]);
        packet.resize(PACKET, 9);
        packet
    }

    fn plain() -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for number in 0..40_u8 {
            packets.push(packet(VIDEO, number, (0, 0)));
            if number % 3 == 0 {
                packets.push(packet(AUDIO, number / 3, (0, 0)));
            }
            packets.push(packet(0x300, 7, (0, 0)));
        }
        packets
    }

    fn fault_of(file: &[u8]) -> Option<String> {
        fault(&mut &file[..], [Some(VIDEO), Some(AUDIO)]).unwrap()
    }

    fn is_read(packet: &[u8]) -> bool {
        packet[1] & 0x1f == 2
    }

    #[test]
    fn every_lost_packet_is_found() {
        let packets = plain();
        assert_eq!(fault_of(&packets.concat()), None);
        let reads: Vec<usize> =
            (0..packets.len()).filter(|&index| is_read(&packets[index])).collect();
        for lost in 0..packets.len() {
            let mut packets = packets.clone();
            let gone = packets.remove(lost);
            let of = |packet: &[u8]| (packet[1], packet[2]);
            let later = packets[lost..].iter().any(|packet| of(packet) == of(&gone));
            let earlier = packets[..lost].iter().any(|packet| of(packet) == of(&gone));
            let expected = reads.contains(&lost) && later && earlier;
            assert_eq!(fault_of(&packets.concat()).is_some(), expected, "{lost}");
        }
    }

    #[test]
    fn packets_of_any_distance_are_read() {
        for (before, after) in [(4, 0), (0, 16)] {
            let wide =
                |packet: &Vec<u8>| [vec![0; before], packet.clone(), vec![1; after]].concat();
            let mut packets: Vec<Vec<u8>> = plain().iter().map(wide).collect();
            assert_eq!(fault_of(&packets.concat()), None);
            assert_eq!(fault_of(&packets.concat()[77..]), None, "begins within a packet");
            packets.remove(50);
            packets.remove(49);
            assert!(fault_of(&packets.concat()).is_some());
        }
    }

    #[test]
    fn bytes_that_are_no_packet_are_found() {
        let file = plain().concat();
        assert_eq!(fault_of(&file[100..file.len() - 100]), None, "a capture may begin anywhere");
        let mut zeros = file.clone();
        zeros[5000..5300].fill(0);
        assert!(fault_of(&zeros).unwrap().contains("no packet at byte"), "{:?}", fault_of(&zeros));
        let mut cut = file;
        cut.drain(5000..5100);
        assert!(fault_of(&cut).is_some());
    }

    #[test]
    fn copies_and_announced_jumps_are_no_damage() {
        let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut packets: Vec<_> = (0..6).map(|number| packet(VIDEO, number, (0, 0))).collect();
            change(&mut packets);
            fault_of(&packets.concat())
        };
        assert_eq!(with(&|packets| packets.insert(3, packets[2].clone())), None);
        let thrice = with(&|packets| {
            packets.insert(3, packets[2].clone());
            packets.insert(3, packets[2].clone());
        });
        assert!(thrice.unwrap().contains("counter is 2 after 2"));
        assert_eq!(with(&|packets| packets.push(packet(VIDEO, 9, (0, 0x20)))), None);
        assert!(with(&|packets| packets.push(packet(VIDEO, 9, (0, 0)))).is_some());
        // A part that was recorded on its own.
        let part = |counter| {
            move |packets: &mut Vec<Vec<u8>>| {
                packets.extend([packet(0, 0, (0x40, 0)), packet(VIDEO, counter, (0x40, 0))]);
            }
        };
        assert_eq!(with(&part(0)), None);
        assert!(with(&part(9)).is_some());
        assert!(with(&|packets| packets[3][1] |= 0x80).unwrap().contains("marked as damaged"));
    }
}

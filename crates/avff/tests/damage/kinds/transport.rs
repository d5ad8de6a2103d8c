//! Packets of MPEG-TS that are missing or become zeros.

use std::ops::Range;

use super::{
    super::{fixtures::Clip, random::Random},
    Damaged, choose,
};

/// Bytes of a packet.
const PACKET: usize = 188;

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    let index = choose(clips, random, |clip| clip.ending() == "ts");
    let mut bytes = clips[index].bytes.clone();
    let count = bytes.len() / PACKET;
    let pid = |number: usize| {
        u16::from_be_bytes([bytes[PACKET * number + 1] & 31, bytes[PACKET * number + 2]])
    };
    let number = random.below(count);
    let end = (number + 1 + random.below(3)).min(count);
    // The packets of a stream before and after the gap show it, if there are any.
    let alone = |others: Range<usize>| {
        (number..end).all(|lost| !others.clone().any(|other| pid(other) == pid(lost)))
    };
    let at_edge = alone(0..number) || alone(end..count);
    let range = PACKET * number..PACKET * end;
    let mut site = if random.below(2) == 0 {
        bytes.drain(range);
        "missing".to_owned()
    } else {
        bytes[range].fill(0);
        "zeros".to_owned()
    };
    if at_edge {
        site += " at the edge";
    }
    Damaged { clip: index, site, what: format!("packets {number} to {}", end - 1), bytes }
}

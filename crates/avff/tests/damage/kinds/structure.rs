//! Boxes of MP4: sizes, names, and bytes of the index.

use super::{
    super::{change::Change, fixtures::Clip, random::Random},
    Damaged, choose,
};

/// Words that overflow sums, and words near real ones.
const EDGES: [u32; 9] = [0, 1, 2, 8, 0xffff, 0x0fff_ffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    let index = choose(clips, random, |clip| !clip.parts.is_empty());
    let clip = &clips[index];
    let mut bytes = clip.bytes.clone();
    let part = &clip.parts[random.below(clip.parts.len())];
    let (name, start) = (part.name(), part.bytes.start);
    // Boxes that are in it are damaged as themselves.
    let fields = if part.holds_boxes || part.kind == *b"mdat" { 0..0 } else { part.body() };
    let (site, what) = match random.below(8) {
        0 => {
            let before = u32::from_be_bytes(bytes[start..start + 4].try_into().unwrap());
            let size = match random.below(3) {
                0 => random.choose(&EDGES),
                1 => before.wrapping_add(random.below(33) as u32).wrapping_sub(16),
                _ => random.below(bytes.len()) as u32,
            };
            let size = if size == before { before ^ 4 } else { size };
            bytes[start..start + 4].copy_from_slice(&size.to_be_bytes());
            (format!("size of {name}"), format!("size {before} to {size}"))
        }
        1 => {
            Change::Bit.apply(&mut bytes, start + 4..start + 8, random);
            (format!("name of {name}"), "name".to_owned())
        }
        _ if fields.is_empty() => {
            Change::Byte.apply(&mut bytes, start..start + 4, random);
            (format!("size of {name}"), "byte of size".to_owned())
        }
        2 | 3 if fields.len() >= 4 => {
            let at = fields.start + 4 * random.below(fields.len() / 4);
            let value = random.choose(&EDGES).to_be_bytes();
            if bytes[at..at + 4] == value {
                bytes[at] ^= 1;
            } else {
                bytes[at..at + 4].copy_from_slice(&value);
            }
            (name, format!("word at {at}"))
        }
        choice => {
            let change = if choice == 4 { Change::Byte } else { Change::Bit };
            change.apply(&mut bytes, fields, random);
            (name, change.name().to_owned())
        }
    };
    Damaged { clip: index, site, what: format!("{what}, box at {start}"), bytes }
}

//! Damages files, by structure and blindly.

use super::{
    random::Random,
    seeds::{Kind, Seed},
};

/// The classes of damage, by which a report counts.
pub const CLASSES: [&str; 12] = [
    "box size",
    "table entry",
    "index field",
    "index bytes",
    "codec settings",
    "NAL units",
    "media bytes",
    "truncation",
    "splice",
    "moved part",
    "repeated part",
    "random bytes",
];

/// Extreme values of the integer types that fields are read as.
const EDGES: [u32; 16] = [
    0,
    1,
    2,
    7,
    8,
    9,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x20_0000,
    0x0fff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    u32::MAX,
];

const BOXES: [&[u8; 4]; 45] = [
    b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr",
    b"minf", b"stbl", b"stsd", b"avc1", b"avcC", b"colr", b"pasp", b"mp4a", b"esds", b"alac",
    b"sowt", b"stts", b"stss", b"ctts", b"stsc", b"stsz", b"stco", b"co64", b"udta", b"dinf",
    b"btrt", b"mdat", b"moof", b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun", b"mvex", b"trex",
    b"wave", b"chan", b"IHDR", b"IDAT", b"fmt ",
];
const TABLES: [&[u8; 4]; 14] = [
    b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"co64", b"stss", b"elst", b"trun", b"tfhd",
    b"tfdt", b"trex", b"mdhd", b"mvhd",
];
const SETTINGS: [&[u8; 4]; 7] = [b"avcC", b"esds", b"alac", b"sowt", b"mp4a", b"IHDR", b"fmt "];

/// Returns the positions of box types.
pub fn boxes(file: &[u8], kinds: &[&[u8; 4]]) -> Vec<usize> {
    let fits = |at: &usize| kinds.iter().any(|kind| file[*at..].starts_with(*kind));
    (0..file.len().saturating_sub(4)).filter(fits).collect()
}

/// A seed with the positions of its parts.
pub struct SeedLayout<'a> {
    pub seed: &'a Seed,
    boxes: Vec<usize>,
    tables: Vec<usize>,
    settings: Vec<usize>,
    /// Byte range of the index: from the first `moov` or `moof`, or the head of another file.
    index: (usize, usize),
    /// Byte range of the media data.
    media: (usize, usize),
}

impl<'a> SeedLayout<'a> {
    pub fn new(seed: &'a Seed) -> Self {
        let file = &seed.bytes;
        let span = |kinds: &[&[u8; 4]]| {
            let at = boxes(file, kinds).first().copied().filter(|&at| at >= 4);
            let size =
                |at: usize| u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
            at.map(|at| (at + 4, (at - 4).saturating_add(size(at)).clamp(at + 4, file.len())))
        };
        let head = (0, file.len().min(128));
        Self {
            seed,
            boxes: boxes(file, &BOXES),
            tables: boxes(file, &TABLES),
            settings: boxes(file, &SETTINGS),
            index: span(&[b"moov"]).unwrap_or(head),
            media: span(&[b"mdat"]).unwrap_or((head.1, file.len())),
        }
    }
}

fn put(file: &mut [u8], at: usize, value: u32) {
    if let Some(bytes) = file.get_mut(at..at + 4) {
        bytes.copy_from_slice(&value.to_be_bytes());
    }
}

fn flip(file: &mut [u8], at: usize, random: &mut Random) {
    if let Some(byte) = file.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn inside((start, end): (usize, usize), random: &mut Random) -> usize {
    start + random.below(end - start)
}

/// Returns a damaged copy of a seed, of the class with this index. `other` is the seed for splices.
pub fn mutant(layout: &SeedLayout<'_>, other: &Seed, class: usize, random: &mut Random) -> Vec<u8> {
    let mut file = layout.seed.bytes.to_vec();
    let some = |list: &[usize], random: &mut Random| {
        if list.is_empty() { inside(layout.index, random) } else { random.choose(list) }
    };
    match CLASSES[class] {
        "box size" => {
            let at = some(&layout.boxes, random).saturating_sub(4);
            let value = match random.below(3) {
                0 => u32::try_from(random.below(file.len())).unwrap(),
                _ => random.choose(&EDGES),
            };
            put(&mut file, at, value);
        }
        "table entry" => {
            for _ in 0..=random.below(2) {
                let at = some(&layout.tables, random) + 4 * random.below(24);
                let value =
                    if random.below(4) == 0 { random.next() as u32 } else { random.choose(&EDGES) };
                put(&mut file, at, value);
            }
        }
        "index field" => {
            let at = layout.index.0 + 4 * random.below((layout.index.1 - layout.index.0) / 4);
            put(&mut file, at, random.choose(&EDGES));
        }
        "index bytes" => {
            for _ in 0..=random.below(4) {
                flip(&mut file, inside(layout.index, random), random);
            }
        }
        "codec settings" => {
            for _ in 0..=random.below(3) {
                let at = some(&layout.settings, random) + 4 + random.below(48);
                match random.below(3) {
                    0 => flip(&mut file, at, random),
                    1 => put(&mut file, at, random.choose(&EDGES)),
                    _ => {
                        if let Some(byte) = file.get_mut(at) {
                            *byte = random.next() as u8;
                        }
                    }
                }
            }
        }
        "NAL units" => {
            // Units follow each other, each after its length; their first bytes are the headers.
            let mut at = layout.media.0;
            for _ in 0..random.below(40) {
                let length = file
                    .get(at..at + 4)
                    .map_or(0, |word| u32::from_be_bytes(word.try_into().unwrap()) as usize);
                let next = at.saturating_add(4).saturating_add(length);
                if length == 0 || next >= layout.media.1 {
                    break;
                }
                at = next;
            }
            for _ in 0..=random.below(4) {
                match random.below(8) {
                    0 => put(&mut file, at, random.choose(&EDGES)),
                    1 => {
                        if let Some(byte) = file.get_mut(at + 4) {
                            *byte = random.next() as u8;
                        }
                    }
                    _ => flip(&mut file, at + 4 + random.below(24), random),
                }
            }
        }
        "media bytes" => {
            for _ in 0..=random.below(20) {
                flip(&mut file, inside(layout.media, random), random);
            }
        }
        "truncation" => file.truncate(random.below(file.len())),
        "splice" => {
            file.truncate(random.below(file.len()));
            let from = random.below(other.bytes.len());
            file.extend_from_slice(&other.bytes[from..]);
        }
        "moved part" => {
            let from = random.below(file.len());
            let length = random.below(64.min(file.len() - from + 1));
            let part: Vec<u8> = file.drain(from..from + length).collect();
            if random.below(2) == 0 {
                let to = random.below(file.len());
                file.splice(to..to, part);
            }
        }
        "repeated part" => {
            let at = some(&layout.boxes, random).saturating_sub(4);
            let part = file[at..file.len().min(at + 8 + random.below(400))].to_vec();
            let to = some(&layout.boxes, random).saturating_sub(4);
            for _ in 0..=random.below(40) {
                file.splice(to..to, part.iter().copied());
            }
        }
        _ => {
            let prefix = random.below(file.len().min(64));
            let length = random.below(4096);
            file.truncate(prefix);
            file.extend((0..length).map(|_| random.next() as u8));
        }
    }
    if layout.seed.kind == Kind::Frame {
        fix_png_checksums(&mut file);
    }
    file
}

/// Corrects the checksums of a PNG, so that damage reaches the decoder.
fn fix_png_checksums(file: &mut [u8]) {
    let mut at = 8;
    while let Some(word) = file.get(at..at + 4) {
        let length = u32::from_be_bytes(word.try_into().unwrap()) as usize;
        let end = at.saturating_add(8).saturating_add(length);
        let Some(chunk) = file.get(at + 4..end) else { return };
        let sum = crc32(chunk);
        put(file, end, sum);
        at = end + 4;
    }
}

/// CRC-32 of ISO 3309, as in PNG (annex D of its specification).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

//! The coded media of every row: real H.264 pictures, and audio whose samples say where they are.

use std::{fs, ops::Range, path::Path};

/// Samples per second of the audio.
pub(crate) const RATE: u32 = 16_000;
/// Samples of a full audio packet.
pub(crate) const PACKET: usize = 1024;

/// A coded picture.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) data: Vec<u8>,
    /// When it is shown after it is decoded, in pictures.
    pub(crate) delay: i32,
    pub(crate) sync: bool,
}

/// The pictures of a clip in decode order, and their sample entry.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub(crate) coded: Vec<Picture>,
    pub(crate) entry: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The bodies of boxes with this name, at any depth.
fn find(bytes: &[u8], name: &[u8; 4]) -> Vec<Range<usize>> {
    let starts = bytes.windows(4).enumerate().filter(|(at, kind)| *at >= 4 && kind == name);
    starts.map(|(at, _)| at + 4..at - 4 + word(bytes, at - 4) as usize).collect()
}

/// Takes the pictures of the video track out of a file with a plain index and one chunk for each run of
/// samples. The first track is the video.
pub(crate) fn pictures(name: &str, ticks: i32) -> Pictures {
    let path = Path::new("tests/fixtures/timeline").join(name);
    let file = fs::read(path).unwrap();
    let table = |kind| file[find(&file, kind)[0].clone()].to_vec();
    let entry = table(b"stsd")[8..].to_vec();
    let sizes: Vec<usize> =
        table(b"stsz")[12..].chunks(4).map(|size| word(size, 0) as usize).collect();
    let offsets: Vec<usize> =
        table(b"stco")[8..].chunks(4).map(|offset| word(offset, 0) as usize).collect();
    let runs: Vec<(usize, usize)> = table(b"stsc")[8..]
        .chunks(12)
        .map(|run| (word(run, 0) as usize, word(run, 4) as usize))
        .collect();
    let mut delays = Vec::new();
    if find(&file, b"ctts").first().is_some_and(|ctts| ctts.start < find(&file, b"stco")[1].start) {
        for run in table(b"ctts")[8..].chunks(8) {
            let delay = word(run, 4) as i32 / ticks;
            delays.extend(std::iter::repeat_n(delay, word(run, 0) as usize));
        }
    }
    let keys: Vec<usize> = match find(&file, b"stss").first() {
        Some(stss) => file[stss.clone()][8..].chunks(4).map(|key| word(key, 0) as usize).collect(),
        None => (1..=sizes.len()).collect(),
    };
    let mut coded = Vec::new();
    for (chunk, &offset) in offsets.iter().enumerate() {
        let run = runs.iter().rfind(|(first, _)| *first <= chunk + 1).unwrap();
        let mut at = offset;
        for _ in 0..run.1 {
            let index = coded.len();
            let data = file[at..at + sizes[index]].to_vec();
            at += sizes[index];
            let delay = delays.get(index).copied().unwrap_or(0);
            coded.push(Picture { data, delay, sync: keys.contains(&(index + 1)) });
        }
    }
    assert_eq!(coded.len(), sizes.len());
    Pictures { coded, entry }
}

/// The value of sample `index`: neighbors differ, and no two of three seconds are alike.
pub(crate) fn value(index: usize) -> i16 {
    let spread = i32::try_from((index * 7919) % 60_001).unwrap();
    i16::try_from(spread - 30_000).unwrap()
}

/// An ALAC packet of samples `range`, not compressed, so that a packet can be decoded by itself.
pub(crate) fn alac_packet(range: Range<usize>) -> Vec<u8> {
    let mut bits = Vec::new();
    let mut push = |value: u32, count: u32| {
        bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    };
    // A single channel; tag, unused bits, "has its own length", no shift, "not compressed".
    push(0, 3);
    push(0, 4);
    push(0, 12);
    push(1, 1);
    push(0, 2);
    push(1, 1);
    push(u32::try_from(range.len()).unwrap(), 32);
    for index in range {
        push(u32::from(value(index).cast_unsigned()), 16);
    }
    push(7, 3);
    bits.chunks(8)
        .map(|byte| {
            let value = byte.iter().fold(0_u8, |value, &bit| value << 1 | u8::from(bit));
            value << (8 - byte.len())
        })
        .collect()
}

/// Little-endian samples of 16 bits.
pub(crate) fn pcm_packet(range: Range<usize>) -> Vec<u8> {
    range.flat_map(|sample| value(sample).to_le_bytes()).collect()
}

/// The settings of ALAC.
pub(crate) fn alac_cookie() -> Vec<u8> {
    let mut cookie = u32::try_from(4096).unwrap().to_be_bytes().to_vec();
    cookie.extend([0, 16, 40, 10, 14, 1]);
    cookie.extend(255_u16.to_be_bytes());
    cookie.extend([0; 8]);
    cookie.extend(RATE.to_be_bytes());
    cookie
}

/// The sample entry of ALAC.
pub(crate) fn alac_entry() -> Vec<u8> {
    audio_entry(b"alac", &super::boxes::full(b"alac", 0, 0, &alac_cookie()))
}

/// The sample entry of little-endian samples of 16 bits.
pub(crate) fn pcm_entry() -> Vec<u8> {
    audio_entry(b"sowt", &[])
}

fn audio_entry(format: &[u8; 4], settings: &[u8]) -> Vec<u8> {
    let mut entry = vec![0, 0, 0, 0, 0, 0, 0, 1];
    entry.extend([0; 8]);
    entry.extend([0, 1, 0, 16, 0, 0, 0, 0]);
    entry.extend((RATE << 16).to_be_bytes());
    entry.extend(settings);
    super::boxes::plain(format, &entry)
}

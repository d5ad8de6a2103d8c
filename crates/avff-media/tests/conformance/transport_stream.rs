//! Writes MPEG transport streams. It shares nothing with the reader that it tests.

use std::ops::Range;

use super::{
    packets::{Clip, Packet, annex_b},
    streams::value,
};

/// Ticks a second of the clock.
const CLOCK: i64 = 90_000;
/// The clock has 33 bits.
const BITS: i64 = (1 << 33) - 1;
const PMT_PID: u16 = 0x100;
const VIDEO_PID: u16 = 0x200;
const AUDIO_PID: u16 = 0x201;
const OTHER_PID: u16 = 0x300;
const OTHER_PROGRAM: u16 = 7;

/// The only stream of another program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    /// A video stream without packets.
    Empty,
    Video,
    Audio,
}

/// What is unusual about a file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stream {
    /// Whether the audio is that of SMPTE 302M instead of Blu-ray discs.
    pub(crate) smpte_302m: bool,
    /// The clock at time 0, in ticks.
    pub(crate) clock: i64,
    /// A program that is listed first.
    pub(crate) other_program: Option<Other>,
    /// When the discontinuity of the clock is announced, in microseconds.
    pub(crate) discontinuity: Option<i64>,
    /// Pictures in a packet, which has only the time of the first one.
    pub(crate) pictures: usize,
    /// From when on the clock is moved, and by how much, in microseconds.
    pub(crate) moved: (i64, i64),
}

/// The audio of SMPTE 302M: 16 bits of both channels and four flags each, the lowest bit first.
pub(crate) fn smpte_302m(range: Range<usize>) -> Vec<u8> {
    let length = u16::try_from(range.len() * 5).unwrap();
    let mut data = length.to_be_bytes().to_vec();
    data.extend([0, 0]);
    for sample in range {
        let low_first = u64::from(value(sample).cast_unsigned().reverse_bits());
        let pair = low_first << 24 | low_first << 4;
        data.extend(&pair.to_be_bytes()[3..]);
    }
    data
}

/// The audio of Blu-ray discs: 16 bits, 48,000 samples a second, one channel and one of padding.
pub(crate) fn bluray_pcm(range: Range<usize>) -> Vec<u8> {
    let length = u16::try_from(range.len() * 4).unwrap();
    let mut data = length.to_be_bytes().to_vec();
    data.extend([0x11, 0x40]);
    for sample in range {
        data.extend(value(sample).to_be_bytes());
        data.extend([0, 0]);
    }
    data
}

fn crc(section: &[u8]) -> u32 {
    section.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 }
        })
    })
}

/// A table: its id, the number it belongs to, and its body.
fn section(table: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 9).unwrap() | 0xb000;
    let mut section = vec![0, table];
    section.extend(length.to_be_bytes());
    section.extend(number.to_be_bytes());
    section.extend([0xc1, 0, 0]);
    section.extend(body);
    section.extend(crc(&section[1..]).to_be_bytes());
    section
}

/// A PES packet.
fn pes(id: u8, pts: i64, dts: Option<i64>, data: &[u8]) -> Vec<u8> {
    let stamp = |mark: u8, time: i64| {
        let bits = |shift: u32, mask: i64| u8::try_from(time >> shift & mask).unwrap();
        vec![
            mark << 4 | bits(30, 7) << 1 | 1,
            bits(22, 255),
            bits(15, 127) << 1 | 1,
            bits(7, 255),
            bits(0, 127) << 1 | 1,
        ]
    };
    let stamps = match dts {
        Some(dts) => [stamp(3, pts), stamp(1, dts)].concat(),
        None => stamp(2, pts),
    };
    let length = u16::try_from(3 + stamps.len() + data.len()).unwrap_or(0);
    let mut packet = vec![0, 0, 1, id];
    packet.extend(if id == 0xe0 { [0, 0] } else { length.to_be_bytes() });
    let flags = if dts.is_some() { 0xc0 } else { 0x80 };
    packet.extend([0x84, flags, u8::try_from(stamps.len()).unwrap()]);
    [packet, stamps, data.to_vec()].concat()
}

/// The packets of a file and how many each stream has.
struct Writer {
    file: Vec<u8>,
    counters: std::collections::BTreeMap<u16, u8>,
}

impl Writer {
    /// Splits a section or a PES packet. `clock` is the clock of the program.
    fn put(&mut self, pid: u16, unit: &[u8], clock: Option<i64>, key: bool, jump: bool) {
        let mut rest = unit;
        let mut first = true;
        while !rest.is_empty() {
            let counter = self.counters.entry(pid).or_default();
            let mut field = Vec::new();
            if first && (clock.is_some() || key || jump) {
                let flags = u8::from(jump) << 7 | u8::from(key) << 6;
                field.push(flags | u8::from(clock.is_some()) << 4);
                if let Some(clock) = clock {
                    let base = u64::try_from(clock & BITS).unwrap() << 15 | 0x7e00;
                    field.extend(&base.to_be_bytes()[2..]);
                }
            }
            let room = 184 - if field.is_empty() { 0 } else { field.len() + 1 };
            let taken = rest.len().min(room);
            let stuffing = room - taken;
            let head = pid | u16::from(first) << 14;
            let adapts = !field.is_empty() || stuffing > 0;
            self.file.push(0x47);
            self.file.extend(head.to_be_bytes());
            self.file.push(u8::from(adapts) << 5 | 0x10 | *counter);
            if adapts {
                let before = self.file.len();
                // The length byte is a part of the stuffing where there is no field yet.
                let length = if field.is_empty() { stuffing - 1 } else { field.len() + stuffing };
                self.file.push(u8::try_from(length).unwrap());
                if field.is_empty() && length > 0 {
                    field.push(0);
                }
                self.file.extend(&field);
                self.file.resize(before + 1 + length, 255);
            }
            self.file.extend(&rest[..taken]);
            *counter = (*counter + 1) & 15;
            rest = &rest[taken..];
            first = false;
        }
        assert_eq!(self.file.len() % 188, 0);
    }
}

pub(crate) fn write_clip(clip: &Clip) -> Vec<u8> {
    // A second after zero, since reordered pictures are decoded earlier than they are shown.
    write(clip, Stream { clock: CLOCK, ..Stream::default() })
}

/// Writes a file.
pub(crate) fn write(clip: &Clip, stream: Stream) -> Vec<u8> {
    let ticks = |time: i64, packet: &Packet| {
        let moved = if packet.decode >= stream.moved.0 { stream.moved.1 } else { 0 };
        ((time + moved) as f64 * 0.09).round() as i64 + stream.clock
    };
    let mut programs = Vec::new();
    if stream.other_program.is_some() {
        programs.extend([OTHER_PROGRAM, 0xe000 | (PMT_PID + 1)].map(u16::to_be_bytes));
    }
    programs.extend([1, 0xe000 | PMT_PID].map(u16::to_be_bytes));
    let pat = section(0, 1, programs.as_flattened());
    let pid = |pid: u16| (0xe000 | pid).to_be_bytes();
    let mut map = pid(VIDEO_PID).to_vec();
    let (program, audio, descriptor): (&[u8], u8, &[u8]) = match stream.smpte_302m {
        true => (&[], 0x06, b"\x05\x04BSSD"),
        false => (b"\x05\x04HDMV", 0x80, &[]),
    };
    for (kind, id, descriptor) in
        [(None, 0, program), (Some(0x1b), VIDEO_PID, &[]), (Some(audio), AUDIO_PID, descriptor)]
    {
        if let Some(kind) = kind {
            map.push(kind);
            map.extend(pid(id));
        }
        map.extend((0xf000 | u16::try_from(descriptor.len()).unwrap()).to_be_bytes());
        map.extend(descriptor);
    }
    let map = section(2, 1, &map);
    let kind = if stream.other_program == Some(Other::Audio) { 0x80 } else { 0x1b };
    let mut other = [&[0xff, 0xff, 0xf0, 6], &b"\x05\x04HDMV"[..], &[kind]].concat();
    other.extend(pid(OTHER_PID));
    other.extend([0xf0, 0]);
    let other = section(2, OTHER_PROGRAM, &other);
    let mut writer = Writer { file: Vec::new(), counters: Default::default() };
    let mut shown = 0;
    for (index, (track, packet)) in clip.in_order().into_iter().enumerate() {
        if index % 50 == 0 {
            writer.put(0, &pat, None, false, false);
            if stream.other_program.is_some() {
                writer.put(PMT_PID + 1, &other, None, false, false);
            }
            writer.put(PMT_PID, &map, None, false, false);
        }
        let jump = stream.discontinuity == Some(packet.decode);
        if track == 0 {
            // Pictures are decoded before they are shown.
            let decode = ticks(packet.decode, packet);
            let data = if stream.pictures < 2 {
                annex_b(clip, packet)
            } else if shown % stream.pictures == 0 {
                let end = (shown + stream.pictures).min(clip.video.len());
                let several = &clip.video[shown..end];
                several.iter().flat_map(|picture| annex_b(clip, picture)).collect()
            } else {
                shown += 1;
                continue;
            };
            shown += 1;
            let unit = pes(0xe0, ticks(packet.time, packet) & BITS, Some(decode & BITS), &data);
            let clock = decode - CLOCK / 10;
            writer.put(VIDEO_PID, &unit, Some(clock), packet.sync, jump);
            if stream.other_program == Some(Other::Video) {
                writer.put(OTHER_PID, &unit, None, packet.sync, jump);
            }
        } else {
            let unit = pes(0xbd, ticks(packet.time, packet) & BITS, None, &packet.data);
            writer.put(AUDIO_PID, &unit, None, false, jump);
            if stream.other_program == Some(Other::Audio) {
                writer.put(OTHER_PID, &unit, None, false, jump);
            }
        }
    }
    writer.file
}

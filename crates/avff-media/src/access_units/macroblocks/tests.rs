#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failed unwrap is a failed test, and counts are shown where one fails"
)]

use proptest::prelude::*;
use rusty_h264_common::{
    YuvFrame,
    cabac_tables::{CTX_INIT, RANGE_LPS, STATE_TRANS},
};
use rusty_h264_decoder::Decoder;

use super::*;
use crate::{access_units::AnnexB, avc::is_slice, bit_writer::BitWriter};

macro_rules! streams {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../tests/fixtures/h264/", $name, ".264")))),*]
            as [(&str, &[u8]); _]
    };
}

/// Streams of ten pictures by x264: I, P and B slices, all partitions, both transforms, weights,
/// temporal and spatial direct motion, several slices, frames where fields are allowed.
const STREAMS: [(&str, &[u8]); 7] = streams![
    "cabac",
    "cabac_fields",
    "cabac_intra",
    "cabac_temporal",
    "cabac_weights",
    "cavlc",
    "cavlc_slices",
];

/// Splits a stream into access units: a slice of macroblock 0 begins a picture.
fn access_units(stream: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut units: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut is_whole = true;
    for nal in AnnexB::new(stream) {
        let begins = !is_slice(nal) || nal[1] & 0x80 != 0;
        if is_whole && begins {
            units.push(Vec::new());
        }
        is_whole = is_slice(nal);
        units.last_mut().unwrap().push(nal.to_vec());
    }
    units
}

fn check(macroblocks: &mut Macroblocks, sets: &mut ParameterSets, unit: &[Vec<u8>]) -> bool {
    unit.iter().for_each(|nal| sets.add(nal));
    macroblocks.check(unit.iter().map(Vec::as_slice), sets).is_ok()
}

fn strict() -> Macroblocks {
    Macroblocks { is_strict: true, ..Macroblocks::default() }
}

fn decode(units: &[Vec<Vec<u8>>]) -> Option<Vec<YuvFrame>> {
    let mut decoder = Decoder::new();
    units
        .iter()
        .map(|unit| {
            let mut annex_b = Vec::new();
            unit.iter().for_each(|nal| crate::avc::push_nal(&mut annex_b, nal));
            decoder.decode(&annex_b).ok().flatten()
        })
        .collect()
}

fn luma(frames: &[YuvFrame]) -> Vec<Vec<u8>> {
    frames.iter().map(|frame| frame.y.to_vec()).collect()
}

#[test]
fn streams_of_an_encoder_are_whole() {
    for (name, stream) in STREAMS {
        let (mut macroblocks, mut sets) = (strict(), ParameterSets::default());
        let units = access_units(stream);
        assert_eq!(units.len(), 10, "{name}");
        for (index, unit) in units.iter().enumerate() {
            unit.iter().for_each(|nal| sets.add(nal));
            let checked = macroblocks.check(unit.iter().map(Vec::as_slice), &sets);
            assert_eq!(checked, Ok(true), "{name}, picture {index}");
            let slices: Vec<_> = unit.iter().filter(|nal| is_slice(nal)).cloned().collect();
            let (_, without_last) = slices.split_last().unwrap();
            let without_last = without_last.iter().map(Vec::as_slice);
            assert_eq!(macroblocks.check(without_last, &sets).is_ok(), slices.len() == 1);
        }
    }
}

#[test]
fn damage_inside_slices_is_found() {
    for (name, stream) in STREAMS {
        let units = access_units(stream);
        let healthy = luma(&decode(&units).unwrap());
        let (mut silent, mut found, mut refused, mut random) = (0, 0, 0, 12_345_u32);
        for trial in 0..400_usize {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = trial % units.len();
            let nal = units[unit].iter().rposition(|nal| is_slice(nal)).unwrap();
            let mut damaged = units.clone();
            // Behind the header, the longest of which has 20 bytes.
            let slice = &mut damaged[unit][nal];
            let at = 20 + (random >> 8) as usize % slice.len().saturating_sub(20).max(1);
            let Some(byte) = slice.get_mut(at) else { continue };
            match trial / units.len() % 2 {
                0 => *byte ^= 1 << (random & 7),
                _ => slice.iter_mut().skip(at).take(16).for_each(|byte| *byte = 0x5a),
            }
            let mut sets = ParameterSets::default();
            let mut macroblocks = strict();
            let whole = damaged.iter().all(|unit| check(&mut macroblocks, &mut sets, unit));
            match decode(&damaged) {
                None => refused += 1,
                Some(_) if !whole => found += 1,
                Some(frames) if luma(&frames) != healthy => silent += 1,
                Some(_) => {}
            }
        }
        eprintln!("{name}: decoder {refused}, found here {found}, silent {silent}");
        // Codes of variable length without a checksum hide changed signs and modes; arithmetic codes
        // hide hardly anything.
        let limit = if name.starts_with("cavlc") { 60 } else { 3 };
        assert!(silent <= limit, "{name}: {silent} of 400 are silent");
        assert!(name.starts_with("cavlc") || found > 200, "{name}: {found}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_checked(
        stream in 0..STREAMS.len(),
        header in 0..60_usize,
        payload in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let units = access_units(STREAMS[stream].1);
        let mut sets = ParameterSets::default();
        units[0].iter().for_each(|nal| sets.add(nal));
        for unit in &units {
            let slice = unit.iter().find(|nal| is_slice(nal)).unwrap();
            let mut nal = slice[..header.min(slice.len())].to_vec();
            nal.extend(&payload);
            let _ = strict().check([nal.as_slice()], &sets);
        }
    }
}

/// Appends the samples of a macroblock.
fn with_samples(writer: BitWriter, from: u32) -> BitWriter {
    (0..384).fold(writer, |writer, sample| writer.bits(8, 1 + (from + sample * 7) % 250))
}

/// The arithmetic encoder of section 9.3.4.2, without contexts' choice.
struct Encoder {
    writer: BitWriter,
    low: u32,
    range: u32,
    outstanding: u32,
    is_first: bool,
}

impl Encoder {
    fn new(writer: BitWriter) -> Self {
        Self { writer, low: 0, range: 510, outstanding: 0, is_first: true }
    }

    fn put(&mut self, bit: bool) {
        if !std::mem::take(&mut self.is_first) {
            self.writer.0.push(bit);
        }
        self.writer.0.extend(vec![!bit; std::mem::take(&mut self.outstanding) as usize]);
    }

    fn renormalize(&mut self) {
        while self.range < 256 {
            match self.low {
                0..256 => self.put(false),
                512.. => {
                    self.low -= 512;
                    self.put(true);
                }
                _ => {
                    self.low -= 256;
                    self.outstanding += 1;
                }
            }
            self.range *= 2;
            self.low *= 2;
        }
    }

    /// Encodes a symbol of a state: its level and its more probable symbol.
    fn symbol(&mut self, state: &mut (u8, bool), symbol: bool) {
        let (level, more) = *state;
        let less = u32::from(RANGE_LPS[usize::from(level)][(self.range >> 6 & 3) as usize]);
        self.range -= less;
        if symbol == more {
            state.0 = STATE_TRANS[usize::from(level)][1];
        } else {
            self.low += self.range;
            self.range = less;
            *state = (STATE_TRANS[usize::from(level)][0], more != (level == 0));
        }
        self.renormalize();
    }

    fn ends(&mut self, is_end: bool) {
        self.range -= 2;
        if is_end {
            self.low += self.range;
            self.range = 2;
            self.renormalize();
            self.put(self.low >> 9 & 1 == 1);
            self.writer.0.extend([self.low >> 8 & 1 == 1, true]);
        } else {
            self.renormalize();
        }
    }
}

/// Parameter sets of two macroblocks beside each other, and a picture of samples without compression.
fn picture_of_samples(arithmetic: bool) -> Vec<Vec<u8>> {
    let sequence = BitWriter::default().bits(8, 77).bits(16, 30).ue(0).ue(0).ue(2).ue(1);
    let sequence = sequence.bits(1, 0).ue(1).ue(0).bits(1, 1).bits(3, 0b100).bits(1, 1);
    let picture = BitWriter::default().ue(0).ue(0).bits(1, arithmetic.into()).bits(1, 0).ue(0);
    let picture = picture.ue(0).ue(0).bits(3, 0).ue(0).ue(0).ue(0).bits(3, 0).bits(1, 1);
    // An IDR picture: frame 0, no marking, the quantizer of the set.
    let header = BitWriter::default().ue(0).ue(7).ue(0).bits(4, 0).ue(0).bits(2, 0).ue(0);
    let slice = if arithmetic {
        let mut writer = header.align(true);
        // The contexts of `mb_type` without and with another such macroblock to the left.
        let mut states = [3, 4].map(|context: usize| {
            let (slope, start) = CTX_INIT[context][0];
            let before = (((i32::from(slope) * 26) >> 4) + i32::from(start)).clamp(1, 126);
            if before <= 63 { (63 - before as u8, false) } else { (before as u8 - 64, true) }
        });
        for macroblock in 0..2_u32 {
            let mut encoder = Encoder::new(writer);
            if macroblock == 1 {
                encoder.ends(false);
            }
            encoder.symbol(&mut states[macroblock as usize], true);
            encoder.ends(true);
            writer = with_samples(encoder.writer.align(false), macroblock);
        }
        let mut encoder = Encoder::new(writer);
        encoder.ends(true);
        encoder.writer
    } else {
        let samples = (0..2).fold(header, |writer, macroblock| {
            with_samples(writer.ue(25).align(false), macroblock)
        });
        samples.bits(1, 1)
    };
    vec![sequence.unit(&[0x67]), picture.unit(&[0x68]), slice.unit(&[0x65])]
}

#[test]
fn samples_without_compression_are_passed_over() {
    for arithmetic in [false, true] {
        let unit = picture_of_samples(arithmetic);
        let mut sets = ParameterSets::default();
        unit.iter().for_each(|nal| sets.add(nal));
        let checked = strict().check(unit.iter().map(Vec::as_slice), &sets);
        assert_eq!(checked, Ok(true), "arithmetic: {arithmetic}");
        let frames = decode(std::slice::from_ref(&unit)).unwrap();
        let first = frames[0].y.first().copied();
        assert_eq!(first, Some(1), "the decoder reads the same samples");
        let mut cut = unit;
        let length = cut[2].len();
        cut[2].truncate(length - 20);
        let slices = cut.iter().map(Vec::as_slice);
        assert!(strict().check(slices, &sets).is_err(), "arithmetic: {arithmetic}");
    }
}

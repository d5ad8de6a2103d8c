//! Opus in Matroska: the delay of the encoder before the audio, and padding after it.

use std::{fs, io::Write as _};

use avff_media::{Audio, Decoder, open_with};

use super::{
    matroska::{self, Block, File, element, number},
    packets::{AudioFormat, Clip, Packet},
    streams::{pcm_packet, pictures},
};

/// Samples per second.
const RATE: usize = 48_000;
/// Samples of a packet.
const PACKET: usize = 960;
/// Samples before the audio.
const DELAY: usize = 312;
/// The track of the audio in the file that the packets are taken from.
const TRACK: u8 = 0x82;

/// Reads a number whose leading zeros say how many bytes it has.
fn variable(bytes: &[u8], at: usize, keep_marker: bool) -> (usize, usize) {
    let count = bytes[at].leading_zeros() as usize + 1;
    let value = bytes[at..at + count].iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
    let marker = if keep_marker { 0 } else { 1 << (7 * count) };
    (value - marker, at + count)
}

/// The packets of an audio track of simple blocks.
fn packets(bytes: &[u8], found: &mut Vec<Vec<u8>>) {
    let mut at = 0;
    while at < bytes.len() {
        let (id, after) = variable(bytes, at, true);
        let (length, start) = variable(bytes, after, false);
        let content = &bytes[start..(start + length).min(bytes.len())];
        match id {
            // Segment and clusters.
            0x1853_8067 | 0x1f43_b675 => packets(content, found),
            0xa3 if content[0] == TRACK => found.push(content[4..].to_vec()),
            _ => {}
        }
        at = start + length;
    }
}

fn opus_packets() -> Vec<Packet> {
    let mut found = Vec::new();
    packets(&fs::read("tests/fixtures/media/vp9_opus.webm").unwrap(), &mut found);
    assert!(found.len() > 50, "{} packets", found.len());
    let packet = |(data, index): (Vec<u8>, i64)| {
        let time = index * 20_000;
        Packet { data, time, decode: time, sync: true }
    };
    found.into_iter().zip(0..).map(packet).collect()
}

/// A file whose audio has a delay of so many samples, changed.
fn file(delay: usize, change: impl Fn(&mut Clip, &mut File)) -> Vec<u8> {
    let format = AudioFormat { rate: 48_000, packet: PACKET, seconds: 0.0, encode: pcm_packet };
    let mut clip = Clip::new(&pictures("edit_list_of_two.mp4", 512), format);
    clip.audio = opus_packets();
    let mut file = matroska::file(&clip);
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(u16::try_from(delay).unwrap().to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0; 3]);
    let settings = [element(0xb5, &48_000_f64.to_be_bytes()), number(0x9f, 2)].concat();
    let mut more = element(0xe1, &settings);
    if delay > 0 {
        // Nanoseconds; packets before an audible one after a seek.
        more.extend(number(0x56aa, delay as u64 * 1_000_000_000 / RATE as u64));
        more.extend(number(0x56bb, 80_000_000));
    }
    file.tracks[1] = matroska::track(2, 2, "A_OPUS", &head, &more);
    change(&mut clip, &mut file);
    matroska::write(&file)
}

/// The presentation: when the audio starts and ends, the first 10 s from 0 on, and the whole audio.
fn read(bytes: &[u8]) -> (f64, f64, Audio, Audio) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut clip = open_with(file.path(), Decoder::Ffmpeg).unwrap();
    let (start, end) = (clip.info().audio_start, clip.info().audio_end);
    let placed = clip.streams().1.between(0.0, 10.0).unwrap();
    (start, end, placed, clip.audio().unwrap())
}

/// How many samples a span is later than it should be, at most a millisecond.
fn shift(span: &[f32], right: &[f32]) -> Option<i64> {
    let same = |shift: i64| {
        let at = |index: i64| right.get(usize::try_from(index).ok()?);
        (1000..20_000).all(|index| at(index - shift) == Some(&span[index as usize]))
    };
    (-48..=48).find(|&shift| same(shift))
}

#[test]
fn the_delay_of_opus_is_not_played() {
    let (start, end, placed, plain) = read(&file(0, |_, _| ()));
    let count = opus_packets().len();
    assert_eq!((start, plain.len()), (0.0, count * PACKET));
    assert!((end - count as f64 * 0.02).abs() < 1e-3, "{end}");
    assert_eq!(placed.channels, plain.channels);

    let (start, end, placed, whole) = read(&file(DELAY, |_, _| ()));
    let right = &plain.channels[0][DELAY..];
    assert_eq!(whole.channels[0], right);
    // Time stamps are milliseconds.
    assert!(start.abs() <= 1e-3, "{start}");
    assert!((end - (count as f64 * 0.02 - 0.0065)).abs() < 2e-3, "{end}");
    let moved = shift(&placed.channels[0], right);
    assert!(moved.is_some(), "the audio is not in its place");
}

#[test]
fn the_delay_of_opus_is_kept_apart_from_a_late_start() {
    let plain = read(&file(0, |_, _| ())).3;
    let late = file(DELAY, |_, file| {
        file.blocks.iter_mut().filter(|block| block.track == 1).for_each(|block| {
            block.time += 300_000;
        });
    });
    let (start, _, placed, whole) = read(&late);
    assert!((start - 0.3).abs() <= 1e-3, "{start}");
    assert_eq!(whole.channels[0], plain.channels[0][DELAY..]);
    let silence = 300 * RATE / 1000;
    let right = [vec![0.0; silence], plain.channels[0][DELAY..].to_vec()].concat();
    let placed = [vec![0.0; silence], placed.channels[0].clone()].concat();
    assert!(shift(&placed[..], &right).is_some(), "the audio is not in its place");
}

#[test]
fn padding_after_opus_is_not_played() {
    let plain = read(&file(0, |_, _| ())).3;
    let discard = 600;
    let padded = file(DELAY, |_, file| {
        let last = file.blocks.iter_mut().rfind(|block: &&mut Block| block.track == 1).unwrap();
        last.discard = Some(discard * 1_000_000_000 / RATE as i64);
    });
    let (_, end, placed, whole) = read(&padded);
    let right = &plain.channels[0][DELAY..plain.len() - discard as usize];
    assert_eq!(whole.channels[0], right);
    assert!((placed.len() as i64 - right.len() as i64).abs() <= 48, "{}", placed.len());
    let seconds = right.len() as f64 / RATE as f64;
    assert!((end - seconds).abs() < 2e-3, "{end}, not {seconds}");
}

//! Writes FLV files. It shares nothing with the reader that it tests.

use super::packets::{Clip, avc_config};

fn three_bytes(value: i64) -> [u8; 3] {
    let [.., a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// A tag: its type, its time in milliseconds, and its content.
fn tag(kind: u8, time: i64, content: &[u8]) -> Vec<u8> {
    let mut tag = vec![kind];
    tag.extend(three_bytes(i64::try_from(content.len()).unwrap()));
    tag.extend(three_bytes(time));
    // The highest of 32 bits follows the others.
    tag.push((time >> 24 & 255) as u8);
    tag.extend([0; 3]);
    tag.extend(content);
    let length = u32::try_from(tag.len()).unwrap();
    [tag, length.to_be_bytes().to_vec()].concat()
}

pub(crate) fn write_clip(clip: &Clip) -> Vec<u8> {
    write(clip, 0)
}

/// Writes a file whose clock is `clock` milliseconds at time 0.
pub(crate) fn write(clip: &Clip, clock: i64) -> Vec<u8> {
    let ticks = |time: i64| (time as f64 / 1e3).round() as i64 + clock;
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    file.extend(tag(9, clock, &[&[0x17, 0, 0, 0, 0], avc_config(&clip.entry)].concat()));
    for (track, packet) in clip.in_order() {
        let decode = ticks(packet.decode);
        if track == 0 {
            let shift = three_bytes(ticks(packet.time) - decode);
            let head = [if packet.sync { 0x17 } else { 0x27 }, 1];
            file.extend(tag(9, decode, &[&head[..], &shift, &packet.data].concat()));
        } else {
            // Little-endian samples, 22,050 a second, 16 bits, one channel.
            file.extend(tag(8, ticks(packet.time), &[&[0x3a][..], &packet.data].concat()));
        }
    }
    file
}

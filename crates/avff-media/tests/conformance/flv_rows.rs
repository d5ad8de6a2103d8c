//! The rows of FLV: time stamps of milliseconds and 32 bits.

use super::{
    common_rows::{Container, common_rows, lost_bytes},
    expect::{Right, Row},
    flv::{write, write_clip},
    packets::{AudioFormat, Clip},
    streams::{Pictures, pcm_packet},
};

/// Packets of 46.4 ms, so time stamps are rounded.
const CONTAINER: Container = Container {
    name: "FLV",
    audio: AudioFormat { rate: 22_050, packet: 1024, seconds: 6.4, encode: pcm_packet },
    tick: 1e3,
    write: write_clip,
};

/// All rows of FLV.
pub(crate) fn rows(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    let mut rows = common_rows(&CONTAINER, flat, reordered);
    rows.extend(lost_bytes(&CONTAINER, flat, &[500, 2000], ["there is no tag", "there is no tag"]));
    for (name, pictures) in [("", flat), (" of reordered frames", reordered)] {
        // Milliseconds: into the bits of the last byte, and over the sign and the end of them.
        for clock in [(1 << 24) - 2000, (1 << 31) - 2000, (1 << 32) - 2000] {
            let clip = Clip::new(pictures, CONTAINER.audio);
            let name = format!("a clock{name} of {clock} ms");
            let file = write(&clip, clock);
            rows.push(CONTAINER.row(&name, file, Right::Shown(clip.shown)));
        }
    }
    rows
}

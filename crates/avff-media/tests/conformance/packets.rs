//! The packets of a clip, whatever its container, and what is right for them.

use std::ops::Range;

use super::{
    expect::Shown,
    rows::{FPS, frames},
    streams::Pictures,
};

/// A coded picture or a packet of audio. Times are in microseconds.
#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) data: Vec<u8>,
    /// When the packet is presented.
    pub(crate) time: i64,
    /// When the packet is decoded.
    pub(crate) decode: i64,
    pub(crate) sync: bool,
}

/// How a container stores audio.
#[derive(Clone, Copy)]
pub(crate) struct AudioFormat {
    /// Samples per second.
    pub(crate) rate: u32,
    /// Samples of a packet.
    pub(crate) packet: usize,
    /// Seconds of the audio.
    pub(crate) seconds: f64,
    pub(crate) encode: fn(Range<usize>) -> Vec<u8>,
}

/// A clip to change: both tracks, and what is right without a change.
#[derive(Clone)]
pub(crate) struct Clip {
    /// In decode order; each picture follows length fields of four bytes.
    pub(crate) video: Vec<Packet>,
    /// The sample entry of the pictures.
    pub(crate) entry: Vec<u8>,
    pub(crate) audio: Vec<Packet>,
    pub(crate) format: AudioFormat,
    pub(crate) shown: Shown,
}

/// Microseconds of a picture.
pub(crate) const PICTURE: i64 = 40_000;

impl Clip {
    pub(crate) fn new(pictures: &Pictures, format: AudioFormat) -> Self {
        let count = pictures.coded.len();
        let video = (0..).zip(&pictures.coded).map(|(index, picture)| Packet {
            data: picture.data.clone(),
            time: (index + i64::from(picture.delay)) * PICTURE,
            decode: index * PICTURE,
            sync: picture.sync,
        });
        let video: Vec<Packet> = video.collect();
        let first = video.iter().map(|packet| packet.time).min().unwrap() as f64 / 1e6;
        let packets = (format.seconds * f64::from(format.rate)) as usize / format.packet;
        let audio = (0..packets).map(|index| {
            let from = index * format.packet;
            let time = format.time(from);
            let data = (format.encode)(from..from + format.packet);
            Packet { data, time, decode: time, sync: true }
        });
        Self {
            entry: pictures.entry.clone(),
            audio: audio.collect(),
            format,
            shown: Shown {
                frames: frames(first, 0..count),
                video_end: first + count as f64 / FPS,
                audio: vec![(0.0, 0..packets * format.packet)],
                rate: format.rate,
                holes: Vec::new(),
                pauses: false,
                tracks: (1, 1),
                pixel_aspect: (1, 1),
            },
            video,
        }
    }

    /// The number of samples.
    pub(crate) fn samples(&self) -> usize {
        self.format.packet * self.audio.len()
    }

    /// The packets of both tracks in the order of a file: track 0 is the video.
    pub(crate) fn in_order(&self) -> Vec<(usize, &Packet)> {
        let video = self.video.iter().map(|packet| (0, packet));
        let mut all: Vec<_> = video.chain(self.audio.iter().map(|packet| (1, packet))).collect();
        all.sort_by_key(|(_, packet)| packet.decode);
        all
    }
}

impl AudioFormat {
    /// When a sample is played, in microseconds.
    pub(crate) fn time(&self, sample: usize) -> i64 {
        (sample as f64 * 1e6 / f64::from(self.rate)).round() as i64
    }
}

/// Moves packets in time.
pub(crate) fn shift(packets: &mut [Packet], by: i64) {
    for packet in packets {
        packet.time += by;
        packet.decode += by;
    }
}

/// The body of the `avcC` box of a sample entry.
pub(crate) fn avc_config(entry: &[u8]) -> &[u8] {
    let at = entry.windows(4).position(|kind| kind == b"avcC").unwrap();
    let size = u32::from_be_bytes(entry[at - 4..at].try_into().unwrap()) as usize;
    &entry[at + 4..at - 4 + size]
}

/// A picture after start codes, and the parameter sets before a key picture.
pub(crate) fn annex_b(clip: &Clip, picture: &Packet) -> Vec<u8> {
    let mut units: Vec<&[u8]> = vec![&[9, 0xf0]];
    if picture.sync {
        let config = avc_config(&clip.entry);
        let mut rest = &config[6..];
        for _ in 0..2 {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            units.push(&rest[2..2 + length]);
            // The number of picture parameter sets lies between both sets.
            rest = &rest[(3 + length).min(rest.len())..];
        }
    }
    let mut rest = &picture.data[..];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (unit, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        // Delimiters are already there, and only there.
        if unit[0] & 31 != 9 {
            units.push(unit);
        }
        rest = after;
    }
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

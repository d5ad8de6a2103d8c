//! Writes Matroska files. It shares nothing with the reader that it tests.

use super::packets::{Clip, Packet, avc_config};

/// An element: its id, the length of its content, and its content.
pub(crate) fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [identifier(id), size.to_vec(), content.to_vec()].concat()
}

/// An element whose length is not stated.
pub(crate) fn open_element(id: u32, content: &[u8]) -> Vec<u8> {
    [identifier(id), vec![0x01, 255, 255, 255, 255, 255, 255, 255], content.to_vec()].concat()
}

fn identifier(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

pub(crate) fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// A block before it is written.
#[derive(Clone)]
pub(crate) struct Block {
    /// The index of the track.
    pub(crate) track: usize,
    /// In microseconds.
    pub(crate) time: i64,
    pub(crate) sync: bool,
    /// In microseconds; `None` where the file does not say it.
    pub(crate) duration: Option<i64>,
    /// The frames of the block. Several are laced.
    pub(crate) frames: Vec<Vec<u8>>,
    /// Nanoseconds to discard at the end.
    pub(crate) discard: Option<i64>,
}

impl Block {
    pub(crate) fn of(track: usize, packet: &Packet) -> Self {
        Self {
            track,
            time: packet.time,
            sync: packet.sync,
            duration: None,
            frames: vec![packet.data.clone()],
            discard: None,
        }
    }
}

/// How the frames of a block are separated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacing {
    Xiph,
    Fixed,
    Ebml,
}

/// What a file has around its blocks.
#[derive(Clone)]
pub(crate) struct File {
    /// Track entries.
    pub(crate) tracks: Vec<Vec<u8>>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) lacing: Lacing,
    /// Whether segment and clusters state no length, as in live recordings.
    pub(crate) open: bool,
    /// Microseconds of a tick.
    pub(crate) tick: i64,
    /// Ticks of a cluster at most.
    pub(crate) cluster: i64,
    /// Whether the file says where its clusters begin.
    pub(crate) cues: bool,
    /// More elements of the segment.
    pub(crate) extra: Vec<u8>,
}

/// The entry of a track. `more` are further elements.
pub(crate) fn track(
    number_of: u64,
    kind: u64,
    codec: &str,
    private: &[u8],
    more: &[u8],
) -> Vec<u8> {
    let mut body = [number(0xd7, number_of), number(0x73c5, 100 + number_of)].concat();
    body.extend(number(0x83, kind));
    body.extend(element(0x86, codec.as_bytes()));
    if !private.is_empty() {
        body.extend(element(0x63a2, private));
    }
    body.extend(more);
    element(0xae, &body)
}

pub(crate) fn video_track(clip: &Clip, number_of: u64, more: &[u8], display: &[u8]) -> Vec<u8> {
    let size = [number(0xb0, 96), number(0xba, 96), display.to_vec()].concat();
    let more = [element(0xe0, &size), more.to_vec()].concat();
    track(number_of, 1, "V_MPEG4/ISO/AVC", avc_config(&clip.entry), &more)
}

pub(crate) fn audio_track(
    clip: &Clip,
    number_of: u64,
    codec: &str,
    private: &[u8],
    more: &[u8],
) -> Vec<u8> {
    let rate = f64::from(clip.format.rate).to_be_bytes();
    let settings = [element(0xb5, &rate), number(0x9f, 1), number(0x6264, 16)].concat();
    let more = [element(0xe1, &settings), more.to_vec()].concat();
    track(number_of, 2, codec, private, &more)
}

/// Nanoseconds that each frame lasts, for a track entry.
pub(crate) fn default_duration(nanoseconds: u64) -> Vec<u8> {
    number(0x23_e383, nanoseconds)
}

/// Two tracks: the video, and uncompressed audio.
pub(crate) fn file(clip: &Clip) -> File {
    File {
        tracks: vec![
            video_track(clip, 1, &default_duration(40_000_000), &[]),
            audio_track(clip, 2, "A_PCM/INT/LIT", &[], &[]),
        ],
        blocks: clip.in_order().iter().map(|(track, packet)| Block::of(*track, packet)).collect(),
        lacing: Lacing::Xiph,
        open: false,
        tick: 1000,
        cluster: 1000,
        cues: false,
        extra: Vec::new(),
    }
}

pub(crate) fn write_clip(clip: &Clip) -> Vec<u8> {
    write(&file(clip))
}

/// The lengths of all frames but the last, and the data.
fn laced(frames: &[Vec<u8>], lacing: Lacing) -> (u8, Vec<u8>) {
    let count = u8::try_from(frames.len() - 1).unwrap();
    if count == 0 {
        return (0, frames.concat());
    }
    let mut head = vec![count];
    let all_but_last = &frames[..frames.len() - 1];
    let flags = match lacing {
        Lacing::Xiph => {
            for frame in all_but_last {
                head.extend(std::iter::repeat_n(255, frame.len() / 255));
                head.push(u8::try_from(frame.len() % 255).unwrap());
            }
            2
        }
        Lacing::Fixed => 4,
        Lacing::Ebml => {
            let mut before = None;
            for length in all_but_last.iter().map(|frame| i32::try_from(frame.len()).unwrap()) {
                // Four bytes: the first length as it is, then signed differences.
                let coded = match before {
                    None => length,
                    Some(before) => length - before + (1 << 27) - 1,
                };
                head.extend((coded | 1 << 28).to_be_bytes());
                before = Some(length);
            }
            6
        }
    };
    head.extend(frames.concat());
    (flags, head)
}

/// Writes a file.
pub(crate) fn write(file: &File) -> Vec<u8> {
    let header = element(0x1a45_dfa3, &element(0x4282, b"matroska"));
    let info = element(0x1549_a966, &number(0x2a_d7b1, 1000 * file.tick as u64));
    let tracks = element(0x1654_ae6b, &file.tracks.concat());
    let head = [info, tracks, file.extra.clone()].concat();
    let mut clusters = Vec::new();
    let mut cues = Vec::new();
    let mut body = Vec::new();
    let mut start = None;
    let finish = |start: Option<i64>, body: &mut Vec<u8>, clusters: &mut Vec<u8>| {
        let Some(start) = start else { return };
        let content = [number(0xe7, u64::try_from(start).unwrap()), std::mem::take(body)].concat();
        let write = if file.open { open_element } else { element };
        clusters.extend(write(0x1f43_b675, &content));
    };
    let ticks = |time: i64| (time as f64 / file.tick as f64).round() as i64;
    for block in &file.blocks {
        let at = ticks(block.time);
        if start.is_none_or(|start| at - start > file.cluster || at < start - 1000) {
            finish(start, &mut body, &mut clusters);
            start = Some(at);
            let time = number(0xb3, u64::try_from(at).unwrap());
            let at = (head.len() + clusters.len()) as u64;
            let positions = [number(0xf7, 1), number(0xf1, at)].concat();
            cues.extend(element(0xbb, &[time, element(0xb7, &positions)].concat()));
        }
        let (lacing, data) = laced(&block.frames, file.lacing);
        let relative = i16::try_from(at - start.unwrap()).unwrap().to_be_bytes();
        let head = |flags: u8| {
            let track = 0x80 | u8::try_from(block.track + 1).unwrap();
            [&[track], &relative[..], &[flags | lacing], &data].concat()
        };
        if block.duration.is_none() && block.discard.is_none() {
            body.extend(element(0xa3, &head(u8::from(block.sync) << 7)));
        } else {
            let duration = block.duration.map(|time| number(0x9b, ticks(time) as u64));
            let mut group = element(0xa1, &head(0));
            group.extend(duration.unwrap_or_default());
            if !block.sync {
                group.extend(element(0xfb, &[0xd8]));
            }
            let discard = block.discard.map(|time| element(0x75a2, &time.to_be_bytes()));
            group.extend(discard.unwrap_or_default());
            body.extend(element(0xa0, &group));
        }
    }
    finish(start, &mut body, &mut clusters);
    let mut content = [head, clusters].concat();
    if file.cues {
        content.extend(element(0x1c53_bb6b, &cues));
    }
    let write = if file.open { open_element } else { element };
    [header, write(0x1853_8067, &content)].concat()
}

//! Writes AVI files. It shares nothing with the reader that it tests.

use super::packets::{Clip, annex_b};

/// What is unusual about a file.
#[derive(Clone, Default)]
pub(crate) struct Layout {
    /// When the video starts, in pictures.
    pub(crate) video_start: u32,
    /// When the audio starts, in samples.
    pub(crate) audio_start: u32,
    /// The pictures before which a chunk is empty, and how many are: the picture before is shown again.
    pub(crate) empty: Vec<(usize, usize)>,
    /// Packets of audio in a chunk.
    pub(crate) interleave: usize,
    /// Whether the file has no index.
    pub(crate) no_index: bool,
    /// Audio tracks that come before the one of the clip, with half the level.
    pub(crate) other_audio: bool,
    /// Width and height of the whole frame as displayed.
    pub(crate) aspect: Option<(u16, u16)>,
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    let padding = &[0][..body.len() % 2];
    [&name[..], &length, body, padding].concat()
}

fn list(name: &[u8; 4], kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(name, &[kind.to_vec(), chunks.concat()].concat())
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A stream: its kind, units a second as a fraction, when it starts and how long it is in units, the
/// bytes of a unit or 0, and its format.
fn stream(
    kind: &[u8; 4],
    [rate, scale, start, length, size]: [u32; 5],
    format: &[u8],
    more: &[u8],
) -> Vec<u8> {
    let handler = if kind == b"vids" { *b"H264" } else { [0; 4] };
    let mut header = [kind.to_vec(), handler.to_vec(), vec![0; 12]].concat();
    header.extend(words(&[scale, rate, start, length, 1 << 16, u32::MAX, size]));
    header.extend([0; 8]);
    list(b"LIST", b"strl", &[chunk(b"strh", &header), chunk(b"strf", format), more.to_vec()])
}

pub(crate) fn write(clip: &Clip, layout: &Layout) -> Vec<u8> {
    let pictures = u32::try_from(clip.video.len()).unwrap();
    let empty: usize = layout.empty.iter().map(|(_, count)| count).sum();
    let frames = pictures + u32::try_from(empty).unwrap();
    let samples = u32::try_from(clip.samples()).unwrap();
    let rate = clip.format.rate;
    let avih = [40_000, 0, 0, 0x10, frames, 0, 2, 1 << 16, 96, 96, 0, 0, 0, 0];
    let bitmap = [words(&[40, 96, 96, 24 << 16 | 1]), b"H264".to_vec(), words(&[0, 0, 0, 0, 0])];
    let wave = [words(&[1 << 16 | 1, rate, 2 * rate]), vec![2, 0, 16, 0, 0, 0]].concat();
    let aspect = layout.aspect.map(|(width, height)| {
        let ratio = u32::from(width) << 16 | u32::from(height);
        chunk(b"vprp", &words(&[0, 0, 25, 96, 96, ratio, 96, 96, 0]))
    });
    let video = [25, 1, layout.video_start, frames, 0];
    let audio = [2 * rate, 2, layout.audio_start, samples, 2];
    let mut headers = vec![
        chunk(b"avih", &words(&avih)),
        stream(b"vids", video, &bitmap.concat(), &aspect.unwrap_or_default()),
    ];
    headers
        .extend((0..=usize::from(layout.other_audio)).map(|_| stream(b"auds", audio, &wave, &[])));
    let mut chunks = Vec::new();
    let mut index = Vec::new();
    let mut put = |name: [u8; 4], key: bool, data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap();
        let at = u32::try_from(4 + chunks.len()).unwrap();
        index.extend([name.to_vec(), words(&[u32::from(key) << 4, at, length])].concat());
        chunks.extend(chunk(&name, data));
    };
    let mut shown = 0;
    let mut waiting: Vec<u8> = Vec::new();
    let mut written = 0;
    for (track, packet) in clip.in_order() {
        if track == 0 {
            let repeats = layout.empty.iter().find(|(before, _)| *before == shown);
            for _ in 0..repeats.map_or(0, |(_, count)| *count) {
                put(*b"00dc", false, &[]);
            }
            put(*b"00dc", packet.sync, &annex_b(clip, packet));
            shown += 1;
            continue;
        }
        waiting.extend(&packet.data);
        written += 1;
        if written % layout.interleave.max(1) == 0 || written == clip.audio.len() {
            let data = std::mem::take(&mut waiting);
            if layout.other_audio {
                put(*b"01wb", true, &vec![0; data.len()]);
                put(*b"02wb", true, &data);
            } else {
                put(*b"01wb", true, &data);
            }
        }
    }
    let mut parts = vec![list(b"LIST", b"hdrl", &headers), list(b"LIST", b"movi", &[chunks])];
    if !layout.no_index {
        parts.push(chunk(b"idx1", &index));
    }
    list(b"RIFF", b"AVI ", &parts)
}

//! An FLV file of the samples of an MP4 file with H.264 and AAC.

use super::super::fixtures::Clip;

/// The sample rates that AAC numbers, in Hz (ISO/IEC 14496-3, table 1.18).
const AAC_RATES: [usize; 12] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

fn three_bytes(value: i64) -> [u8; 3] {
    let [.., a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// A tag: its type, its time in milliseconds, and its content; then its size.
fn tag(kind: u8, time: i64, content: &[u8]) -> Vec<u8> {
    let mut tag = vec![kind];
    tag.extend(three_bytes(i64::try_from(content.len()).unwrap()));
    tag.extend(three_bytes(time));
    tag.extend([0; 4]);
    tag.extend(content);
    let length = u32::try_from(tag.len()).unwrap();
    [tag, length.to_be_bytes().to_vec()].concat()
}

/// Writes the samples of a clip.
pub fn of_mp4(clip: &Clip) -> Vec<u8> {
    let part = |kind: &[u8; 4]| clip.parts.iter().find(|part| part.kind == *kind).unwrap();
    let word =
        |at: usize| i64::from(u32::from_be_bytes(clip.bytes[at..at + 4].try_into().unwrap()));
    let headers: Vec<_> = clip.parts.iter().filter(|part| part.kind == *b"mdhd").collect();
    let avcc = &clip.bytes[part(b"avcC").body()];
    // Rate and channels of the sample entry, as the configuration of AAC-LC states them.
    let entry = part(b"mp4a").body().start;
    let rate = usize::try_from(word(entry + 24) >> 16).unwrap();
    let rate = u16::try_from(AAC_RATES.iter().position(|&other| other == rate).unwrap()).unwrap();
    let config = 2 << 11 | rate << 7 | u16::from(clip.bytes[entry + 17]) << 3;
    let mut tags = vec![
        (-1, tag(9, 0, &[&[0x17, 0, 0, 0, 0], avcc].concat())),
        (-1, tag(8, 0, &[&[0xaf, 0][..], &config.to_be_bytes()].concat())),
    ];
    for (track, header) in clip.tracks.iter().zip(headers) {
        let scale = word(header.body().start + 12);
        // The edit list of the fixtures starts video at its first frame.
        let first = track.samples.iter().filter_map(|sample| sample.shift).min().unwrap_or(0);
        let mut ticks = 0;
        for sample in &track.samples {
            let shift = i64::try_from(sample.shift.unwrap_or(0)).unwrap();
            let decode = ticks * 1000 / scale;
            let shown = (ticks + shift - i64::try_from(first).unwrap()) * 1000 / scale;
            let content = if track.video {
                let head = [if sample.sync { 0x17 } else { 0x27 }, 1];
                [&head[..], &three_bytes(shown - decode), &sample.data].concat()
            } else {
                [&[0xaf, 1][..], &sample.data].concat()
            };
            tags.push((decode, tag(if track.video { 9 } else { 8 }, decode, &content)));
            ticks += i64::try_from(sample.duration).unwrap();
        }
    }
    tags.sort_by_key(|(time, _)| *time);
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    file.extend(tags.into_iter().flat_map(|(_, tag)| tag));
    file
}

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// The end of the GUID of a Wave64 chunk, after its name.
const GUID: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];
/// The end of the GUID of an extensible format, after its tag.
const TAG_GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

fn fmt(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(8000_u32.to_le_bytes());
    body.extend((8000 * u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

/// An extensible format whose GUID ends with `guid`.
fn extensible(tag: u16, channels: u16, bits: u16, guid: [u8; 14]) -> Vec<u8> {
    let mut body = fmt(0xfffe, channels, bits);
    body.extend(22_u16.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body.extend([0; 4]);
    body.extend(tag.to_le_bytes());
    body.extend(guid);
    body
}

/// A chunk of RIFF that states `size` bytes.
fn sized(name: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    let mut out = name.to_vec();
    out.extend(size.to_le_bytes());
    out.extend(body);
    out
}

/// A complete and padded chunk of RIFF.
fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = sized(name, body.len() as u32, body);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

fn riff(magic: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let mut out = sized(magic, body.len() as u32 + 4, b"WAVE");
    out.extend(body);
    out
}

/// A chunk of Wave64 that states `size` bytes, header included.
fn wave64_sized(name: &[u8; 4], size: u64, body: &[u8]) -> Vec<u8> {
    let mut out = name.to_vec();
    out.extend(GUID);
    out.extend(size.to_le_bytes());
    out.extend(body);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn wave64_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    wave64_sized(name, body.len() as u64 + 24, body)
}

fn wave64(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"riff".to_vec();
    out.extend([0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 4, 0xc1, 0, 0]);
    out.extend(0_u64.to_le_bytes());
    out.extend(b"wave");
    out.extend(GUID);
    out.extend(chunks.concat());
    out
}

/// Sixteen-bit mono audio of 1, 2, 3 and so on.
fn ramp(samples: i16) -> Vec<u8> {
    (1..=samples).flat_map(i16::to_le_bytes).collect()
}

/// Returns the levels of the channels in steps of 16 bits, and the notes.
fn read(bytes: &[u8]) -> Result<(Vec<Vec<i32>>, Vec<String>), MediaError> {
    let mut wav = Wav::new(Cursor::new(bytes.to_vec()), bytes.len() as u64)?;
    let notes = wav.notes().to_vec();
    let level = |sample: f32| (sample * 32768.0) as i32;
    let channels = wav.whole()?.channels;
    Ok((
        channels.into_iter().map(|samples| samples.into_iter().map(level).collect()).collect(),
        notes,
    ))
}

/// Reads a file that must need no assumptions.
fn plain(bytes: &[u8]) -> Vec<Vec<i32>> {
    let (channels, notes) = read(bytes).unwrap();
    assert_eq!(notes, [""; 0]);
    channels
}

#[test]
fn placeholder_sizes_are_read_to_the_end_with_a_note() {
    for size in
        [0, 0x7fff_f000, 0x7fff_ff00, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff_u32]
    {
        let file = riff(b"RIFF", &[chunk(b"fmt ", &fmt(1, 1, 16)), sized(b"data", size, &ramp(5))]);
        let (channels, notes) = read(&file).unwrap();
        assert_eq!(channels, [[1, 2, 3, 4, 5]], "{size:x}");
        let note = format!(
            "The header of the WAV file does not state how long the audio is: its size is the \
             placeholder 0x{size:x}. The audio was read to the end of the file, 5 samples per \
             channel."
        );
        assert_eq!(notes, [note]);
    }
}

#[test]
fn other_sizes_past_the_end_are_truncated() {
    for size in [11, 12, 0x7fff_effe, 0x7fff_fffe, 0xffff_fffd_u32] {
        let file = riff(b"RIFF", &[chunk(b"fmt ", &fmt(1, 1, 16)), sized(b"data", size, &ramp(5))]);
        let error = read(&file).unwrap_err();
        let end = 44 + u64::from(size);
        assert!(
            matches!(error, MediaError::Truncated { needed, size: 54, .. } if needed == end),
            "{size:x}: {error}"
        );
    }
}

#[test]
fn empty_audio_before_other_chunks_is_empty() {
    let format = chunk(b"fmt ", &fmt(1, 1, 16));
    let empty = sized(b"data", 0, &[]);
    let list = chunk(b"LIST", b"INFOabc");
    assert_eq!(plain(&riff(b"RIFF", &[format.clone(), empty.clone()])), [[0; 0]]);
    let mut with_list = riff(b"RIFF", &[format.clone(), empty.clone(), list.clone(), list]);
    assert_eq!(plain(&with_list), [[0; 0]]);
    with_list.pop();
    assert_eq!(plain(&with_list), [[0; 0]], "the last chunk lacks its padding");
    with_list.pop();
    let (channels, notes) = read(&with_list).unwrap();
    assert_eq!((channels[0].len(), notes.len()), (15, 1), "the bytes are no chunks");
}

#[test]
fn chunks_before_and_after_the_audio_are_skipped() {
    let file = riff(
        b"RIFF",
        &[
            chunk(b"JUNK", &[7; 28]),
            chunk(b"fmt ", &fmt(1, 1, 16)),
            chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!!"),
            chunk(b"fact", &[0; 4]),
            chunk(b"data", &ramp(3)),
            chunk(b"LIST", b"after"),
        ],
    );
    assert_eq!(plain(&file), [[1, 2, 3]]);
    let late = riff(b"RIFF", &[chunk(b"data", &ramp(3)), chunk(b"fmt ", &fmt(1, 1, 16))]);
    assert!(matches!(read(&late), Err(MediaError::Malformed { .. })));
}

#[test]
fn incomplete_last_sample_is_left_out_with_a_note() {
    let data = &ramp(5)[..9];
    let file = riff(b"RIFF", &[chunk(b"fmt ", &fmt(1, 2, 16)), chunk(b"data", data)]);
    let (channels, notes) = read(&file).unwrap();
    assert_eq!(channels, [[1, 3], [2, 4]]);
    let note = "The audio of the WAV file ends inside a sample, which was left out: 1 of 4 bytes \
                are there.";
    assert_eq!(notes, [note]);
}

#[test]
fn every_width_and_both_forms_of_the_format_are_read() {
    let float = |value: f32| value.to_le_bytes().to_vec();
    let double = |value: f64| value.to_le_bytes().to_vec();
    for (tag, bits, sample) in [
        (1, 8, vec![0x40]),
        (1, 16, vec![0, 0xc0]),
        (1, 24, vec![0, 0, 0xc0]),
        (1, 32, vec![0, 0, 0, 0xc0]),
        (3, 32, float(-0.5)),
        (3, 64, double(-0.5)),
    ] {
        let data = [sample.clone(), sample].concat();
        for format in [fmt(tag, 2, bits), extensible(tag, 2, bits, TAG_GUID)] {
            let file = riff(b"RIFF", &[chunk(b"fmt ", &format), chunk(b"data", &data)]);
            assert_eq!(plain(&file), [[-16_384], [-16_384]], "format {tag} of {bits} bits");
        }
    }
    let mut compressed = TAG_GUID;
    compressed[2..4].copy_from_slice(&[0xea, 0x0c]);
    let format = extensible(3, 2, 32, compressed);
    let file = riff(b"RIFF", &[chunk(b"fmt ", &format), chunk(b"data", &[0; 8])]);
    assert!(matches!(read(&file), Err(MediaError::UnsupportedCodec { .. })));
}

#[test]
fn rf64_takes_its_size_from_ds64() {
    let ds64 = |size: u64| {
        let body = [0_u64, size, 0].map(u64::to_le_bytes).concat();
        chunk(b"ds64", &[body, vec![0; 4]].concat())
    };
    let format = chunk(b"fmt ", &fmt(1, 1, 16));
    let data = [sized(b"data", u32::MAX, &ramp(4)), chunk(b"LIST", b"tail")].concat();
    for magic in [b"RF64", b"BW64"] {
        let file = riff(magic, &[ds64(8), format.clone(), data.clone()]);
        assert_eq!(plain(&file), [[1, 2, 3, 4]]);
    }
    let truncated = riff(b"RF64", &[ds64(1 << 40), format.clone(), data]);
    assert!(matches!(read(&truncated), Err(MediaError::Truncated { .. })));
    let piped = sized(b"data", u32::MAX, &ramp(4));
    for size in [0, u64::MAX, i64::MAX as u64] {
        let (channels, notes) =
            read(&riff(b"RF64", &[ds64(size), format.clone(), piped.clone()])).unwrap();
        assert_eq!((channels, notes.len()), (vec![vec![1, 2, 3, 4]], 1), "{size:x}");
    }
    // RF64 whose audio fits into 32 bits states its size in the chunk itself.
    let short = riff(b"RF64", &[ds64(0), format.clone(), chunk(b"data", &ramp(2))]);
    assert_eq!(plain(&short), [[1, 2]]);
    let broken = riff(b"RF64", &[chunk(b"ds64", &[0; 8]), format, piped]);
    assert!(matches!(read(&broken), Err(MediaError::Malformed { .. })));
}

#[test]
fn wave64_is_read() {
    let format = wave64_chunk(b"fmt ", &fmt(1, 2, 16));
    let other = wave64_chunk(b"fact", &[1; 13]);
    let file = wave64(&[format.clone(), other, wave64_chunk(b"data", &ramp(6))]);
    assert_eq!(plain(&file), [[1, 3, 5], [2, 4, 6]]);
    let sized = |size| wave64(&[format.clone(), wave64_sized(b"data", size, &ramp(4))]);
    for size in [i64::MAX as u64, u64::MAX, 24] {
        let (channels, notes) = read(&sized(size)).unwrap();
        assert_eq!((channels, notes.len()), (vec![vec![1, 3], vec![2, 4]], 1), "{size:x}");
    }
    assert!(matches!(read(&sized(33)), Err(MediaError::Truncated { .. })));
    assert!(matches!(read(&sized(23)), Err(MediaError::Malformed { .. })));
    let mut foreign = file;
    foreign[30] ^= 1;
    assert!(matches!(read(&foreign), Err(MediaError::Malformed { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn changed_bytes_never_read_past_the_file(
        kind in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
    ) {
        let format = fmt(1, 2, 16);
        let mut file = match kind {
            0 => riff(b"RIFF", &[chunk(b"LIST", b"abc"), chunk(b"fmt ", &format), chunk(b"data", &ramp(6))]),
            1 => riff(b"RF64", &[
                chunk(b"ds64", &[0; 28]), chunk(b"fmt ", &format), sized(b"data", u32::MAX, &ramp(6)),
            ]),
            _ => wave64(&[wave64_chunk(b"fmt ", &format), wave64_chunk(b"data", &ramp(6))]),
        };
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(length.index(file.len()) + 1);
        if let Ok((channels, _)) = read(&file) {
            prop_assert!(channels.iter().map(Vec::len).sum::<usize>() <= file.len());
        }
    }
}

//! The content of a cache entry: sizes, followed by the values, all little-endian.
//!
//! Decoding checks every size against the spec or the available bytes.

use crate::spec::{AudioSpec, VideoSpec};
use avff_media::{Audio, Frame, MAX_CHANNELS};

pub(super) fn encode_frames(frames: &[Frame]) -> Vec<u8> {
    let (width, height) = frames.first().map_or((0, 0), |first| (first.width, first.height));
    let mut bytes = numbers(&[frames.len(), width, height]);
    bytes.reserve_exact(frames.iter().map(|frame| frame.rgb.len()).sum());
    frames.iter().for_each(|frame| bytes.extend_from_slice(&frame.rgb));
    bytes
}

pub(super) fn decode_frames(bytes: &[u8], spec: &VideoSpec) -> Option<Vec<Frame>> {
    let (sizes, rgb) = bytes.split_at_checked(3 * size_of::<u64>())?;
    if sizes != numbers(&[spec.frames, spec.width, spec.height]) || rgb.len() != spec.values() {
        return None;
    }
    let size = 3 * spec.width * spec.height;
    let frame = |rgb: &[u8]| Frame { width: spec.width, height: spec.height, rgb: rgb.to_vec() };
    Some(rgb.chunks_exact(size).map(frame).collect())
}

pub(super) fn encode_fbank(rows: &[f32]) -> Vec<u8> {
    floats(rows).collect()
}

pub(super) fn decode_fbank(bytes: &[u8], spec: &AudioSpec) -> Option<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<4>();
    if values.len() != spec.values() || !rest.is_empty() {
        return None;
    }
    Some(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
}

pub(super) fn encode_wave(audio: &Audio) -> Vec<u8> {
    // A u32 fits a usize on every platform with a decoder.
    let mut bytes = numbers(&[audio.rate as usize, audio.channels.len(), audio.len()]);
    audio.channels.iter().for_each(|channel| bytes.extend(floats(channel)));
    bytes
}

pub(super) fn decode_wave(bytes: &[u8]) -> Option<Audio> {
    let (sizes, samples) = bytes.split_at_checked(3 * size_of::<u64>())?;
    let mut sizes = sizes.as_chunks::<8>().0.iter().map(|&size| u64::from_le_bytes(size));
    let rate = u32::try_from(sizes.next()?).ok()?;
    let channels = usize::try_from(sizes.next()?).ok()?;
    let length = usize::try_from(sizes.next()?).ok()?;
    let (samples, rest) = samples.as_chunks::<4>();
    let complete = channels.checked_mul(length)? == samples.len() && rest.is_empty();
    if !complete || !(1..=MAX_CHANNELS as usize).contains(&channels) || length == 0 {
        return None;
    }
    let channel = |samples: &[[u8; 4]]| samples.iter().map(|&s| f32::from_le_bytes(s)).collect();
    Some(Audio { rate, channels: samples.chunks_exact(length).map(channel).collect() })
}

fn numbers(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|&value| (value as u64).to_le_bytes()).collect()
}

fn floats(values: &[f32]) -> impl Iterator<Item = u8> {
    values.iter().flat_map(|value| value.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::ClipSpec;

    fn spec() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (2, 3, 4);
        (spec.audio.frames, spec.audio.mels) = (5, 4);
        spec
    }

    #[test]
    fn entries_round_trip_exactly() {
        let spec = spec();
        let frame = |level| Frame { width: 4, height: 3, rgb: vec![level; 36] };
        let frames = vec![frame(3), frame(250)];
        assert_eq!(decode_frames(&encode_frames(&frames), &spec.video), Some(frames));
        let rows: Vec<f32> = (0..20).map(|i| (i as f32).sqrt() - 2.0).collect();
        assert_eq!(decode_fbank(&encode_fbank(&rows), &spec.audio), Some(rows));
        let audio = Audio { rate: 44_100, channels: vec![vec![0.1, -0.2, 3.0], vec![0.0; 3]] };
        assert_eq!(decode_wave(&encode_wave(&audio)), Some(audio));
    }

    #[test]
    fn mismatched_sizes_are_rejected() {
        let mut spec = spec();
        let frames = vec![Frame { width: 4, height: 3, rgb: vec![1; 36] }; 2];
        let bytes = encode_frames(&frames);
        (spec.video.height, spec.video.width) = (4, 3);
        assert_eq!(decode_frames(&bytes, &spec.video), None, "equal byte count, sides swapped");
        assert_eq!(decode_fbank(&[0; 4 * 21], &spec.audio), None);
        let empty = Audio { rate: 8_000, channels: vec![Vec::new()] };
        assert_eq!(decode_wave(&encode_wave(&empty)), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            sizes in proptest::array::uniform3(prop_oneof![0..5_u64, any::<u64>()]),
        ) {
            let spec = spec();
            let with_header: Vec<u8> =
                sizes.iter().flat_map(|size| size.to_le_bytes()).chain(bytes.clone()).collect();
            for bytes in [bytes, with_header] {
                let _ = decode_frames(&bytes, &spec.video);
                let _ = decode_fbank(&bytes, &spec.audio);
                if let Some(audio) = decode_wave(&bytes) {
                    prop_assert!(audio.channels.iter().all(|channel| channel.len() == audio.len()));
                    prop_assert_eq!(encode_wave(&audio).len(), bytes.len());
                }
            }
        }
    }
}

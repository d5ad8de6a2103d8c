//! What is in an entry: sizes, then the bytes themselves, all little-endian.
//!
//! Reading checks every size against the spec or the bytes that are there, whoever wrote them.

use crate::spec::{AudioSpec, VideoSpec};
use avff_media::{Audio, Frame, MAX_CHANNELS};

pub(super) fn of_pictures(pictures: &[Frame]) -> Vec<u8> {
    let (width, height) = pictures.first().map_or((0, 0), |first| (first.width, first.height));
    let mut bytes = numbers(&[pictures.len(), width, height]);
    bytes.reserve_exact(pictures.iter().map(|picture| picture.rgb.len()).sum());
    pictures.iter().for_each(|picture| bytes.extend_from_slice(&picture.rgb));
    bytes
}

pub(super) fn pictures(bytes: &[u8], spec: &VideoSpec) -> Option<Vec<Frame>> {
    let (sizes, rgb) = bytes.split_at_checked(3 * size_of::<u64>())?;
    if sizes != numbers(&[spec.frames, spec.width, spec.height]) || rgb.len() != spec.values() {
        return None;
    }
    let size = 3 * spec.width * spec.height;
    let picture = |rgb: &[u8]| Frame { width: spec.width, height: spec.height, rgb: rgb.to_vec() };
    Some(rgb.chunks_exact(size).map(picture).collect())
}

pub(super) fn of_fbank(rows: &[f32]) -> Vec<u8> {
    floats(rows).collect()
}

pub(super) fn fbank(bytes: &[u8], spec: &AudioSpec) -> Option<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<4>();
    if values.len() != spec.values() || !rest.is_empty() {
        return None;
    }
    Some(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
}

pub(super) fn of_wave(sound: &Audio) -> Vec<u8> {
    // A u32 fits a usize on every platform there is a decoder for.
    let mut bytes = numbers(&[sound.rate as usize, sound.channels.len(), sound.len()]);
    sound.channels.iter().for_each(|channel| bytes.extend(floats(channel)));
    bytes
}

pub(super) fn wave(bytes: &[u8]) -> Option<Audio> {
    let (sizes, samples) = bytes.split_at_checked(3 * size_of::<u64>())?;
    let mut sizes = sizes.as_chunks::<8>().0.iter().map(|&size| u64::from_le_bytes(size));
    let rate = u32::try_from(sizes.next()?).ok()?;
    let channels = usize::try_from(sizes.next()?).ok()?;
    let length = usize::try_from(sizes.next()?).ok()?;
    let (samples, rest) = samples.as_chunks::<4>();
    let whole = channels.checked_mul(length)? == samples.len() && rest.is_empty();
    if !whole || !(1..=MAX_CHANNELS as usize).contains(&channels) || length == 0 {
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
    fn entries_come_back_to_the_last_bit() {
        let spec = spec();
        let picture = |level| Frame { width: 4, height: 3, rgb: vec![level; 36] };
        let shown = vec![picture(3), picture(250)];
        assert_eq!(pictures(&of_pictures(&shown), &spec.video), Some(shown));
        let rows: Vec<f32> = (0..20).map(|i| (i as f32).sqrt() - 2.0).collect();
        assert_eq!(fbank(&of_fbank(&rows), &spec.audio), Some(rows));
        let sound = Audio { rate: 44_100, channels: vec![vec![0.1, -0.2, 3.0], vec![0.0; 3]] };
        assert_eq!(wave(&of_wave(&sound)), Some(sound));
    }

    #[test]
    fn other_sizes_are_no_entry() {
        let mut spec = spec();
        let shown = vec![Frame { width: 4, height: 3, rgb: vec![1; 36] }; 2];
        let bytes = of_pictures(&shown);
        (spec.video.height, spec.video.width) = (4, 3);
        assert_eq!(pictures(&bytes, &spec.video), None, "as many bytes, turned round");
        assert_eq!(fbank(&[0; 4 * 21], &spec.audio), None);
        let empty = Audio { rate: 8_000, channels: vec![Vec::new()] };
        assert_eq!(wave(&of_wave(&empty)), None);
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_an_entry_or_none(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            sizes in proptest::array::uniform3(prop_oneof![0..5_u64, any::<u64>()]),
        ) {
            let spec = spec();
            let headed: Vec<u8> =
                sizes.iter().flat_map(|size| size.to_le_bytes()).chain(bytes.clone()).collect();
            for bytes in [bytes, headed] {
                let _ = pictures(&bytes, &spec.video);
                let _ = fbank(&bytes, &spec.audio);
                if let Some(sound) = wave(&bytes) {
                    prop_assert!(sound.channels.iter().all(|channel| channel.len() == sound.len()));
                    prop_assert_eq!(of_wave(&sound).len(), bytes.len());
                }
            }
        }
    }
}

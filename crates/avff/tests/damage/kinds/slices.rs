//! Coded data inside the frames of a track: behind the headers of H.264, anywhere in other codecs.

use super::{
    super::{change::Change, fixtures::Clip, h264, random::Random},
    Damaged, choose,
};

/// Bytes at the start of a sample that hold headers, where the codec is not H.264.
const HEADERS: usize = 40;

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    let index = choose(clips, random, |clip| clip.track(true).is_some());
    let clip = &clips[index];
    let track = clip.track(true).unwrap();
    let is_h264 = matches!(clip.video, "CABAC" | "CAVLC");
    let (number, range) = loop {
        let number = random.below(track.samples.len());
        let sample = &track.samples[number];
        if is_h264 {
            let slices = h264::slice_data(&sample.data);
            if !slices.is_empty() {
                let slice = slices[random.below(slices.len())].clone();
                break (number, sample.at + slice.start..sample.at + slice.end);
            }
        } else if sample.data.len() > HEADERS + 16 {
            break (number, sample.at + HEADERS..sample.at + sample.data.len());
        }
    };
    let change = random.choose(&Change::ALL);
    let mut bytes = clip.bytes.clone();
    change.apply(&mut bytes, range, random);
    let site = format!("{}, {}", clip.video, change.name());
    Damaged { clip: index, site, what: format!("frame {number} in decode order"), bytes }
}

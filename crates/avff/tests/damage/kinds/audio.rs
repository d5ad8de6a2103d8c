//! Bytes inside audio packets.

use super::{
    super::{change::Change, fixtures::Clip, random::Random},
    Damaged, choose,
};

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    // Silence in place of silence is no damage.
    let fits = |clip: &Clip| clip.track(false).is_some() && clip.video != "CAVLC";
    let index = choose(clips, random, fits);
    let clip = &clips[index];
    let track = clip.track(false).unwrap();
    let number = random.below(track.samples.len());
    let sample = &track.samples[number];
    let range = sample.at..sample.at + sample.data.len();
    let mut bytes = clip.bytes.clone();
    let site = if random.below(6) == 0 && bytes[range.clone()].iter().any(|&byte| byte != 0) {
        bytes[range].fill(0);
        format!("{}, packet of zeros", clip.audio)
    } else {
        let change = random.choose(&Change::ALL);
        change.apply(&mut bytes, range, random);
        format!("{}, {}", clip.audio, change.name())
    };
    Damaged { clip: index, site, what: format!("packet {number}"), bytes }
}

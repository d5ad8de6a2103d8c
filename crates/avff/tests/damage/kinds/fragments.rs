//! Fragments of MP4 that are missing or come twice.

use super::{
    super::{fixtures::Clip, mp4::Part, random::Random},
    Damaged, choose,
};

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    let is_fragment = |part: &&Part| part.kind == *b"moof";
    let index = choose(clips, random, |clip| clip.parts.iter().any(|part| is_fragment(&part)));
    let clip = &clips[index];
    // Each fragment is its description and the media after it.
    let heads: Vec<usize> =
        clip.parts.iter().filter(is_fragment).map(|part| part.bytes.start).collect();
    let media =
        |at: usize| clip.parts.iter().find(|part| part.bytes.start > at && part.kind == *b"mdat");
    let fragment = |number: usize| heads[number]..media(heads[number]).unwrap().bytes.end;
    let number = random.below(heads.len());
    let last = (number + random.below(2)).min(heads.len() - 1);
    let range = fragment(number).start..fragment(last).end;
    let mut bytes = clip.bytes.clone();
    let site = if random.below(3) == 0 {
        let copy = bytes[range.clone()].to_vec();
        bytes.splice(range.end..range.end, copy);
        "twice"
    } else {
        bytes.drain(range);
        match (number, last + 1 == heads.len()) {
            (0, _) => "lost at the start",
            (_, true) => "lost at the end",
            _ => "lost in the middle",
        }
    };
    Damaged { clip: index, site: site.into(), what: format!("fragments {number} to {last}"), bytes }
}

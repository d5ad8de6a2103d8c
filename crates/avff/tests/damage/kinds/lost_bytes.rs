//! Holes in FLV, Matroska, WebM and AVI: bytes that are missing or become zeros.

use super::{
    super::{fixtures::Clip, random::Random},
    Damaged, choose,
};

/// Where the media starts at the latest, in bytes.
const HEAD: usize = 1024;

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    let index =
        choose(clips, random, |clip| matches!(clip.ending(), "flv" | "mkv" | "webm" | "avi"));
    let clip = &clips[index];
    let mut bytes = clip.bytes.clone();
    let start = HEAD + random.below(bytes.len() - HEAD - 64);
    let end = (start + 64 + random.below(4096)).min(bytes.len());
    let mut site = clip.ending().to_owned();
    if end == bytes.len() {
        bytes.truncate(start);
        site += ", cut at the end";
    } else if random.below(2) == 0 {
        bytes.drain(start..end);
        site += ", missing";
    } else {
        bytes[start..end].fill(0);
        site += ", zeros";
    }
    Damaged { clip: index, site, what: format!("bytes {start} to {end}"), bytes }
}

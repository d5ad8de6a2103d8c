//! Divides speakers into splits.

use std::collections::{BTreeMap, BTreeSet};

use avff_datasets::layout::Split;

/// Divides speakers `(source, name)` into splits, so that no speaker is in two splits: about 15 in
/// 100 are for validation and 15 for testing.
///
/// Within each source, the order of speakers is that of their names' hashes. A source with three or
/// more speakers has at least one in every split; one with two has one for training; a single
/// speaker's hash decides. A speaker of several sources belongs to the split of the first of them
/// in alphabetical order.
#[must_use]
pub fn split_speakers<'a>(
    speakers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, Split> {
    let mut sources: BTreeMap<&str, BTreeSet<(u64, &str)>> = BTreeMap::new();
    for (source, name) in speakers {
        sources.entry(source).or_default().insert((hash(name), name));
    }
    let mut splits = BTreeMap::new();
    for names in sources.values() {
        let (count, held) = (names.len(), (0.15 * names.len() as f64).round() as usize);
        let held = if count >= 3 { held.max(1) } else { 0 };
        for (at, &(hash, name)) in names.iter().enumerate() {
            let split = match (count, at) {
                (1, _) => by_hash(hash),
                (2, 0) => [Split::Val, Split::Test][usize::from(hash % 2 == 1)],
                (2, _) => Split::Train,
                _ if at < held => Split::Val,
                _ if at < 2 * held => Split::Test,
                _ => Split::Train,
            };
            splits.entry(name.to_owned()).or_insert(split);
        }
    }
    splits
}

/// Returns the split of a source's only speaker.
fn by_hash(hash: u64) -> Split {
    match hash % 100 {
        0..15 => Split::Val,
        15..30 => Split::Test,
        _ => Split::Train,
    }
}

/// The hash FNV-1a with 64 bits and a final mixing, as similar names have similar hashes before it.
fn hash(name: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sources_are_in_every_split() {
        let names: Vec<String> = (0..40).map(|at| format!("speaker-{at}")).collect();
        let all = names.iter().map(|name| ("many", name.as_str()));
        let splits = split_speakers(all.chain([("few", "a"), ("few", "b"), ("few", "c")]));
        let count = |split| splits.values().filter(|&&of| of == split).count();
        assert_eq!((count(Split::Val), count(Split::Test), count(Split::Train)), (7, 7, 29));
        assert_eq!(splits.len(), 43);
        // Further utterances of a speaker change nothing.
        let again = names.iter().chain(&names).map(|name| ("many", name.as_str()));
        assert_eq!(split_speakers(again).get("speaker-7"), splits.get("speaker-7"));
    }

    #[test]
    fn speakers_of_two_sources_are_in_one_split() {
        let splits = split_speakers([("b", "x"), ("a", "x"), ("a", "y")]);
        assert_eq!(splits.len(), 2);
        assert_eq!(splits.values().filter(|&&split| split == Split::Train).count(), 1);
    }
}

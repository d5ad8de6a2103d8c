//! Checks that the set of shards is complete and without duplicates.

use std::{collections::BTreeMap, path::PathBuf};

use super::MergeError;
use crate::{output::Difference, shard::Shard};

/// The most missing shards that a message lists.
const LISTED: usize = 10;

/// A shard to merge: its path, its number and its content.
pub(crate) struct Member<T> {
    pub(crate) path: PathBuf,
    pub(crate) shard: Shard,
    pub(crate) content: T,
}

/// Sorts the shards of one run and checks that each is there once.
///
/// # Errors
/// Returns [`MergeError::OtherRun`] if the numbers of shards differ, [`MergeError::Duplicate`] or
/// [`MergeError::Missing`].
pub(crate) fn complete<T>(members: Vec<Member<T>>) -> Result<Vec<Member<T>>, MergeError> {
    let mut sorted: BTreeMap<u32, Member<T>> = BTreeMap::new();
    let mut first: Option<(PathBuf, u32)> = None;
    for member in members {
        let (path, count) = first.get_or_insert((member.path.clone(), member.shard.count()));
        if member.shard.count() != *count {
            let (was, now) = (count.to_string(), member.shard.count().to_string());
            let difference = Difference { what: "the number of shards", was, now };
            return Err(MergeError::OtherRun {
                path: member.path,
                other: path.clone(),
                difference: difference.into(),
            });
        }
        let index = member.shard.index();
        if let Some(earlier) = sorted.get(&index) {
            let shard = member.shard;
            return Err(MergeError::Duplicate {
                shard,
                path: member.path,
                other: earlier.path.clone(),
            });
        }
        sorted.insert(index, member);
    }
    let count = first.map_or(0, |(_, count)| count);
    if sorted.len() < count as usize {
        let missing = (0..count).filter(|index| !sorted.contains_key(index));
        let mut listed: Vec<String> =
            missing.take(LISTED).map(|index| format!("{index}/{count}")).collect();
        let more = count as usize - sorted.len() - listed.len();
        if more > 0 {
            listed.push(format!("and {more} more"));
        }
        return Err(MergeError::Missing { shards: listed.join(", ") });
    }
    Ok(sorted.into_values().collect())
}

/// The error for shards of different runs.
pub(crate) fn other_run<T>(
    first: &Member<T>,
    other: &Member<T>,
    difference: Difference,
) -> MergeError {
    MergeError::OtherRun {
        path: other.path.clone(),
        other: first.path.clone(),
        difference: difference.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn set(shards: &[&str]) -> Result<Vec<String>, String> {
        let member = |text: &&str| Member {
            path: format!("{text}.csv").into(),
            shard: text.parse().unwrap(),
            content: (),
        };
        let sorted = complete(shards.iter().map(member).collect()).map_err(|e| e.to_string())?;
        Ok(sorted.iter().map(|member| member.shard.to_string()).collect())
    }

    #[test]
    fn complete_sets_have_each_shard_once() {
        assert_eq!(set(&["2/3", "0/3", "1/3"]).unwrap(), ["0/3", "1/3", "2/3"]);
        assert_eq!(set(&["0/1"]).unwrap(), ["0/1"]);
        let error = |shards: &[&str]| set(shards).unwrap_err();
        assert!(error(&["0/4", "2/4"]).contains("1/4, 3/4"), "{}", error(&["0/4", "2/4"]));
        assert!(error(&["0/2", "1/2", "0/2"]).contains("0/2 is given twice"));
        assert!(error(&["0/2", "1/3"]).contains("the number of shards"));
        // A huge number of shards does not allocate memory.
        let many = error(&["7/4294967295"]);
        assert!(many.contains("9/4294967295") || many.contains("10/4294967295"), "{many}");
        assert!(many.contains("and 4294967284 more"), "{many}");
    }
}

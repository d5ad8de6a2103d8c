//! Whether shards are all there, each once.

use std::{collections::BTreeMap, path::PathBuf};

use super::MergeError;
use crate::{output::Difference, shard::Shard};

/// The most missing shards that a message names.
const NAMED: usize = 10;

/// A shard that is to be merged: where it lies, which it is, and what is in it.
pub(crate) struct Member<T> {
    pub(crate) path: PathBuf,
    pub(crate) shard: Shard,
    pub(crate) content: T,
}

/// The shards of one run in their order, and how many there are.
///
/// # Errors
/// [`MergeError::OtherRun`] where their number differs, [`MergeError::Twice`], [`MergeError::Missing`].
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
            return Err(MergeError::Twice {
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
        let mut named: Vec<String> =
            missing.take(NAMED).map(|index| format!("{index}/{count}")).collect();
        let more = count as usize - sorted.len() - named.len();
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        return Err(MergeError::Missing { shards: named.join(", ") });
    }
    Ok(sorted.into_values().collect())
}

/// That two shards are of different runs.
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
    fn only_all_shards_of_one_number_are_complete() {
        assert_eq!(set(&["2/3", "0/3", "1/3"]).unwrap(), ["0/3", "1/3", "2/3"]);
        assert_eq!(set(&["0/1"]).unwrap(), ["0/1"]);
        let error = |shards: &[&str]| set(shards).unwrap_err();
        assert!(error(&["0/4", "2/4"]).contains("1/4, 3/4"), "{}", error(&["0/4", "2/4"]));
        assert!(error(&["0/2", "1/2", "0/2"]).contains("0/2 is given twice"));
        assert!(error(&["0/2", "1/3"]).contains("the number of shards"));
        // A file that claims billions of shards costs no memory.
        let many = error(&["7/4294967295"]);
        assert!(many.contains("9/4294967295") || many.contains("10/4294967295"), "{many}");
        assert!(many.contains("and 4294967284 more"), "{many}");
    }
}

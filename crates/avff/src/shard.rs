//! A run cut into parts that any scheduler can start: `--shard I/N`.
//!
//! Row `k` of a manifest belongs to shard `k mod N`, as in a training loader's shards. Manifests are
//! sorted, by data set, category or person, so that neighbours take equally long; dealt out in turn,
//! every shard gets its share of the long clips, and no machine is left with all of them. Shards are
//! numbered from 0, as Slurm and Kubernetes number their tasks.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// One of `count` parts of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// What names no [`Shard`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// It is not two numbers.
    #[error("`{0}` is no shard: give I/N, from 0/N to N-1/N, as in 0/8 to 7/8")]
    Form(String),
    /// There are no parts.
    #[error("{index}/0 is no shard: N must be at least 1")]
    NoShards {
        /// The shard that was asked for.
        index: u32,
    },
    /// There are not so many parts.
    #[error(
        "there is no shard {index}/{count}: shards are numbered from 0, 0/{count} to {last}/{count}",
        last = count - 1
    )]
    OutOfRange {
        /// The shard that was asked for.
        index: u32,
        /// How many there are.
        count: u32,
    },
}

impl Shard {
    /// Part `index` of `count`, from 0.
    ///
    /// # Errors
    /// [`ShardError`] where there is no such part.
    pub fn new(index: u32, count: u32) -> Result<Self, ShardError> {
        match count {
            0 => Err(ShardError::NoShards { index }),
            _ if index >= count => Err(ShardError::OutOfRange { index, count }),
            _ => Ok(Self { index, count }),
        }
    }

    /// Which part, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// How many of a manifest's `rows` are in this part. Parts differ by one at most; with more parts
    /// than rows the last ones are empty.
    #[must_use]
    pub fn share(self, rows: u64) -> u64 {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        rows / count + u64::from(index < rows % count)
    }

    /// The row of the manifest, from 0, that is the `nth` of this part, from 0.
    #[must_use]
    pub fn row(self, nth: u64) -> u64 {
        nth.saturating_mul(self.count.into()).saturating_add(self.index.into())
    }

    /// `prediction.3-of-8.csv` for `prediction.csv`.
    #[must_use]
    pub fn file(self, path: &Path) -> PathBuf {
        match path.extension() {
            Some(extension) => {
                let mut name = std::ffi::OsString::from(self.folder());
                name.push(".");
                name.push(extension);
                path.with_extension(name)
            }
            None => path.with_extension(self.folder()),
        }
    }

    /// `3-of-8`.
    #[must_use]
    pub fn folder(self) -> String {
        format!("{}-of-{}", self.index, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let form = || ShardError::Form(text.chars().take(40).collect());
        // A sign is no part of a number here, though Rust reads one.
        let number = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| plain).ok_or_else(form)
        };
        let (index, count) = text.split_once('/').ok_or_else(form)?;
        Self::new(number(index)?, number(count)?)
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

/// All rows, or those of a shard.
pub(crate) fn share(shard: Option<Shard>, rows: u64) -> u64 {
    shard.map_or(rows, |shard| shard.share(rows))
}

/// The row of the manifest that is the `nth` of a shard, or of all.
pub(crate) fn row(shard: Option<Shard>, nth: u64) -> u64 {
    shard.map_or(nth, |shard| shard.row(nth))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn rows_of(shard: Shard, rows: u64) -> Vec<u64> {
        (0..shard.share(rows)).map(|nth| shard.row(nth)).collect()
    }

    proptest! {
        #[test]
        fn every_row_is_in_exactly_one_shard(rows in 0..300_u64, count in 1..400_u32) {
            let mut all: Vec<u64> = Vec::new();
            for index in 0..count {
                let own = rows_of(Shard::new(index, count).unwrap(), rows);
                prop_assert!(own.is_sorted_by(|a, b| a < b));
                prop_assert!(own.len().abs_diff(rows as usize / count as usize) <= 1);
                all.extend(own);
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
        }

        #[test]
        fn a_name_reads_back(index in any::<u32>(), count in any::<u32>()) {
            match Shard::new(index, count) {
                Ok(shard) => {
                    prop_assert_eq!(shard.to_string().parse(), Ok(shard));
                    let json = serde_json::to_string(&shard).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Shard>(&json).unwrap(), shard);
                    // Nothing overflows, however many rows a file claims.
                    let _ = (shard.share(u64::MAX), shard.row(u64::MAX));
                }
                Err(error) => prop_assert_eq!(format!("{index}/{count}").parse::<Shard>(), Err(error)),
            }
        }

        #[test]
        fn no_text_is_a_panic(text in any::<String>()) {
            let _ = text.parse::<Shard>();
        }
    }

    #[test]
    fn what_is_no_shard_says_why() {
        let error = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert!(error("8/8").contains("0/8 to 7/8"), "{}", error("8/8"));
        assert!(error("0/0").contains("at least 1"));
        for text in ["", "3", "1/", "/8", "-1/8", "+1/8", "a/b", "1/8/2", "1/4294967296", " 1/8"] {
            assert!(error(text).contains("0/8 to 7/8"), "{text}: {}", error(text));
        }
    }

    #[test]
    fn names_hold_the_shard() {
        let shard = Shard::new(3, 8).unwrap();
        assert_eq!(
            shard.file("out/prediction.csv".as_ref()),
            Path::new("out/prediction.3-of-8.csv")
        );
        assert_eq!(shard.file("a.b/c".as_ref()), Path::new("a.b/c.3-of-8"));
        assert_eq!(shard.file("v1.0.csv".as_ref()), Path::new("v1.0.3-of-8.csv"));
    }
}

//! Shards: parts of a run that any scheduler can start, `--shard I/N`.
//!
//! Row `k` of a manifest belongs to shard `k mod N`, as in a training loader's shards. Manifests are often sorted by
//! data set, category or person, so neighboring clips have similar lengths. Assigning rows in turn spreads long clips
//! evenly over the shards. Shards are numbered from 0, like the tasks of Slurm and Kubernetes.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// One of `count` shards of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// Why a text or a pair of numbers is not a [`Shard`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The text is not two numbers.
    #[error("`{0}` is not a shard: give I/N with I from 0 to N-1, such as 0/8 to 7/8")]
    Form(String),
    /// The number of shards is 0.
    #[error("{index}/0 is not a shard: N must be at least 1")]
    NoShards {
        /// The requested index.
        index: u32,
    },
    /// The index is too large.
    #[error(
        "there is no shard {index}/{count}: shards are numbered from 0, 0/{count} to {last}/{count}",
        last = count - 1
    )]
    OutOfRange {
        /// The requested index.
        index: u32,
        /// The number of shards.
        count: u32,
    },
}

impl Shard {
    /// Creates shard `index` of `count`, from 0.
    ///
    /// # Errors
    /// Returns [`ShardError`] if there is no such shard.
    pub fn new(index: u32, count: u32) -> Result<Self, ShardError> {
        match count {
            0 => Err(ShardError::NoShards { index }),
            _ if index >= count => Err(ShardError::OutOfRange { index, count }),
            _ => Ok(Self { index, count }),
        }
    }

    /// The index of the shard, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// The number of shards.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// The number of rows of this shard, for a manifest with `rows` rows. Shards differ by at most one row. If there
    /// are more shards than rows, the last shards are empty.
    #[must_use]
    pub fn row_count(self, rows: u64) -> u64 {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        rows / count + u64::from(index < rows % count)
    }

    /// The manifest row, from 0, of the `nth` row of this shard, from 0.
    #[must_use]
    pub fn row(self, nth: u64) -> u64 {
        nth.saturating_mul(self.count.into()).saturating_add(self.index.into())
    }

    /// The file name of the shard: `prediction.3-of-8.csv` for `prediction.csv`.
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

    /// The folder name of the shard: `3-of-8`.
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
        // Rust parses a leading sign, which is not allowed here.
        let number = |text: &str| {
            let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits_only).ok_or_else(form)
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

/// The number of rows of a shard, or of the whole manifest.
pub(crate) fn row_count(shard: Option<Shard>, rows: u64) -> u64 {
    shard.map_or(rows, |shard| shard.row_count(rows))
}

/// The manifest row of the `nth` row of a shard, or of the whole manifest.
pub(crate) fn row(shard: Option<Shard>, nth: u64) -> u64 {
    shard.map_or(nth, |shard| shard.row(nth))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn rows_of(shard: Shard, rows: u64) -> Vec<u64> {
        (0..shard.row_count(rows)).map(|nth| shard.row(nth)).collect()
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
        fn names_round_trip(index in any::<u32>(), count in any::<u32>()) {
            match Shard::new(index, count) {
                Ok(shard) => {
                    prop_assert_eq!(shard.to_string().parse(), Ok(shard));
                    let json = serde_json::to_string(&shard).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Shard>(&json).unwrap(), shard);
                    // Huge row counts do not overflow.
                    let _ = (shard.row_count(u64::MAX), shard.row(u64::MAX));
                }
                Err(error) => prop_assert_eq!(format!("{index}/{count}").parse::<Shard>(), Err(error)),
            }
        }

        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = text.parse::<Shard>();
        }
    }

    #[test]
    fn invalid_shards_name_the_reason() {
        let error = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert!(error("8/8").contains("0/8 to 7/8"), "{}", error("8/8"));
        assert!(error("0/0").contains("at least 1"));
        for text in ["", "3", "1/", "/8", "-1/8", "+1/8", "a/b", "1/8/2", "1/4294967296", " 1/8"] {
            assert!(error(text).contains("0/8 to 7/8"), "{text}: {}", error(text));
        }
    }

    #[test]
    fn file_names_contain_the_shard() {
        let shard = Shard::new(3, 8).unwrap();
        assert_eq!(
            shard.file("out/prediction.csv".as_ref()),
            Path::new("out/prediction.3-of-8.csv")
        );
        assert_eq!(shard.file("a.b/c".as_ref()), Path::new("a.b/c.3-of-8"));
        assert_eq!(shard.file("v1.0.csv".as_ref()), Path::new("v1.0.3-of-8.csv"));
    }
}

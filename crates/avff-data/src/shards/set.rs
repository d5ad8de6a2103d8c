//! The shards of a folder.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use avff_datasets::{Dataset, Row};

use super::{
    Packing, ShardError,
    index::{Entry, Header, Index, index_name, shard_name},
    store::{Store, is_address},
};
use crate::{loader::Unreadable, spec::ClipSpec};

/// What of a data set is in its shards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardCoverage {
    /// Rows of the manifest that was packed.
    pub rows: u64,
    /// Clips that can be read.
    pub clips: u64,
    /// Rows that could not be packed.
    pub failed: u64,
    /// The first fault of each shard that is missing or damaged.
    pub faults: Vec<String>,
}

impl std::fmt::Display for ShardCoverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = 100.0 * self.clips as f64 / self.rows.max(1) as f64;
        write!(f, "{} of {} clips ({share:.1} %)", self.clips, self.rows)?;
        if self.failed > 0 {
            write!(f, "; {} could not be packed", self.failed)?;
        }
        let lost = self.rows.saturating_sub(self.clips + self.failed);
        if lost > 0 {
            write!(f, "; {lost} are in missing or damaged shards")?;
        }
        for (index, fault) in self.faults.iter().take(SHOWN).enumerate() {
            write!(f, "{}{fault}", if index == 0 { " (" } else { "; " })?;
        }
        match self.faults.len() {
            0 => Ok(()),
            faults if faults > SHOWN => write!(f, "; and {} more)", faults - SHOWN),
            _ => f.write_str(")"),
        }
    }
}

/// Where a clip lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The place of the shard in [`ShardSet::shards`].
    pub(super) shard: usize,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) at: u64,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

/// All shards of a folder, with a row for each clip.
#[derive(Debug)]
pub struct ShardSet {
    pub(super) store: Store,
    pub(super) shards: Vec<String>,
    pub(super) places: HashMap<PathBuf, Place>,
    pub(super) spec: ClipSpec,
    pub(super) packing: Packing,
    folder: PathBuf,
    rows: Vec<Row>,
    columns: Vec<String>,
    coverage: ShardCoverage,
    manifest: String,
    /// A line for each shard: its name, its bytes, and the checksum of its index, which holds those of
    /// the clips.
    shards_and_sums: String,
}

impl ShardSet {
    /// Returns whether a path is that of shards and not of a manifest: a folder, or the address of a
    /// web server.
    #[must_use]
    pub fn is_set(path: &Path) -> bool {
        is_address(path) || path.is_dir()
    }

    /// Opens the shards in `folder`, which may be the address of a web server: reads every index, and
    /// looks for every shard.
    ///
    /// With [`Unreadable::Skip`], shards that are missing or damaged are left out and named in the
    /// coverage.
    ///
    /// # Errors
    /// [`ShardError`]: the first fault of a shard, unless such shards are left out, and shards that do
    /// not belong together.
    pub fn open(folder: &Path, unreadable: Unreadable) -> Result<Self, ShardError> {
        let store = Store::new(folder)?;
        let head = first_header(&store, folder)?;
        let mut set = Self {
            store,
            shards: Vec::new(),
            places: HashMap::new(),
            spec: head.spec.clone(),
            packing: head.packing,
            folder: folder.into(),
            rows: Vec::new(),
            columns: head.columns.clone(),
            coverage: ShardCoverage { rows: head.rows, ..ShardCoverage::default() },
            manifest: head.manifest.clone(),
            shards_and_sums: head.manifest.clone() + "\n",
        };
        for part in 0..head.part.1 {
            for number in 0.. {
                match set.shard(part, number, &head) {
                    Ok(is_last) if is_last => break,
                    Ok(_) => {}
                    Err((error, _)) if unreadable == Unreadable::Error => return Err(error),
                    Err((error, is_end)) => {
                        set.coverage.faults.push(error.to_string());
                        if is_end {
                            break;
                        }
                    }
                }
            }
        }
        // Shards of another run, with more parts.
        if let Some(error) = set.foreign(head.part.1, 0)? {
            return Err(error);
        }
        // The manifest's order, whichever part packed a clip.
        set.rows.sort_by_key(|row| row.line);
        set.coverage.clips = set.rows.len() as u64;
        Ok(set)
    }

    /// Adds a shard and returns whether it is the last of its part. An error says whether none comes
    /// after it.
    fn shard(
        &mut self,
        part: usize,
        number: usize,
        head: &Header,
    ) -> Result<bool, (ShardError, bool)> {
        let (index, shard) = (index_name(part, number), shard_name(part, number));
        let path = self.store.path(&index);
        let going_on = |error| (error, false);
        if self.store.size(&index).map_err(going_on)?.is_none() {
            // Without an index nothing says which shard is the last; the next one shows that this one
            // is missing.
            let more = (number + 1..number + 1 + LOOK_AHEAD)
                .any(|next| matches!(self.store.size(&index_name(part, next)), Ok(Some(_))));
            return Err((ShardError::Missing { path, clips: None }, !more));
        }
        let text = self.store.text(&index).map_err(going_on)?;
        let Index { header, entries } = Index::parse(&text, &path).map_err(going_on)?;
        let is_last = header.last;
        let fault = |error| (error, is_last);
        header.expect_place(part, number, &path).map_err(going_on)?;
        if let Some(what) = header.difference(head) {
            return Err(fault(ShardError::Mixed { path, what }));
        }
        if is_last && let Some(error) = self.foreign(part, number + 1).map_err(fault)? {
            return Err(fault(error));
        }
        self.coverage.failed += header.failed.len() as u64;
        let path = self.store.path(&shard);
        let clips = entries.len();
        let problem = match self.store.size(&shard) {
            Ok(None) => Some(ShardError::Missing { path, clips: Some(clips) }),
            Ok(Some(actual)) if actual != header.bytes => {
                Some(ShardError::Size { path, actual, expected: header.bytes })
            }
            Ok(Some(_)) => None,
            Err(error) => Some(error),
        };
        if let Some(problem) = problem {
            return Err(fault(problem));
        }
        let number = self.shards.len();
        for Entry { key, name, line, target, extra, at, bytes, crc32 } in entries {
            let path = self.folder.join(&shard).join(&key);
            let place = Place { shard: number, key, name: name.clone(), at, bytes, crc32 };
            self.places.insert(path.clone(), place);
            self.rows.push(Row { name, path, target, extra, line });
        }
        let (bytes, crc32) = (header.bytes, header.crc32);
        self.shards_and_sums += &format!("{shard} {bytes} {crc32:08x}\n");
        self.shards.push(shard);
        Ok(is_last)
    }

    /// Returns an error if there is a shard where none of this run can be.
    fn foreign(&self, part: usize, number: usize) -> Result<Option<ShardError>, ShardError> {
        let name = index_name(part, number);
        let (path, what) = (self.store.path(&name), "it comes after the last one".to_owned());
        Ok(self.store.size(&name)?.map(|_| ShardError::Mixed { path, what }))
    }

    /// Returns the clips as rows, in the order of the manifest that was packed.
    ///
    /// # Errors
    /// [`ShardError::NoClips`] if there is none.
    pub fn dataset(&self) -> Result<Dataset, ShardError> {
        Dataset::new(self.rows.clone(), self.columns.clone())
            .map_err(|_| ShardError::NoClips { path: self.folder.clone() })
    }

    /// Returns what of the data set can be read.
    #[must_use]
    pub fn coverage(&self) -> &ShardCoverage {
        &self.coverage
    }

    /// Returns the SHA-256 of the manifest that was packed.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Returns a name of exactly these shards: the SHA-256 of their names and checksums.
    #[must_use]
    pub fn identity(&self) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(self.shards_and_sums.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns what is stored of the clips.
    #[must_use]
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Returns how the clips were prepared.
    #[must_use]
    pub fn spec(&self) -> &ClipSpec {
        &self.spec
    }
}

/// Faults in a text.
const SHOWN: usize = 3;

/// Returns the header of the first index that can be read.
fn first_header(store: &Store, folder: &Path) -> Result<Header, ShardError> {
    let mut first_fault = None;
    for name in store.first_indexes()? {
        let path = store.path(&name);
        match store.text(&name).and_then(|text| Index::parse(&text, &path)) {
            Ok(index) => return Ok(index.header),
            Err(error) => first_fault = first_fault.or(Some(error)),
        }
    }
    let none = || ShardError::NoShards { path: folder.into(), first: index_name(0, 0) };
    Err(first_fault.unwrap_or_else(none))
}

/// How many numbers are looked through for the next index where one is missing.
const LOOK_AHEAD: usize = 1000;

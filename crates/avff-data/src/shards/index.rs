//! The index of a shard: a file of lines beside it, the first about the shard, then one for each
//! clip.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Packing, ShardError};
use crate::spec::ClipSpec;

/// The version of the layout.
const VERSION: u32 = 1;

/// What an index says of its shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the layout.
    pub version: u32,
    /// The process that wrote the shard, from 0, and how many shared the clips.
    pub part: (usize, usize),
    /// Number of the shard within its part, from 0.
    pub number: usize,
    /// Whether this is the last shard of its part.
    pub last: bool,
    /// Bytes of the shard.
    pub bytes: u64,
    /// Rows of the manifest, of all parts together.
    pub rows: u64,
    /// SHA-256 of the manifest.
    pub manifest: String,
    /// How the clips were prepared.
    pub spec: ClipSpec,
    /// What is stored of them.
    pub packing: Packing,
    /// Names of the manifest's further columns.
    pub columns: Vec<String>,
    /// Number of clips in the shard.
    pub clips: usize,
    /// Rows that were read for this shard and could not be packed.
    pub failed: Vec<FailedRow>,
    /// The row of this part after the last one of this shard.
    pub next_row: u64,
    /// CRC-32 of the lines after this one.
    pub crc32: u32,
}

/// A row of the manifest that could not be packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedRow {
    /// The line of the manifest.
    pub line: u64,
    /// The name of the clip.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A clip in a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its key: the start of the names of its members.
    pub key: String,
    /// Its name in the manifest.
    pub name: String,
    /// Its line in the manifest.
    pub line: u64,
    /// Its label, 1 for fake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u8>,
    /// The cells of the further columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// Where its members start in the shard, in bytes.
    pub at: u64,
    /// Bytes of its members, with their headers.
    pub bytes: u64,
    /// CRC-32 of those bytes.
    pub crc32: u32,
}

/// The index of a shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// About the shard.
    pub header: Header,
    /// Its clips, in order.
    pub entries: Vec<Entry>,
}

impl Header {
    /// Returns what differs from the shards of another run, or of another part of it.
    pub(super) fn difference(&self, run: &Self) -> Option<String> {
        if self.manifest != run.manifest {
            return Some("the CSV or the conditions on its rows differ".into());
        }
        if self.part.1 != run.part.1 {
            let (parts, now) = (self.part.1, run.part.1);
            return Some(format!("it was packed in {parts} parts, the others in {now}"));
        }
        if self.packing != run.packing {
            return Some(format!("it has {}, the others have {}", self.packing, run.packing));
        }
        let (own, others) = difference(&self.spec, &run.spec)?;
        Some(format!("clips were prepared with {own}, the others with {others}"))
    }

    /// Checks that an index is that of its name.
    pub(super) fn expect_place(
        &self,
        part: usize,
        number: usize,
        path: &Path,
    ) -> Result<(), ShardError> {
        if (self.part.0, self.number) == (part, number) {
            return Ok(());
        }
        let reason = format!("it is that of {}", index_name(self.part.0, self.number));
        Err(ShardError::Index { path: path.into(), reason })
    }

    /// The version of the layout that is written.
    pub(super) const VERSION: u32 = VERSION;
}

impl Index {
    /// Returns the text of the file.
    pub(super) fn to_text(&self) -> serde_json::Result<String> {
        let mut lines = String::new();
        for entry in &self.entries {
            lines += &serde_json::to_string(entry)?;
            lines.push('\n');
        }
        let crc32 = crc32fast::hash(lines.as_bytes());
        let header = Header { crc32, clips: self.entries.len(), ..self.header.clone() };
        Ok(serde_json::to_string(&header)? + "\n" + &lines)
    }

    /// Reads the text of the file at `path`.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ShardError> {
        let error = |reason: String| ShardError::Index { path: path.into(), reason };
        let (first, lines) = text.split_once('\n').unwrap_or((text, ""));
        let header: Header = serde_json::from_str(first)
            .map_err(|source| error(format!("its first line cannot be read: {source}")))?;
        if header.version != VERSION {
            let found = header.version;
            return Err(error(format!("it has version {found}, and this avff reads {VERSION}")));
        }
        if crc32fast::hash(lines.as_bytes()) != header.crc32 {
            return Err(error("its checksum differs".into()));
        }
        let read = |(number, line): (usize, &str)| {
            serde_json::from_str(line)
                .map_err(|source| error(format!("line {}: {source}", number + 2)))
        };
        let entries: Vec<Entry> = lines.lines().enumerate().map(read).collect::<Result<_, _>>()?;
        let mut end = 0;
        for entry in &entries {
            let next = entry.at.checked_add(entry.bytes).filter(|&next| next <= header.bytes);
            end = match next {
                Some(next) if entry.at >= end => next,
                _ => return Err(error(format!("clip {} lies outside the shard", entry.key))),
            };
        }
        if entries.len() != header.clips {
            let (expected, actual) = (header.clips, entries.len());
            return Err(error(format!("it lists {actual} clips, but {expected} were written")));
        }
        Ok(Self { header, entries })
    }
}

/// Returns the first setting that differs, as it is and as it should be.
pub(super) fn difference(stored: &ClipSpec, wanted: &ClipSpec) -> Option<(String, String)> {
    fn walk(path: &str, a: &serde_json::Value, b: &serde_json::Value) -> Option<(String, String)> {
        use serde_json::Value::{Null, Object};
        if a == b {
            return None;
        }
        let (Object(x), Object(y)) = (a, b) else {
            return Some((format!("{path} = {a}"), format!("{path} = {b}")));
        };
        let keys = x.keys().chain(y.keys().filter(|key| !x.contains_key(*key)));
        keys.into_iter().find_map(|key| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            walk(&path, x.get(key).unwrap_or(&Null), y.get(key).unwrap_or(&Null))
        })
    }
    let json = |spec| serde_json::to_value(spec).unwrap_or_default();
    walk("", &json(stored), &json(wanted))
}

/// Returns the name of a shard of a part.
#[must_use]
pub fn shard_name(part: usize, number: usize) -> String {
    format!("clips-{part:03}-{number:06}.tar")
}

/// Returns the name of a shard's index.
#[must_use]
pub fn index_name(part: usize, number: usize) -> String {
    format!("clips-{part:03}-{number:06}.jsonl")
}

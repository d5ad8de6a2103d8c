//! Checkpoints in several files, with an index that names the file of each tensor
//! (`model.safetensors.index.json`).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Listing, Shard, TensorFile, excerpt::quote, format_error, source::Source};
use crate::error::ModelError;

/// Maximum size of an index in bytes.
const MAX_INDEX: u64 = 16 << 20;
/// Maximum number of files.
const MAX_SHARDS: usize = 1024;
/// Maximum number of tensors in all files.
const MAX_TENSORS: usize = 1 << 16;

/// The index. Its metadata only states the total size.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files of a sharded checkpoint, and the contents of all of them.
pub(super) struct Sharded {
    pub(super) shards: Vec<Shard>,
    pub(super) listing: Listing,
}

/// Opens the files that an index names. They must be in the folder of the index.
pub(super) fn open(path: &Path, source: &Source) -> Result<Sharded, ModelError> {
    let error = |reason: String| format_error(path, &reason);
    let index = read(path, source)?;
    if matches!(source, Source::Memory(_)) {
        return Err(error(
            "it is the index of a sharded checkpoint: open it by its path, because the shards are \
             files beside it"
                .into(),
        ));
    }
    let mut assigned: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, name) in &index.weight_map {
        assigned.entry(name).or_default().insert(key);
    }
    if assigned.is_empty() || assigned.len() > MAX_SHARDS || index.weight_map.len() > MAX_TENSORS {
        return Err(error(format!(
            "its weight_map names {} tensors in {} files, but 1 to {MAX_TENSORS} tensors in 1 to \
             {MAX_SHARDS} files are possible",
            index.weight_map.len(),
            assigned.len()
        )));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for (name, keys) in assigned {
        let shard = folder.join(file_name(name).map_err(error)?);
        if !shard.exists() {
            return Err(error(format!(
                "its shard {} is missing: download it into the folder of the index",
                quote(name)
            )));
        }
        files.push((name, keys, shard));
    }
    let mut all = Sharded { shards: Vec::new(), listing: Listing::default() };
    for (number, (name, keys, shard)) in files.into_iter().enumerate() {
        let shard = Shard::open(&shard)?;
        let (_, listing) = shard.list()?;
        check(name, &keys, &listing).map_err(error)?;
        add(&mut all.listing, listing, number);
        all.shards.push(shard);
    }
    Ok(all)
}

fn read(path: &Path, source: &Source) -> Result<Index, ModelError> {
    let io = |source| ModelError::Io { path: path.into(), source };
    let mut text = Vec::new();
    source.open().map_err(io)?.take(MAX_INDEX + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_INDEX {
        return Err(format_error(path, &format!("it is JSON of more than {MAX_INDEX} bytes")));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    serde_json::from_slice(text).map_err(|error| {
        let reason = format!(
            "it is JSON, but not the index of a sharded checkpoint ({error}): give the file of \
             weights"
        );
        format_error(path, &reason)
    })
}

/// Returns the name of a shard if it is a plain file name. A path could lead to any file.
fn file_name(name: &str) -> Result<PathBuf, String> {
    let plain = !name.contains(['/', '\\', '\0', ':']) && !["", ".", ".."].contains(&name);
    plain.then(|| name.into()).ok_or_else(|| {
        format!("its shard {} is not a plain file name in the folder of the index", quote(name))
    })
}

/// Adds the contents of one file.
fn add(all: &mut Listing, listing: Listing, shard: usize) {
    let first = all.checksums.len();
    all.tensors.extend(listing.tensors.into_iter().map(|(key, mut tensor)| {
        tensor.shard = shard;
        tensor.checksum = tensor.checksum.map(|index| first + index);
        (key, tensor)
    }));
    all.checksums.extend(listing.checksums.into_iter().map(|mut checksum| {
        checksum.shard = shard;
        checksum
    }));
    all.others.extend(listing.others);
    all.metadata = all.metadata.take().or(listing.metadata);
}

/// Checks that a file has exactly the tensors that the index assigns to it.
fn check(name: &str, expected: &BTreeSet<&str>, listing: &Listing) -> Result<(), String> {
    let actual: BTreeSet<&str> = listing.tensors.iter().map(|(key, _)| key.as_str()).collect();
    let difference = match (expected.difference(&actual).next(), actual.difference(expected).next())
    {
        (None, None) => return Ok(()),
        (Some(key), _) => format!("lacks {}, which the index assigns to it", quote(key)),
        (None, Some(key)) => format!("holds {}, which the index does not assign to it", quote(key)),
    };
    Err(format!(
        "its shard {} {difference}: download the index and all shards of one version",
        quote(name)
    ))
}

/// Returns the index beside a file that is one of several shards, such as
/// `model-00001-of-00002.safetensors`.
pub(crate) fn index_beside(path: &Path) -> Option<PathBuf> {
    let (stem, ending) = path.file_name()?.to_str()?.rsplit_once('.')?;
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (name, number) = rest.rsplit_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let index = path.with_file_name(format!("{name}.{ending}.index.json"));
    (is_number(number) && is_number(count) && index.is_file()).then_some(index)
}

impl TensorFile {
    /// Returns the index of the sharded checkpoint to which this file belongs.
    pub(crate) fn index_beside(&self) -> Option<PathBuf> {
        match self.shards.as_slice() {
            [only] if matches!(only.source, Source::File(_)) => index_beside(&self.path),
            _ => None,
        }
    }
}

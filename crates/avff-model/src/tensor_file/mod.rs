//! Files of named tensors: PyTorch's two `.pth` formats and safetensors, also in several files.
//!
//! A [`TensorFile`] knows the name, shape and location of each tensor and reads values on demand.
//! The file is on disk or in memory ([`Source`]).

pub mod archive;
mod checksum;
mod excerpt;
#[cfg(feature = "flex")]
pub(crate) mod offloaded;
mod pickle;
mod prefix;
mod reader;
mod recognize;
pub(crate) mod safetensors;
mod seal;
mod shards;
mod source;
mod stored;
mod tar;
pub(crate) mod torch;

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use checksum::Checksum;
pub(crate) use prefix::PREFIX;
pub(crate) use reader::TensorReader;
use recognize::Recognized;
use source::{Bytes, Source};
pub use stored::{Format, StoredDtype, StoredTensor};

use crate::error::ModelError;

/// Endings that programs give to a file while they download it.
const UNFINISHED: [&str; 7] =
    ["crdownload", "part", "partial", "download", "opdownload", "incomplete", "aria2"];

/// An opened file: its tensors are listed, but none is loaded yet.
#[derive(Debug)]
pub(crate) struct TensorFile {
    /// Path of the file, or the name that was given with its bytes. Error messages show it.
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// Tensors by key, without the prefixes of wrappers such as data parallel training.
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// Keys whose values are not tensors, and the type of each value.
    pub(crate) others: Vec<(String, String)>,
    /// The `avff` entry of a safetensors file's metadata.
    pub(crate) metadata: Option<String>,
    /// The files that hold the values: this file, or the shards of an index.
    shards: Vec<Shard>,
    /// The index of a sharded checkpoint.
    index: Option<Source>,
    checksums: Vec<Checksum>,
}

/// One file that holds values.
#[derive(Debug)]
struct Shard {
    path: PathBuf,
    source: Source,
    length: u64,
}

/// The contents of a file, as its format lists them.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) tensors: Vec<(String, StoredTensor)>,
    pub(crate) others: Vec<(String, String)>,
    pub(crate) metadata: Option<String>,
    checksums: Vec<Checksum>,
}

impl TensorFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        Self::of(Shard::open(path)?)
    }

    /// Opens the contents of a file in memory. Error messages show `name`.
    pub(crate) fn from_bytes(name: &Path, bytes: Arc<[u8]>) -> Result<Self, ModelError> {
        let length = bytes.len() as u64;
        Self::of(Shard { path: name.into(), source: Source::Memory(bytes), length })
    }

    fn of(file: Shard) -> Result<Self, ModelError> {
        let path = file.path.clone();
        let (format, shards, index, listing) = match file.recognize()? {
            Recognized::Index => {
                let sharded = shards::open(&path, &file.source)?;
                (Format::Sharded, sharded.shards, Some(file.source), sharded.listing)
            }
            _ => {
                let (format, listing) = file.list()?;
                (format, vec![file], None, listing)
            }
        };
        let mut tensors = BTreeMap::new();
        let mut keys = BTreeMap::new();
        for (key, tensor) in listing.tensors {
            let length = shards.get(tensor.shard).map_or(0, |shard| shard.length);
            check_extent(&key, &tensor, length).map_err(|e| format_error(&path, &e))?;
            let bare = prefix::strip(&key);
            if let Some(other) = keys.insert(bare.clone(), key.clone()) {
                return Err(format_error(&path, &twice(&other, &key)));
            }
            tensors.insert(bare, tensor);
        }
        let others = listing.others.into_iter().map(|(key, what)| (prefix::strip(&key), what));
        Ok(Self {
            path,
            format,
            tensors,
            others: others.collect(),
            metadata: listing.metadata,
            shards,
            index,
            checksums: listing.checksums,
        })
    }

    /// Computes the SHA-256 of the whole file, in hexadecimal; of a sharded checkpoint, that of
    /// the index followed by the shards in the order of their names.
    pub(crate) fn sha256(&self) -> Result<String, ModelError> {
        let index = self.index.iter().map(|index| (&self.path, index));
        let shards = self.shards.iter().map(|shard| (&shard.path, &shard.source));
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        for (path, source) in index.chain(shards) {
            let io = |source| ModelError::Io { path: path.clone(), source };
            let mut bytes = source.open().map_err(io)?;
            loop {
                match bytes.read(&mut buffer).map_err(io)? {
                    0 => break,
                    count => hasher.update(&buffer[..count]),
                }
            }
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads the whole file and checks its checksums; `None` if it is not one safetensors file.
    pub(crate) fn safetensors(&self) -> Result<Option<Vec<u8>>, ModelError> {
        let (Format::Safetensors, [shard]) = (self.format, &self.shards[..]) else {
            return Ok(None);
        };
        for index in 0..self.checksums.len() {
            self.check_storage(index)?;
        }
        let io = |source| ModelError::Io { path: shard.path.clone(), source };
        let mut bytes = Vec::new();
        shard.bytes()?.read_to_end(&mut bytes).map_err(io)?;
        Ok(Some(bytes))
    }

    /// Returns a reader of the tensors, with its own file positions.
    pub(crate) fn reader(&self) -> Result<TensorReader<'_>, ModelError> {
        TensorReader::new(self)
    }

    /// Checks a storage against its checksum.
    fn check_storage(&self, index: usize) -> Result<(), ModelError> {
        let Some(checksum) = self.checksums.get(index) else { return Ok(()) };
        let Some(shard) = self.shards.get(checksum.shard) else { return Ok(()) };
        let io = |source| ModelError::Io { path: shard.path.clone(), source };
        let result = checksum.check_file(&mut shard.bytes()?).map_err(io)?;
        result.map_err(|reason| format_error(&shard.path, &reason))
    }

    /// Opens the first file that holds values.
    #[cfg(feature = "flex")]
    fn bytes(&self) -> Result<Bytes, ModelError> {
        match self.shards.first() {
            Some(shard) => shard.bytes(),
            None => Err(format_error(&self.path, "it has no files with values")),
        }
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::Io { path: path.into(), source };
        let meta = std::fs::metadata(path).map_err(io)?;
        if meta.is_dir() {
            return Err(format_error(path, "it is a folder: give the file of weights in it"));
        }
        if !meta.is_file() {
            return Err(format_error(path, "it is not a regular file: give a file of weights"));
        }
        Ok(Self { path: path.into(), source: Source::File(path.into()), length: meta.len() })
    }

    fn bytes(&self) -> Result<Bytes, ModelError> {
        self.source.open().map_err(|source| ModelError::Io { path: self.path.clone(), source })
    }

    fn recognize(&self) -> Result<Recognized, ModelError> {
        let io = |source| ModelError::Io { path: self.path.clone(), source };
        recognize::recognize(&mut self.bytes()?).map_err(io)
    }

    /// Lists the tensors of this file.
    fn list(&self) -> Result<(Format, Listing), ModelError> {
        let mut bytes = self.bytes()?;
        let (format, listing) = match self.recognize()? {
            Recognized::Tensors(format) => match format {
                Format::TorchZip => (format, torch::list_zip(&mut bytes)),
                Format::TorchLegacy => (format, torch::list_legacy(&mut bytes)),
                Format::Safetensors | Format::Sharded => (format, safetensors::list(&mut bytes)),
            },
            Recognized::Foreign(reason) => return Err(self.error(reason)),
            Recognized::Index => {
                return Err(self.error("it is JSON instead of a file of weights".into()));
            }
        };
        Ok((format, listing.map_err(|reason| self.error(reason))?))
    }

    /// Returns the error of a file that cannot be read. The name of an unfinished download explains
    /// it.
    fn error(&self, mut reason: String) -> ModelError {
        let ending = self.path.extension().and_then(|ending| ending.to_str());
        if let Some(ending) = ending.filter(|ending| UNFINISHED.contains(ending)) {
            reason.push_str(&format!(
                "; the ending .{ending} marks a download that did not finish: finish it first"
            ));
        }
        format_error(&self.path, &reason)
    }
}

/// Returns the reason for two keys that name one weight.
fn twice(first: &str, second: &str) -> String {
    if first == second {
        return format!("{first} occurs twice");
    }
    // Formats list tensors in any order.
    let (first, second) = (first.min(second), first.max(second));
    format!(
        "{first} and {second} name one weight, because prefixes such as `module.` and `model.` do \
         not count: save the state dict of one network"
    )
}

/// Checks that a tensor ends within its file and is not larger than the file.
fn check_extent(key: &str, tensor: &StoredTensor, file: u64) -> Result<(), String> {
    let bytes = tensor.span().and_then(|span| span.checked_mul(tensor.dtype.size().max(1)));
    let end = bytes.and_then(|bytes| tensor.offset.checked_add(bytes as u64));
    let count = tensor.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    match (end, count) {
        // Overlapping strides could make a tensor larger than any file; weights never have them.
        (Some(end), Some(count)) if end <= file && count as u64 <= file => Ok(()),
        _ => Err(incomplete(&format!("{key} extends past its end"))),
    }
}

/// Returns the reason for a file that ends too early.
fn incomplete(what: &str) -> String {
    format!("the file is incomplete: {what}; copy or download it again")
}

pub(crate) fn format_error(path: &Path, reason: &str) -> ModelError {
    ModelError::Format { path: path.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

    fn reason(bytes: &[u8]) -> String {
        TensorFile::from_bytes(Path::new("a.pth"), bytes.into()).unwrap_err().to_string()
    }

    #[test]
    fn incomplete_files_are_to_be_fetched_again() {
        let mut safetensors = (HEADER.len() as u64).to_le_bytes().to_vec();
        safetensors.extend(HEADER.as_bytes());
        safetensors.extend([0; 8]);
        assert!(TensorFile::from_bytes(Path::new("a"), safetensors.clone().into()).is_ok());
        let longer = reason(&[&safetensors[..], b"junk"].concat());
        assert!(longer.contains("4 bytes follow its tensors"), "{longer}");
        let values = safetensors.len() - 1;
        for (bytes, what) in [
            (
                &b"PK\x03\x04 and the rest of an archive without its directory"[..],
                "its zip directory",
            ),
            (&b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."[..], "it ends within its description"),
            (&safetensors[..values], "w extends past its end"),
            (&safetensors[..30], "its header has 54 bytes"),
        ] {
            let reason = reason(bytes);
            assert!(reason.contains("incomplete"), "{reason}");
            assert!(reason.contains(what), "{reason}");
            assert!(reason.ends_with("copy or download it again"), "{reason}");
        }
    }

    #[test]
    fn unfinished_downloads_are_named_by_their_ending() {
        for (name, expected) in [("a.pth.crdownload", true), ("a.part", true), ("a.pth", false)] {
            let error = TensorFile::from_bytes(Path::new(name), (*b"PK\x03\x04").into());
            let reason = error.unwrap_err().to_string();
            assert_eq!(
                reason.contains("marks a download that did not finish"),
                expected,
                "{reason}"
            );
        }
    }

    #[test]
    fn keys_that_differ_in_prefixes_only_are_refused() {
        let header = r#"{"model.w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
            "net.w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 8]);
        let reason = reason(&bytes);
        assert!(reason.contains("model.w and net.w name one weight"), "{reason}");
    }

    proptest! {
        #[test]
        fn arbitrary_files_never_panic(
            head in prop::sample::select(vec![
                &b""[..],
                b"PK\x03\x04",
                b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
                b"{\"weight_map\":",
                b"\x10\0\0\0\0\0\0\0{",
            ]),
            body in prop::collection::vec(any::<u8>(), 0..700),
        ) {
            let bytes = [head, &body].concat();
            let _ = TensorFile::from_bytes(Path::new("a"), bytes.into());
        }
    }
}

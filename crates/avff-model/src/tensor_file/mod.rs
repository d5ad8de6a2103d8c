//! Files of named tensors: PyTorch's two `.pth` formats and safetensors.
//!
//! A [`TensorFile`] knows the name, shape and location of each tensor and reads values on demand.
//! The file is on disk or in memory ([`Source`]).

pub mod archive;
#[cfg(feature = "flex")]
pub(crate) mod offloaded;
mod pickle;
mod pth;
mod reader;
pub(crate) mod safetensors;
mod source;
mod stored;

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

pub(crate) use reader::TensorReader;
use source::{Bytes, Source};
pub use stored::{Format, StoredDtype, StoredTensor};

use crate::error::ModelError;

/// Prefix that data parallel training adds to every key of a released checkpoint.
pub(crate) const PREFIX: &str = "module.";

/// An opened file: its tensors are listed, but none is loaded yet.
#[derive(Debug)]
pub(crate) struct TensorFile {
    /// Path of the file, or the name that was given with its bytes. Error messages show it.
    pub(crate) path: PathBuf,
    source: Source,
    pub(crate) format: Format,
    /// Tensors by key, without the `module.` of data parallel training.
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// Keys whose values are not tensors, and the type of each value.
    pub(crate) others: Vec<(String, String)>,
    /// The `avff` entry of a safetensors file's metadata.
    pub(crate) metadata: Option<String>,
}

/// The contents of a file, as its format lists them.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) tensors: Vec<(String, StoredTensor)>,
    pub(crate) others: Vec<(String, String)>,
    pub(crate) metadata: Option<String>,
}

impl TensorFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::Io { path: path.into(), source };
        let meta = std::fs::metadata(path).map_err(io)?;
        if !meta.is_file() {
            return Err(format_error(path, "it is not a regular file"));
        }
        Self::list(path, Source::File(path.into()), meta.len())
    }

    /// Opens the contents of a file in memory. Error messages show `name`.
    pub(crate) fn from_bytes(name: &Path, bytes: Arc<[u8]>) -> Result<Self, ModelError> {
        let length = bytes.len() as u64;
        Self::list(name, Source::Memory(bytes), length)
    }

    fn list(path: &Path, source: Source, length: u64) -> Result<Self, ModelError> {
        let io = |source| ModelError::Io { path: path.into(), source };
        let mut bytes = source.open().map_err(io)?;
        let mut magic = Vec::new();
        (&mut bytes).take(16).read_to_end(&mut magic).map_err(io)?;
        let (format, listing) = match &magic[..] {
            [] => return Err(format_error(path, "the file is empty")),
            [b'P', b'K', ..] => (Format::TorchZip, pth::list_zip(&mut bytes)),
            [0x80, 0x02, 0x8a, 0x0a, ..] => (Format::TorchLegacy, pth::list_legacy(&mut bytes)),
            [_, _, _, _, _, _, _, _, b'{', ..] => {
                (Format::Safetensors, safetensors::list(&mut bytes))
            }
            _ => return Err(format_error(path, unknown(&magic))),
        };
        let listing = listing.map_err(|reason| format_error(path, &reason))?;
        let mut tensors = BTreeMap::new();
        for (key, tensor) in listing.tensors {
            check_extent(&key, &tensor, length).map_err(|e| format_error(path, &e))?;
            if tensors.insert(bare(&key), tensor).is_some() {
                return Err(format_error(path, &format!("{key} occurs twice")));
            }
        }
        let others = listing.others.into_iter().map(|(key, what)| (bare(&key), what)).collect();
        let metadata = listing.metadata;
        Ok(Self { path: path.into(), source, format, tensors, others, metadata })
    }

    /// Computes the SHA-256 of the whole file, in hexadecimal.
    pub(crate) fn sha256(&self) -> Result<String, ModelError> {
        let io = |source| ModelError::Io { path: self.path.clone(), source };
        let mut hasher = Sha256::new();
        let mut bytes = self.bytes()?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match bytes.read(&mut buffer).map_err(io)? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Returns a reader of the tensors, with its own file position.
    pub(crate) fn reader(&self) -> Result<TensorReader<'_>, ModelError> {
        TensorReader::new(self)
    }

    fn bytes(&self) -> Result<Bytes, ModelError> {
        self.source.open().map_err(|source| ModelError::Io { path: self.path.clone(), source })
    }
}

/// Removes the prefix of data parallel training from a key.
fn bare(key: &str) -> String {
    key.strip_prefix(PREFIX).unwrap_or(key).to_owned()
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

/// Returns why the first bytes of a file belong to no format of checkpoints.
fn unknown(magic: &[u8]) -> &'static str {
    match magic {
        b"version https://" => {
            "it is a Git LFS pointer instead of the file: fetch the file with `git lfs pull`"
        }
        [b'<', ..] => "it is a web page or XML: download the file itself",
        _ => "it has neither PyTorch's format nor safetensors",
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
    fn files_in_place_of_a_checkpoint_are_named() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n";
        assert!(reason(pointer).contains("Git LFS pointer"));
        assert!(reason(b"<!DOCTYPE html><html>").contains("web page"));
        assert!(reason(b"not weights at all").contains("neither PyTorch's format"));
    }
}

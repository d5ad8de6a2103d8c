//! Files of named tensors: PyTorch's `.pth` in both of its formats, and safetensors.
//!
//! A [`TensorFile`] knows the name, shape and place of each tensor; numbers are read when they are
//! wanted. The file lies on disk or in memory ([`Source`]).

pub mod archive;
#[cfg(feature = "flex")]
pub(crate) mod in_file;
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

/// What data parallel training leaves before every key of a released checkpoint.
pub(crate) const PREFIX: &str = "module.";

/// An opened file: its tensors are known, none is read yet.
#[derive(Debug)]
pub(crate) struct TensorFile {
    /// The file's path, or the name that was given with its bytes. Errors show it.
    pub(crate) path: PathBuf,
    source: Source,
    pub(crate) format: Format,
    /// By key, without the `module.` that data parallel training leaves in front.
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// Keys whose values are not tensors, and the type of each value.
    pub(crate) others: Vec<(String, String)>,
    /// The `avff` entry of a safetensors file's metadata.
    pub(crate) metadata: Option<String>,
}

/// The contents of a file as one format lists them.
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
            return Err(format_error(path, "not a regular file"));
        }
        Self::list(path, Source::File(path.into()), meta.len())
    }

    /// Opens a file that lies in memory. Errors call it `name`.
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
            _ => return Err(format_error(path, "neither PyTorch's format nor safetensors")),
        };
        let listing = listing.map_err(|reason| format_error(path, &reason))?;
        let mut tensors = BTreeMap::new();
        for (key, tensor) in listing.tensors {
            check_extent(&key, &tensor, length).map_err(|e| format_error(path, &e))?;
            if tensors.insert(bare(&key), tensor).is_some() {
                return Err(format_error(path, &format!("{key} is there twice")));
            }
        }
        let others = listing.others.into_iter().map(|(key, what)| (bare(&key), what)).collect();
        let metadata = listing.metadata;
        Ok(Self { path: path.into(), source, format, tensors, others, metadata })
    }

    /// SHA-256 of the file, in hexadecimal; reads all of it.
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

    /// A reader of its tensors, which has a file position of its own.
    pub(crate) fn reader(&self) -> Result<TensorReader<'_>, ModelError> {
        TensorReader::new(self)
    }

    fn bytes(&self) -> Result<Bytes, ModelError> {
        self.source.open().map_err(|source| ModelError::Io { path: self.path.clone(), source })
    }
}

/// A key without the mark of data parallel training.
fn bare(key: &str) -> String {
    key.strip_prefix(PREFIX).unwrap_or(key).to_owned()
}

/// No tensor may reach past the end of its file, or be larger than it says it is.
fn check_extent(key: &str, tensor: &StoredTensor, file: u64) -> Result<(), String> {
    let bytes = tensor.span().and_then(|span| span.checked_mul(tensor.dtype.size().max(1)));
    let end = bytes.and_then(|bytes| tensor.offset.checked_add(bytes as u64));
    let count = tensor.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    match (end, count) {
        // Overlapping strides could make a tensor larger than any file; weights have none.
        (Some(end), Some(count)) if end <= file && count as u64 <= file => Ok(()),
        _ => Err(format!("truncated: {key} reaches past the end of the file")),
    }
}

pub(crate) fn format_error(path: &Path, reason: &str) -> ModelError {
    ModelError::Format { path: path.into(), reason: reason.into() }
}

//! Named tensors of any module in one safetensors file: the training checkpoint that a run resumes
//! from.

use std::path::Path;

use burn::tensor::TensorData;

use super::{
    StoredDtype, TensorFile, TensorReader, format_error,
    safetensors::{self, Outgoing, Precision},
};
use crate::error::ModelError;

/// A tensor to be written; its numbers are fetched when their turn comes.
pub struct Entry {
    /// Its name in the file.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Fetches its numbers, as f32.
    pub data: Box<dyn Fn() -> TensorData>,
}

/// An opened file of named tensors.
#[derive(Debug)]
pub struct Archive(TensorFile);

impl Archive {
    /// Writes a file as a whole or not at all, and to the disk before it gets its name.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn write(path: &Path, entries: Vec<Entry>, metadata: String) -> Result<(), ModelError> {
        let mut tensors: Vec<Outgoing> = entries
            .into_iter()
            .map(|Entry { name, shape, data }| Outgoing {
                key: name,
                shape,
                data,
                precision: Precision::F32,
            })
            .collect();
        tensors.sort_by(|a, b| a.key.cmp(&b.key));
        safetensors::write(path, &tensors, metadata)
    }

    /// Opens what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::Format`].
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        TensorFile::open(path).map(Self)
    }

    /// What was written beside the tensors.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.0.metadata.as_deref()
    }

    /// Reads tensors one after the other.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn reader(&self) -> Result<ArchiveReader<'_>, ModelError> {
        Ok(ArchiveReader { archive: self, reader: self.0.reader()? })
    }
}

/// A file position to read tensors from.
#[derive(Debug)]
pub struct ArchiveReader<'a> {
    archive: &'a Archive,
    reader: TensorReader<'a>,
}

impl ArchiveReader<'_> {
    /// The numbers of a tensor that must have this shape.
    ///
    /// # Errors
    /// [`ModelError::Format`] where there is no such tensor, [`ModelError::Io`].
    pub fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let file = &self.archive.0;
        let off = |reason: String| format_error(&file.path, &reason);
        let stored = file.tensors.get(name).ok_or_else(|| off(format!("{name} is missing")))?;
        if stored.shape != shape {
            return Err(off(format!("{name} is {:?}, {shape:?} is needed", stored.shape)));
        }
        if let StoredDtype::NotFloat(what) = stored.dtype {
            return Err(off(format!("{name} is {what}")));
        }
        self.reader.read(stored)
    }
}

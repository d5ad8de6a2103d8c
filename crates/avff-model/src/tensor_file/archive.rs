//! Stores the named tensors of any module in one safetensors file, such as a training checkpoint.

use std::path::Path;

use burn::tensor::TensorData;

use super::{
    StoredDtype, TensorFile, TensorReader, format_error,
    safetensors::{self, Outgoing, Precision},
};
use crate::error::ModelError;

/// A tensor to write; its values are fetched just before they are written.
pub struct Entry {
    /// Name in the file.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Returns the values, as f32.
    pub data: Box<dyn Fn() -> TensorData>,
}

/// An opened file of named tensors.
#[derive(Debug)]
pub struct Archive(TensorFile);

impl Archive {
    /// Writes a file atomically: it is synced to disk before it gets its name.
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
        safetensors::write(path, &tensors, &metadata)
    }

    /// Opens a file that [`write`](Self::write) created.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::Format`].
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        TensorFile::open(path).map(Self)
    }

    /// Returns the metadata that was stored with the tensors.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.0.metadata.as_deref()
    }

    /// Returns a reader of the tensors.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn reader(&self) -> Result<ArchiveReader<'_>, ModelError> {
        Ok(ArchiveReader { archive: self, reader: self.0.reader()? })
    }
}

/// Reads tensors of an archive.
#[derive(Debug)]
pub struct ArchiveReader<'a> {
    archive: &'a Archive,
    reader: TensorReader<'a>,
}

impl ArchiveReader<'_> {
    /// Reads a tensor that must have the given shape.
    ///
    /// # Errors
    /// [`ModelError::Format`] for a missing tensor or another shape, [`ModelError::Io`].
    pub fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let file = &self.archive.0;
        let error = |reason: String| format_error(&file.path, &reason);
        let stored = file.tensors.get(name).ok_or_else(|| error(format!("{name} is missing")))?;
        if stored.shape != shape {
            return Err(error(format!(
                "{name} has shape {:?}, but {shape:?} is needed",
                stored.shape
            )));
        }
        if let StoredDtype::NotFloat(what) = stored.dtype {
            return Err(error(format!("{name} is {what}")));
        }
        self.reader.read(stored)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::{fs, sync::Arc};

    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |name: &str, shape: &[usize], values: Vec<f32>| Entry {
            name: name.into(),
            shape: shape.into(),
            data: Box::new(move || TensorData::from(&values[..])),
        };
        vec![entry("a/w", &[2, 2], vec![1.0, -2.0, 0.5, 3.0]), entry("b", &[1], vec![7.0])]
    }

    fn read(bytes: Arc<[u8]>) -> Result<(Option<String>, Vec<Vec<f32>>), ModelError> {
        let archive = Archive(TensorFile::from_bytes(Path::new("a"), bytes)?);
        let mut reader = archive.reader()?;
        let values = vec![reader.read("a/w", &[2, 2])?, reader.read("b", &[1])?];
        Ok((archive.metadata().map(str::to_owned), values))
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_changes_nothing() {
        for metadata in ["step = 3\n[optimizer]\nlr = 0.5\n", "{\"config\":{\"dim\":24}}"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state.safetensors");
            Archive::write(&path, entries(), metadata.into()).unwrap();
            let whole = fs::read(&path).unwrap();
            let right = read(whole.clone().into()).unwrap();
            assert_eq!(right.0.as_deref(), Some(metadata));
            let mut refused = 0;
            for bit in 0..whole.len() * 8 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                match read(flipped.into()) {
                    Err(_) => refused += 1,
                    Ok(values) => assert_eq!(values, right, "bit {bit} of {metadata}"),
                }
            }
            assert!(refused > whole.len() * 7, "{refused} of {}", whole.len() * 8);
        }
    }
}

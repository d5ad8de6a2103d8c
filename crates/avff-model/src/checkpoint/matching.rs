//! Loads the weights of any file that match a network by key and shape.

use std::path::Path;

use burn::{module::Module, prelude::Backend};
use serde::{Deserialize, Serialize};

use super::{Metadata, NOTE_ENTRY, load, read_metadata};
use crate::{
    error::{KeyProblems, ModelError},
    tensor_file::{StoredDtype, TensorFile},
};

/// A file of tensors, of which a network takes those that match. It may lack keys of the network
/// and have others. It need not hold one of the two models.
#[derive(Debug)]
pub struct MatchingWeights {
    file: TensorFile,
    metadata: Option<Metadata>,
}

/// The keys of a network and of a file, by whether they match.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// Loaded keys.
    pub loaded: Vec<String>,
    /// Keys of the network that kept their initial values, and unused keys of the file.
    #[serde(flatten)]
    pub left: KeyProblems,
}

impl MatchingWeights {
    /// Opens a `.pth` or safetensors file, or the index of a sharded checkpoint. Prefixes of
    /// wrappers such as `module.` are removed from its keys.
    ///
    /// # Errors
    /// [`ModelError::Io`], or [`ModelError::Format`] for a file without readable tensors.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let file = TensorFile::open(path.as_ref())?;
        let metadata = read_metadata(&file)?;
        Ok(Self { file, metadata })
    }

    /// Returns the note that accompanies every output of the file's weights.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.metadata.as_ref()?.extra.get(NOTE_ENTRY)?.as_str()
    }

    /// Replaces every parameter of `model` that the file has with the same key and shape. The
    /// others keep their values.
    ///
    /// # Errors
    /// [`ModelError::NoMatch`] if no key matches, [`ModelError::Io`] and [`ModelError::Format`].
    pub fn load_into<B: Backend, M: Module<B>>(
        &self,
        model: M,
    ) -> Result<(M, Matched), ModelError> {
        let required = load::required(&model);
        let left = load::compare(&required, &self.file, load::Tolerance::NONE);
        let matches = |key: &str, shape: &[usize]| {
            self.file.tensors.get(key).is_some_and(|stored| {
                stored.shape == shape && !matches!(stored.dtype, StoredDtype::NotFloat(_))
            })
        };
        let loaded: Vec<String> = required
            .into_iter()
            .filter(|(key, shape)| matches(key, shape))
            .map(|(key, _)| key)
            .collect();
        if loaded.is_empty() {
            return Err(ModelError::NoMatch {
                path: self.file.path.clone(),
                problems: Box::new(left),
            });
        }
        let model = load::fill_where(model, &self.file, |key, shape| matches(key, shape))?;
        Ok((model, Matched { loaded, left }))
    }
}

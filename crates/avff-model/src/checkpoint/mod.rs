//! Checkpoints: PyTorch's `.pth` in both of its formats, and safetensors.
//!
//! Keys and layouts are the reference's. What is written here carries its config; the sizes of a
//! bare `.pth` are read off its shapes. Loading never runs a pickle's code.

mod infer;
mod keys;
pub(crate) mod load;
mod models;
mod save;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::{module::Module, prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    config::AvffConfig,
    error::ModelError,
    tensor_file::{TensorFile, format_error, safetensors},
};

#[cfg(feature = "flex")]
pub use crate::tensor_file::in_file::InFile;
pub use crate::{
    kind::Kind,
    tensor_file::{Format, StoredDtype, StoredTensor, archive, safetensors::Precision},
};

/// Describes the weights in a file that this library wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this library that wrote the file.
    pub version: String,
    /// Which model.
    pub kind: Kind,
    /// Its config.
    pub config: AvffConfig,
    /// Whether the weights were trained for the model's task. A classifier straight from a seed or from
    /// adaptation was not, and its scores mean nothing.
    pub trained: bool,
    /// Anything else that the writer stores, such as how clips are prepared.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Metadata {
    /// Metadata of a model written by this version.
    #[must_use]
    pub fn new(kind: Kind, config: &AvffConfig, trained: bool) -> Self {
        let version = env!("CARGO_PKG_VERSION").into();
        Self { version, kind, config: config.clone(), trained, extra: BTreeMap::new() }
    }
}

/// An opened checkpoint: its keys are known, its values are not yet read.
#[derive(Debug)]
pub struct Checkpoint {
    file: TensorFile,
    kind: Kind,
    metadata: Option<Metadata>,
}

impl Checkpoint {
    /// Opens a `.pth` or safetensors file.
    ///
    /// # Errors
    /// [`ModelError::Io`], or [`ModelError::Format`] for anything but a checkpoint of this network.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::of(TensorFile::open(path.as_ref())?)
    }

    /// Opens a `.pth` or safetensors file that lies in memory. `name` stands for its path in errors
    /// and in [`path`](Self::path).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(
        name: impl AsRef<Path>,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Result<Self, ModelError> {
        Self::of(TensorFile::from_bytes(name.as_ref(), bytes.into())?)
    }

    fn of(file: TensorFile) -> Result<Self, ModelError> {
        let path = file.path.as_path();
        let has = |part: &str| file.tensors.keys().any(|key| key.starts_with(part));
        let kind = match (has("mlp_head."), has("audio_decoder.")) {
            (true, false) => Kind::Classifier,
            (false, true) => Kind::Pretrain,
            _ if has("weights/") && has("optimizer/") => {
                return Err(format_error(
                    path,
                    "what a training run resumes from; its weights are in best.safetensors or last.safetensors \
                     beside it",
                ));
            }
            _ => {
                return Err(format_error(
                    path,
                    "neither AVFF's classifier nor its pre-training model",
                ));
            }
        };
        let metadata = file
            .metadata
            .as_deref()
            .map(serde_json::from_str::<Metadata>)
            .transpose()
            .map_err(|e| format_error(path, &format!("its avff metadata: {e}")))?;
        if metadata.as_ref().is_some_and(|metadata| metadata.kind != kind) {
            return Err(format_error(path, "its metadata names the other model"));
        }
        Ok(Self { file, kind, metadata })
    }

    /// Where the file is, or the name that was given with its bytes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Which model it holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The container it is stored in.
    #[must_use]
    pub fn format(&self) -> Format {
        self.file.format
    }

    /// What was written with the weights; a `.pth` has none.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// Keys, without the `module.` of data parallel training, and where their tensors lie.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, &StoredTensor)> {
        self.file.tensors.iter().map(|(key, tensor)| (key.as_str(), tensor))
    }

    /// Numbers in all tensors together.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.file.tensors.values().map(StoredTensor::len).sum()
    }

    /// SHA-256 of the file, in hexadecimal; reads all of it.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn sha256(&self) -> Result<String, ModelError> {
        self.file.sha256()
    }

    /// The network's config: the one stored with the weights, else `open_avff` with the sizes read
    /// off the shapes. `overrides` is a JSON object that is merged into it, such as
    /// `{"encoder": {"heads": 3}}`.
    ///
    /// # Errors
    /// [`ModelError::Infer`] where shapes do not tell, [`ModelError::Config`] where the result
    /// does not fit together.
    pub fn config(&self, overrides: Option<&serde_json::Value>) -> Result<AvffConfig, ModelError> {
        let mut config = match &self.metadata {
            Some(metadata) => metadata.config.clone(),
            None => infer::config(&self.file, self.kind)?,
        };
        if let Some(overrides) = overrides {
            config = config.merged(overrides)?;
        }
        let stacks = [("encoder", &config.encoder), ("decoder", &config.decoder)];
        for (name, stack) in &stacks[..if self.kind == Kind::Pretrain { 2 } else { 1 }] {
            if stack.heads == 0 {
                return Err(ModelError::Infer {
                    path: self.file.path.clone(),
                    what: "attention heads",
                    reason: format!(
                        "64 does not divide the {name}'s width of {}; give a config file with \
                         {{\"{name}\": {{\"heads\": N}}}}",
                        stack.dim
                    ),
                });
            }
        }
        config.validate()?;
        Ok(config)
    }

    /// Whether the checkpoint holds this model.
    ///
    /// # Errors
    /// [`ModelError::Kind`] where it holds the other one.
    pub fn require(&self, expected: Kind) -> Result<(), ModelError> {
        if self.kind == expected {
            return Ok(());
        }
        Err(ModelError::Kind { path: self.file.path.clone(), actual: self.kind, expected })
    }
}

/// Keys, without `module.`, and shapes of every parameter of a model, in the order of its fields.
pub fn required_keys<B: Backend, M: Module<B>>(model: &M) -> Vec<(String, Vec<usize>)> {
    load::wanted_keys(model)
}

/// Writes a model as safetensors under the reference's keys (`module.` in front) and layouts,
/// which PyTorch loads as they are. The file appears whole or not at all.
///
/// # Errors
/// [`ModelError::Io`]; [`ModelError::Prepared`] of a network whose weights were packed or rounded.
pub fn save<B: Backend, M: Module<B>>(
    model: &M,
    metadata: &Metadata,
    precision: Precision,
    path: impl Into<PathBuf>,
) -> Result<(), ModelError> {
    let path = path.into();
    let json = serde_json::to_string(metadata)
        .map_err(|e| ModelError::Io { path: path.clone(), source: io::Error::other(e) })?;
    let tensors = save::collect(model, precision);
    if tensors.iter().any(|tensor| tensor.shape.contains(&0)) {
        return Err(ModelError::Prepared);
    }
    safetensors::write(&path, &tensors, json)
}

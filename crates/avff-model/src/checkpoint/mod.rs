//! Checkpoints in PyTorch's two `.pth` formats and in safetensors, also sharded by an index.
//!
//! Keys and layouts are those of the reference. Files written by this library contain their config;
//! for a bare `.pth` the sizes are inferred from the tensor shapes. Loading never executes a
//! pickle's code.

mod infer;
mod keys;
pub(crate) mod load;
mod matching;
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
    tensor_file::{TensorFile, format_error, safetensors, torch},
};

pub use self::{
    matching::{Matched, MatchingWeights},
    save::{KeyStyle, WriteOptions},
};
#[cfg(feature = "flex")]
pub use crate::tensor_file::offloaded::OffloadedWeights;
pub use crate::{
    kind::Kind,
    tensor_file::{Format, StoredDtype, StoredTensor, archive, safetensors::Precision},
};

/// Name of the entry in [`Metadata::extra`] with a warning that accompanies every output of the
/// weights.
pub const NOTE_ENTRY: &str = "note";

/// Describes the weights in a file that this library wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this library that wrote the file.
    pub version: String,
    /// The model that the file holds.
    pub kind: Kind,
    /// The config of the model.
    pub config: AvffConfig,
    /// Whether the weights were trained for the model's task. The scores of an untrained
    /// classifier, such as one that was only initialized or adapted, are meaningless.
    pub trained: bool,
    /// Further values that the writer stores, such as the preprocessing of clips.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Metadata {
    /// Creates metadata for a model that this version writes.
    #[must_use]
    pub fn new(kind: Kind, config: &AvffConfig, trained: bool) -> Self {
        let version = env!("CARGO_PKG_VERSION").into();
        Self { version, kind, config: config.clone(), trained, extra: BTreeMap::new() }
    }
}

/// An opened checkpoint: its keys are known, but its values are not loaded yet.
#[derive(Debug)]
pub struct Checkpoint {
    file: TensorFile,
    kind: Kind,
    metadata: Option<Metadata>,
}

impl Checkpoint {
    /// Opens a `.pth` or safetensors file, or the index of a sharded checkpoint
    /// (`*.safetensors.index.json`), whose shards are in the folder of the index.
    ///
    /// A training checkpoint with the weights among other values is read too, and so is a whole
    /// module that `torch.save(model)` wrote: its parameters are read as data.
    ///
    /// # Errors
    /// [`ModelError::Io`], or [`ModelError::Format`] for a file that is not a checkpoint of this
    /// network.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::of(TensorFile::open(path.as_ref())?)
    }

    /// Opens the contents of a `.pth` or safetensors file. `name` replaces the path in errors and
    /// in [`path`](Self::path).
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
        if let Some(index) = file.index_beside() {
            let reason = format!("it is one shard of several: give the index {}", index.display());
            return Err(format_error(path, &reason));
        }
        let kind = match (has("mlp_head."), has("audio_decoder.")) {
            (true, false) => Kind::Classifier,
            (false, true) => Kind::Pretrain,
            _ if has("weights/") && has("optimizer/") => {
                return Err(format_error(
                    path,
                    "it is a training checkpoint, from which a run resumes; its weights are in best.safetensors or \
                     last.safetensors beside it",
                ));
            }
            _ => return Err(format_error(path, &unknown_network(&file))),
        };
        let metadata = read_metadata(&file)?;
        if metadata.as_ref().is_some_and(|metadata| metadata.kind != kind) {
            return Err(format_error(path, "its metadata names the other model"));
        }
        Ok(Self { file, kind, metadata })
    }

    /// Returns the path of the file, or the name that was given with its bytes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Returns the kind of model in the file.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the file format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.file.format
    }

    /// Returns the metadata that was stored with the weights; a `.pth` has none.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// Iterates over keys and tensor locations. The prefixes of wrappers are removed: `module.` of
    /// data parallel training, `_orig_mod.` of `torch.compile`, `model.` and `net.`.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, &StoredTensor)> {
        self.file.tensors.iter().map(|(key, tensor)| (key.as_str(), tensor))
    }

    /// Returns the number of values in all tensors.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.file.tensors.values().map(StoredTensor::len).sum()
    }

    /// Computes the SHA-256 of the whole file, in hexadecimal. For a sharded checkpoint it is the
    /// SHA-256 of the index followed by the shards in the order of their names.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn sha256(&self) -> Result<String, ModelError> {
        self.file.sha256()
    }

    /// Writes a copy with other metadata. The weights stay bit-identical.
    ///
    /// # Errors
    /// [`ModelError::Io`]; [`ModelError::Format`] if the checkpoint is not one safetensors file, which
    /// alone has a place for metadata, or if a tensor does not match its checksum.
    pub fn copy_with(&self, metadata: &Metadata, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let Some(bytes) = self.file.safetensors()? else {
            return Err(format_error(
                self.path(),
                "it has no place for metadata: it is not one safetensors file",
            ));
        };
        let json = serde_json::to_string(metadata)
            .map_err(|e| ModelError::Io { path: path.into(), source: io::Error::other(e) })?;
        safetensors::copy(&bytes, path, &json)
    }

    /// Returns the network's config: the stored one, or `open_avff` with the sizes inferred from
    /// the tensor shapes. `overrides` is a JSON object that is merged into it, such as `{"encoder":
    /// {"heads": 3}}`.
    ///
    /// # Errors
    /// [`ModelError::Infer`] if the shapes do not determine the sizes, [`ModelError::Config`] if
    /// the resulting sizes are inconsistent.
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
                        "64 does not divide the {name} width of {}; give a config file with \
                         {{\"{name}\": {{\"heads\": N}}}}",
                        stack.dim
                    ),
                });
            }
        }
        config.validate()?;
        Ok(config)
    }

    /// Checks that the checkpoint holds the expected model.
    ///
    /// # Errors
    /// [`ModelError::Kind`] if it holds the other model.
    pub fn require(&self, expected: Kind) -> Result<(), ModelError> {
        if self.kind == expected {
            return Ok(());
        }
        Err(ModelError::Kind { path: self.file.path.clone(), actual: self.kind, expected })
    }
}

/// Reads the metadata that this library stored with the tensors, if any.
fn read_metadata(file: &TensorFile) -> Result<Option<Metadata>, ModelError> {
    let metadata = file.metadata.as_deref().map(serde_json::from_str::<Metadata>).transpose();
    metadata.map_err(|e| format_error(&file.path, &format!("its avff metadata is invalid: {e}")))
}

/// Returns the reason why a file with other keys is refused.
fn unknown_network(file: &TensorFile) -> String {
    let reason = "it holds neither AVFF's classifier nor its pre-training model";
    let known = ["audio_encoder.", "visual_encoder."];
    let prefix = file.tensors.keys().find_map(|key| {
        let at = known.iter().find_map(|name| key.find(&format!(".{name}")))?;
        key.get(..=at)
    });
    match (prefix, file.tensors.keys().next()) {
        (Some(prefix), _) => format!(
            "{reason}: its keys start with `{}`, which must be removed from each",
            prefix.escape_debug()
        ),
        (None, Some(key)) => format!("{reason}: its first key is `{}`", key.escape_debug()),
        (None, None) => format!("{reason}: it has no tensors"),
    }
}

/// Returns the keys, without `module.`, and shapes of every parameter of a model, in field order.
pub fn required_keys<B: Backend, M: Module<B>>(model: &M) -> Vec<(String, Vec<usize>)> {
    load::required(model)
}

/// Writes a model as safetensors with the keys (prefix `module.`) and layouts of the reference, so
/// that PyTorch loads it directly. The file is written atomically.
///
/// # Errors
/// [`ModelError::Io`]; [`ModelError::Prepared`] for a network with packed or rounded weights.
pub fn save<B: Backend, M: Module<B>>(
    model: &M,
    metadata: &Metadata,
    precision: Precision,
    path: impl Into<PathBuf>,
) -> Result<(), ModelError> {
    save_with(model, metadata, WriteOptions { precision, ..Default::default() }, path)
}

/// Writes a model as safetensors, as [`save`] does, in another form.
///
/// # Errors
/// The errors of [`save`].
pub fn save_with<B: Backend, M: Module<B>>(
    model: &M,
    metadata: &Metadata,
    options: WriteOptions,
    path: impl Into<PathBuf>,
) -> Result<(), ModelError> {
    let path = path.into();
    let json = serde_json::to_string(metadata)
        .map_err(|e| ModelError::Io { path: path.clone(), source: io::Error::other(e) })?;
    safetensors::write(&path, &save::collect(model, options)?, &json)
}

/// Writes a model as a `.pth`, which `torch.load` reads also with `weights_only=True`. The format
/// has no place for [`Metadata`]: such a file lacks the network's config, the preparation of clips
/// and any warning. The file is written atomically.
///
/// # Errors
/// The errors of [`save`].
pub fn save_torch<B: Backend, M: Module<B>>(
    model: &M,
    options: WriteOptions,
    path: impl Into<PathBuf>,
) -> Result<(), ModelError> {
    torch::write(&path.into(), &save::collect(model, options)?)
}

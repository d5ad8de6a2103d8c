//! Checkpoints: PyTorch's `.pth` in both of its formats, and safetensors.
//!
//! Keys and layouts are the reference's. What is written here carries its config; the sizes of a
//! bare `.pth` are read off its shapes. Loading never runs a pickle's code.

pub mod archive;
#[cfg(feature = "flex")]
pub(crate) mod in_file;
mod infer;
mod keys;
pub(crate) mod load;
mod pickle;
mod pth;
mod safetensors;
mod save;
mod tensors;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};
#[cfg(feature = "flex")]
use std::{collections::HashSet, sync::Arc};

use burn::{module::Module, prelude::*};
use serde::{Deserialize, Serialize};

#[cfg(feature = "flex")]
pub use in_file::InFile;
pub use safetensors::Precision;
pub use tensors::{Format, StoredDtype, StoredTensor};

use crate::{
    classifier::Classifier,
    config::{AvffConfig, TokenSpan},
    error::ModelError,
    init::Init,
    pretrain::Pretrain,
};
#[cfg(feature = "flex")]
use in_file::Place;
use load::Tolerance;
pub(crate) use tensors::{TensorFile, format_error};

/// Which of the two models a checkpoint holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Stages 1 and 2.
    Pretrain,
    /// Stage 3.
    Classifier,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pretrain => "pre-training model",
            Self::Classifier => "classifier",
        })
    }
}

/// What travels with the weights in a file written here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this library that wrote the file.
    pub version: String,
    /// Which model.
    pub kind: Kind,
    /// Its config.
    pub config: AvffConfig,
    /// Whether the weights were trained for what the model is meant to do; a classifier fresh from
    /// a seed or from adaptation was not, and its scores mean nothing.
    pub trained: bool,
    /// Whatever else the writer wants kept, such as how clips are prepared.
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

/// An opened checkpoint: its keys are known, its numbers not yet read.
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
        let path = path.as_ref();
        let file = TensorFile::open(path)?;
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

    /// Where the file is.
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
    /// off the shapes. `overrides` is a JSON object laid over it, such as
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
            config = config.overlaid(overrides)?;
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

    /// Loads the classifier.
    ///
    /// # Errors
    /// [`ModelError::Kind`] for a pre-training checkpoint, [`ModelError::Keys`] with every key that
    /// is missing, unused, misshapen or no float, [`ModelError::Io`].
    pub fn classifier<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        self.require(Kind::Classifier)?;
        let blank = Classifier::new(config, &mut Init::blank(), device)?;
        load::load(blank, &self.file, Tolerance::NONE)
    }

    /// As [`classifier`](Self::classifier), for a pass or two on the CPU: the weights of the encoders' blocks stay in
    /// the file, and each is read when it is wanted. Scores are the same to the last bit; a released network
    /// takes a quarter of the memory, and nothing has to be loaded first. A pass over a file that others have changed computes with what it
    /// finds.
    ///
    /// What comes beside it says whether reading failed meanwhile; there is none where all is in memory, as on
    /// another backend or from numbers that are not f32.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier).
    #[cfg(feature = "flex")]
    pub fn classifier_in_file<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<(Classifier<B>, Option<Arc<InFile>>), ModelError> {
        self.require(Kind::Classifier)?;
        let mut blank = Classifier::<B>::new(config, &mut Init::blank(), device)?;
        load::check(&blank, &self.file, Tolerance::NONE)?;
        let source = Arc::new(InFile::open(&self.file)?);
        let keys = load::keys_by_id(&blank);
        let mut left = HashSet::new();
        blank.leave_in(&source, |id| {
            let key = keys.get(id)?;
            let place = Place::of(self.file.tensors.get(key)?)?;
            left.insert(key.clone());
            Some(place)
        });
        let classifier = load::fill_but(blank, &self.file, &left)?;
        Ok((classifier, (!left.is_empty()).then_some(source)))
    }

    /// Loads the pre-training model.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier).
    pub fn pretrain<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<Pretrain<B>, ModelError> {
        self.require(Kind::Pretrain)?;
        let blank = Pretrain::new(config, &mut Init::blank(), device)?;
        load::load(blank, &self.file, Tolerance::NONE)
    }

    /// The stage 2 to stage 3 adaptation: encoders and cross-modal blocks carry over, decoders are
    /// dropped, and the head starts from `seed`; so do token maps that span a clip, while those of slices
    /// ([`TokenSpan`]) carry over.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier), for a checkpoint that holds no pre-training model.
    pub fn adapt<B: Backend>(
        &self,
        config: &AvffConfig,
        seed: u64,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        self.require(Kind::Pretrain)?;
        let fresh = Classifier::new(config, &mut Init::seeded(seed), device)?;
        let tolerance = match config.token_span {
            TokenSpan::Slice => Tolerance { may_lack: keys::of_head, may_drop: keys::of_decoders },
            TokenSpan::Clip => Tolerance {
                may_lack: |key| keys::of_head(key) || keys::of_token_maps(key),
                may_drop: |key| keys::of_decoders(key) || keys::of_token_maps(key),
            },
        };
        load::load(fresh, &self.file, tolerance)
    }

    /// Whether the checkpoint holds this model.
    ///
    /// # Errors
    /// [`ModelError::Kind`] where it holds the other one.
    pub fn require(&self, wanted: Kind) -> Result<(), ModelError> {
        if self.kind == wanted {
            return Ok(());
        }
        Err(ModelError::Kind { path: self.file.path.clone(), found: self.kind, wanted })
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

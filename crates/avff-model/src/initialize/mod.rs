//! Initialization from published encoders: MARLIN for the frames, AudioMAE or CAV-MAE for the
//! audio.
//!
//! A [`PublishedEncoder`] is an opened file. [`PublishedEncoder::initialize`] loads its encoder
//! into a pre-training model and reports the origin of every key. Where this network computes
//! differently, values are converted so that the result is exactly equal:
//!
//! - Kernels are converted for this network's [`Normalization`] of inputs. The kernel of AudioMAE,
//!   which runs over `[time, mel]`, is transposed.
//! - Biases of q, k and v, which this network does not have, are folded into the norm before
//!   attention and the projection after it. The report states how much of q's bias is lost.
//! - Position tables are put in this network's token order. Tables on another grid and kernels of
//!   another patch size are interpolated (cubic, like PyTorch's `bicubic`), which is an
//!   approximation.
//!
//! [`Report::notes`] lists the remaining differences. AudioMAE's class token took part in its
//! attention, but this network has none. AudioMAE's LayerNorms add 1e-6 to the variance; these add
//! 1e-5.
//!
//! The files do not contain the number of attention heads. The config must set the source's number,
//! which is `dim / 64` in every published encoder.

mod architecture;
mod attention_biases;
mod plan;
mod report;
mod resample;
mod summary;
mod values;

use std::path::Path;

use burn::prelude::*;
use strum::VariantArray;

pub use architecture::{Architecture, Modality, Normalization};
pub use report::{Conversion, InitializedKey, Report, UnusedKey};

use crate::{
    checkpoint::load,
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    pretrain::Pretrain,
    tensor_file::{TensorFile, format_error},
};
use plan::Plan;

/// An opened file with a published encoder; its values are not loaded yet.
#[derive(Debug)]
pub struct PublishedEncoder {
    file: TensorFile,
    architecture: Architecture,
    prefix: String,
}

impl PublishedEncoder {
    /// Opens a `.pth`, `.pt` or safetensors file and locates its encoder.
    ///
    /// # Errors
    /// [`ModelError::Io`] or [`ModelError::Format`] for an unreadable file,
    /// [`ModelError::Initialize`] for a file with none or several of the known encoders.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let file = TensorFile::open(path)?;
        let mut candidates = Vec::new();
        for &architecture in Architecture::VARIANTS {
            for key in file.tensors.keys() {
                let Some(prefix) = key.strip_suffix(architecture.kernel()) else { continue };
                if prefix.is_empty() || prefix.ends_with('.') {
                    candidates.push((architecture, prefix.to_owned()));
                }
            }
        }
        let error = |reason: String| ModelError::Initialize { path: path.into(), reason };
        let (architecture, prefix) = match candidates.as_slice() {
            [(architecture, prefix)] => (*architecture, prefix.clone()),
            [] => {
                let keys: Vec<String> = Architecture::VARIANTS
                    .iter()
                    .map(|architecture| format!("{} ({architecture})", architecture.kernel()))
                    .collect();
                return Err(error(format!("it has none of the keys {}", keys.join(", "))));
            }
            several => {
                let keys: Vec<String> = several
                    .iter()
                    .map(|(architecture, prefix)| {
                        format!("{prefix}{} ({architecture})", architecture.kernel())
                    })
                    .collect();
                return Err(error(format!(
                    "it holds several encoders, so the choice is ambiguous: {}",
                    keys.join(", ")
                )));
            }
        };
        if file.tensors.contains_key(&format!("{prefix}dist_token")) {
            return Err(error(
                "its distillation token belongs to AST, whose layout differs from AudioMAE and CAV-MAE"
                    .into(),
            ));
        }
        Ok(Self { file, architecture, prefix })
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Returns the architecture of the encoder.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Computes the SHA-256 of the whole file, in hexadecimal.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn sha256(&self) -> Result<String, ModelError> {
        self.file.sha256()
    }

    /// Initializes one encoder of a model from this file and reports the origin of each key.
    /// `inputs` is the normalization of the model's clips.
    ///
    /// Names and sizes are checked before any value is read.
    ///
    /// # Errors
    /// [`ModelError::Initialize`] for an encoder of other sizes, or with parts that this network
    /// does not have; [`ModelError::Keys`] for an incomplete encoder; [`ModelError::Format`] for
    /// non-finite numbers; [`ModelError::Io`].
    pub fn initialize<B: Backend>(
        &self,
        mut model: Pretrain<B>,
        inputs: &Normalization,
    ) -> Result<(Pretrain<B>, Report), ModelError> {
        let config = model.config().clone();
        let report = match self.architecture.modality() {
            Modality::Audio => {
                let (encoder, report) = self.fill::<B, AudioEncoder<B>>(
                    model.audio_encoder,
                    Plan::new(&self.file, self.architecture, &self.prefix, &config, inputs),
                )?;
                model.audio_encoder = encoder;
                report
            }
            Modality::Video => {
                let (encoder, report) = self.fill::<B, VisualEncoder<B>>(
                    model.visual_encoder,
                    Plan::new(&self.file, self.architecture, &self.prefix, &config, inputs),
                )?;
                model.visual_encoder = encoder;
                report
            }
        };
        Ok((model, report))
    }

    fn fill<B: Backend, M: burn::module::Module<B>>(
        &self,
        encoder: M,
        mut plan: Plan<'_>,
    ) -> Result<(M, Report), ModelError> {
        let prefix = match self.architecture.modality() {
            Modality::Audio => "audio_encoder",
            Modality::Video => "visual_encoder",
        };
        plan.check(&load::required_with_prefix(&encoder, prefix))?;
        let mut reader = self.file.reader()?;
        let mut read = |key: &str| {
            let Some(tensor) = self.file.tensors.get(key) else { return Ok(Vec::new()) };
            let values = reader.read(tensor)?;
            if values.iter().all(|value| value.is_finite()) {
                return Ok(values);
            }
            Err(format_error(&self.file.path, &format!("{key} holds non-finite numbers")))
        };
        let encoder = load::fill_with_prefix(encoder, prefix, &mut |key, shape| {
            plan.values(key, shape, &mut read)
        })?;
        Ok((encoder, plan.report()))
    }
}

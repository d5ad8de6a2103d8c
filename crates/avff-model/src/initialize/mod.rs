//! Encoders initialized from published ones: MARLIN for the frames, AudioMAE or CAV-MAE for the audio.
//!
//! A [`PublishedEncoder`] is an opened file. [`PublishedEncoder::initialize`] puts its encoder into a
//! pre-training model and reports the origin of every key. Where this network computes differently,
//! values are converted so that the effect is exactly the same:
//!
//! - Kernels are changed for this network's [`Normalization`] of inputs. AudioMAE's, which runs over
//!   `[time, mel]`, is transposed.
//! - Biases of q, k and v, which this network does not have, move into the norm before attention and
//!   the projection after it. The report says how much of q's bias is lost.
//! - Position tables are put in this network's token order. On another grid they are interpolated
//!   (cubic, as PyTorch's `bicubic`), and so are kernels of another patch size; that is an
//!   approximation.
//!
//! [`Report::notes`] lists the remaining differences: AudioMAE's class token took part in its attention
//! and has no place here, and its LayerNorms add 1e-6 to the variance where these add 1e-5.
//!
//! Such files do not hold the number of attention heads. It has to be the source's, which is
//! `dim / 64` in every published encoder.

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

/// An opened file with a published encoder; its values are not yet read.
#[derive(Debug)]
pub struct PublishedEncoder {
    file: TensorFile,
    architecture: Architecture,
    prefix: String,
}

impl PublishedEncoder {
    /// Opens a `.pth`, `.pt` or safetensors file and finds the encoder in it.
    ///
    /// # Errors
    /// [`ModelError::Io`] or [`ModelError::Format`] for a file that cannot be read, [`ModelError::Initialize`] for
    /// one that holds none of the known encoders, or several.
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
        let refused = |reason: String| ModelError::Initialize { path: path.into(), reason };
        let (architecture, prefix) = match candidates.as_slice() {
            [(architecture, prefix)] => (*architecture, prefix.clone()),
            [] => {
                let keys: Vec<String> = Architecture::VARIANTS
                    .iter()
                    .map(|architecture| format!("{} ({architecture})", architecture.kernel()))
                    .collect();
                return Err(refused(format!("none of the keys {} is in it", keys.join(", "))));
            }
            several => {
                let keys: Vec<String> = several
                    .iter()
                    .map(|(architecture, prefix)| {
                        format!("{prefix}{} ({architecture})", architecture.kernel())
                    })
                    .collect();
                return Err(refused(format!(
                    "it holds several encoders, so it is not clear which to take: {}",
                    keys.join(", ")
                )));
            }
        };
        if file.tensors.contains_key(&format!("{prefix}dist_token")) {
            return Err(refused(
                "a distillation token is that of AST, whose layout is neither AudioMAE's nor CAV-MAE's"
                    .into(),
            ));
        }
        Ok(Self { file, architecture, prefix })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Which encoder it holds.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// SHA-256 of the file, in hexadecimal; reads all of it.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn sha256(&self) -> Result<String, ModelError> {
        self.file.sha256()
    }

    /// The model with one of its encoders initialized from this file, and the origin of each key.
    /// `inputs` is how the model's clips are normalised.
    ///
    /// Names and sizes are checked before any value is read.
    ///
    /// # Errors
    /// [`ModelError::Initialize`] for an encoder of other sizes, with both, or with parts that this network has no
    /// place for; [`ModelError::Keys`] for one that lacks some; [`ModelError::Format`] for numbers that
    /// are not finite; [`ModelError::Io`].
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
        let under = match self.architecture.modality() {
            Modality::Audio => "audio_encoder",
            Modality::Video => "visual_encoder",
        };
        plan.check(&load::wanted_keys_under(&encoder, under))?;
        let mut reader = self.file.reader()?;
        let mut read = |key: &str| {
            let Some(tensor) = self.file.tensors.get(key) else { return Ok(Vec::new()) };
            let values = reader.read(tensor)?;
            if values.iter().all(|value| value.is_finite()) {
                return Ok(values);
            }
            Err(format_error(&self.file.path, &format!("{key} holds numbers that are not finite")))
        };
        let encoder =
            load::fill_under(encoder, under, &mut |key, shape| plan.values(key, shape, &mut read))?;
        Ok((encoder, plan.report()))
    }
}

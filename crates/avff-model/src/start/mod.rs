//! Encoders that start from published ones: MARLIN for pictures, AudioMAE or CAV-MAE for sound.
//!
//! A [`Donor`] is an opened file; [`Donor::give`] puts its encoder into a pre-training model and says key by
//! key what became of it. What this network computes differently is made up for where that can be done
//! exactly:
//!
//! - Kernels take inputs as this network normalises them ([`Inputs`]), and AudioMAE's, which runs over
//!   `[time, mel]`, is transposed.
//! - Biases of q, k and v, which this network has none of, move into the norm before and the projection
//!   after attention. The report says what of q's could not.
//! - Position tables are put in this network's token order. On another grid they are interpolated (cubic,
//!   as PyTorch's `bicubic`), and kernels of another patch size too; that is an approximation.
//!
//! What remains is in [`Report::notes`]: AudioMAE's class token took part in its attention and has no place
//! here, and its LayerNorms add 1e-6 to the variance, these 1e-5.
//!
//! The number of attention heads is not in such files: it has to be that of the source, which in all
//! published ones is `dim / 64`.

mod attention;
mod numbers;
mod outcome;
mod plan;
mod report;
mod resample;
mod style;

use std::path::Path;

use burn::prelude::*;

pub use report::{Given, LeftOut, Report, Step};
pub use style::{Inputs, Modality, Style};

use crate::{
    checkpoint::{TensorFile, format_error, load},
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    pretrain::Pretrain,
};
use plan::Plan;

/// An opened file with an encoder to start from; its numbers are not yet read.
#[derive(Debug)]
pub struct Donor {
    file: TensorFile,
    style: Style,
    prefix: String,
}

impl Donor {
    /// Opens a `.pth`, `.pt` or safetensors file and finds out which encoder it holds, and under which prefix.
    ///
    /// # Errors
    /// [`ModelError::Io`] or [`ModelError::Format`] for a file that cannot be read, [`ModelError::Donor`] for
    /// one that holds none of the known encoders, or several.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let file = TensorFile::open(path)?;
        let mut found = Vec::new();
        for style in Style::ALL {
            for key in file.tensors.keys() {
                let Some(prefix) = key.strip_suffix(style.kernel()) else { continue };
                if prefix.is_empty() || prefix.ends_with('.') {
                    found.push((style, prefix.to_owned()));
                }
            }
        }
        let fault = |reason: String| ModelError::Donor { path: path.into(), reason };
        let (style, prefix) = match found.as_slice() {
            [(style, prefix)] => (*style, prefix.clone()),
            [] => {
                let keys = Style::ALL.map(|style| format!("{} ({})", style.kernel(), style.name()));
                return Err(fault(format!("none of the keys {} is in it", keys.join(", "))));
            }
            several => {
                let keys: Vec<String> = several
                    .iter()
                    .map(|(style, prefix)| format!("{prefix}{} ({})", style.kernel(), style.name()))
                    .collect();
                return Err(fault(format!(
                    "it holds several encoders, so it is not clear which to take: {}",
                    keys.join(", ")
                )));
            }
        };
        if file.tensors.contains_key(&format!("{prefix}dist_token")) {
            return Err(fault(
                "a distillation token is that of AST, whose layout is neither AudioMAE's nor CAV-MAE's"
                    .into(),
            ));
        }
        Ok(Self { file, style, prefix })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Which encoder it holds.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// SHA-256 of the file, in hexadecimal; reads all of it.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn sha256(&self) -> Result<String, ModelError> {
        self.file.sha256()
    }

    /// The model with one of its encoders from this file, and what became of each key. `inputs` is how the
    /// model's clips are normalised.
    ///
    /// Names and sizes are checked before any number is read.
    ///
    /// # Errors
    /// [`ModelError::Donor`] for an encoder of other sizes, with both, or with parts that this network has no
    /// place for; [`ModelError::Keys`] for one that lacks some; [`ModelError::Format`] for numbers that
    /// are not finite; [`ModelError::Io`].
    pub fn give<B: Backend>(
        &self,
        mut model: Pretrain<B>,
        inputs: &Inputs,
    ) -> Result<(Pretrain<B>, Report), ModelError> {
        let config = model.config().clone();
        let report = match self.style.modality() {
            Modality::Audio => {
                let (encoder, report) = self.fill::<B, AudioEncoder<B>>(
                    model.audio_encoder,
                    Plan::new(&self.file, self.style, &self.prefix, &config, inputs),
                )?;
                model.audio_encoder = encoder;
                report
            }
            Modality::Video => {
                let (encoder, report) = self.fill::<B, VisualEncoder<B>>(
                    model.visual_encoder,
                    Plan::new(&self.file, self.style, &self.prefix, &config, inputs),
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
        let under = match self.style.modality() {
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

//! Checkpoint files: conversion, and the warning that accompanies their scores.

use std::path::{Path, PathBuf};

use burn::{module::Module, prelude::Backend};

use avff_model::{
    Checkpoint, ModelError,
    checkpoint::{Kind, Metadata, NOTE_ENTRY, Precision, WriteOptions, save_torch, save_with},
};

pub use crate::overwrite_guard::is_pytorch;
use crate::{
    calibration::CALIBRATION_ENTRY,
    device::{Device, DeviceError, with_backend},
    output::OutputError,
    overwrite_guard,
    preprocessing::{self, PreprocessingError},
};

/// Why a checkpoint cannot be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The weights cannot be read, loaded into the network or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No device is available.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The checkpoint's clip spec is invalid.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A note for a file that cannot store it.
    #[error("{}: a PyTorch file has no place for a note", to.display())]
    NoteInPytorch {
        /// The requested output.
        to: PathBuf,
    },
}

/// The form of a converted checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConvertOptions {
    /// JSON that overrides keys of the checkpoint's config.
    pub overrides: Option<serde_json::Value>,
    /// The note to store instead of the checkpoint's own.
    pub note: Option<String>,
    /// Number format and names of keys.
    pub write: WriteOptions,
}

/// A converted checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The model in the file.
    pub kind: Kind,
    /// Whether the checkpoint's calibration is left out: rounded weights give other scores, and a PyTorch file has no
    /// place for it.
    pub lost_calibration: bool,
    /// The warning of the weights if the written file lacks it, because it is a PyTorch file.
    pub lost_warning: Option<String>,
}

/// The warning for weights that were never trained.
pub const UNTRAINED: &str =
    "UNTRAINED checkpoint: it was never trained to detect fakes, so its scores are meaningless.";

/// The start of a note that new weights inherit from the weights that they are initialized from.
const INHERITED: &str = "Initialized from weights with this warning: ";

/// The warning to show with every score of a checkpoint: that it was never trained, or the note of its author.
#[must_use]
pub fn warning(checkpoint: &Checkpoint) -> Option<&str> {
    warning_of(checkpoint.metadata().map(|metadata| metadata.trained), note(checkpoint))
}

/// [`warning`] from a checkpoint's training status and note.
pub(crate) fn warning_of(trained: Option<bool>, note: Option<&str>) -> Option<&str> {
    if trained == Some(false) { Some(UNTRAINED) } else { note }
}

/// The author's note about the scores of a checkpoint.
pub(crate) fn note(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.metadata()?.extra.get(NOTE_ENTRY)?.as_str()
}

/// The note for weights that are initialized from a checkpoint: its own note, introduced once.
pub(crate) fn inherited_note(checkpoint: &Checkpoint) -> Option<String> {
    note(checkpoint).map(inherited)
}

/// A note as the weights that are initialized from others inherit it.
pub(crate) fn inherited(note: &str) -> String {
    if note.starts_with(INHERITED) { note.into() } else { format!("{INHERITED}{note}") }
}

/// Converts a checkpoint of either model: to a `.pth` or `.pt` if the output has that name, and otherwise to
/// safetensors with its config.
///
/// Safetensors keep the checkpoint's note unless a new one replaces it. Every score is shown with this note.
/// They also keep the training status. A `.pth` stores neither and counts as trained.
///
/// # Errors
/// Fails if the checkpoint cannot be read, or if the output exists or cannot be written.
pub fn convert(
    from: &Path,
    to: &Path,
    options: &ConvertOptions,
    device: Device,
) -> Result<Converted, ConvertError> {
    let pytorch = is_pytorch(to);
    if pytorch && options.note.is_some() {
        return Err(ConvertError::NoteInPytorch { to: to.into() });
    }
    overwrite_guard::converted(to)?;
    let checkpoint = Checkpoint::open(from)?;
    let config = checkpoint.config(options.overrides.as_ref())?;
    let kind = checkpoint.kind();
    let trained = checkpoint.metadata().is_none_or(|metadata| metadata.trained);
    let mut metadata = Metadata::new(kind, &config, trained);
    if let Some(before) = checkpoint.metadata() {
        metadata.extra = before.extra.clone();
    }
    if let Some(note) = &options.note {
        metadata.extra.insert(NOTE_ENTRY.into(), note.as_str().into());
    }
    preprocessing::store(&mut metadata, &preprocessing::spec(&checkpoint, &config, |_| Ok(()))?)?;
    // Rounded weights give other scores, and a PyTorch file has no place for a calibration.
    let lost_calibration = (pytorch || options.write.precision != Precision::F32)
        && metadata.extra.remove(CALIBRATION_ENTRY).is_some();
    let source = serde_json::json!({ "sha256": checkpoint.sha256()? });
    metadata.extra.insert("converted_from".into(), source);
    with_backend!(device, |B, device| {
        match kind {
            Kind::Classifier => {
                write(&checkpoint.classifier::<B>(&config, &device)?, &metadata, options, to)?;
            }
            Kind::Pretrain => {
                write(&checkpoint.pretrain::<B>(&config, &device)?, &metadata, options, to)?;
            }
        }
        Ok::<_, ConvertError>(())
    })?;
    let lost_warning = warning(&checkpoint).filter(|_| pytorch).map(str::to_owned);
    Ok(Converted { kind, lost_warning, lost_calibration })
}

/// Writes a network in the format of the output's name.
fn write<B: Backend, M: Module<B>>(
    model: &M,
    metadata: &Metadata,
    options: &ConvertOptions,
    to: &Path,
) -> Result<(), ModelError> {
    if is_pytorch(to) {
        return save_torch(model, options.write, to);
    }
    save_with(model, metadata, options.write, to)
}

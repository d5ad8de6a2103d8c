//! Checkpoint files: conversion to safetensors, and the warning that accompanies their scores.

use std::path::{Path, PathBuf};

use avff_model::{
    Checkpoint, ModelError,
    checkpoint::{Kind, Metadata, NOTE_ENTRY, Precision, save},
};

use crate::{
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
    /// The name of the output is that of a PyTorch file.
    #[error("{}: avff writes safetensors, not PyTorch files", to.display())]
    ToPytorch {
        /// The file to convert.
        from: PathBuf,
        /// The requested output.
        to: PathBuf,
    },
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
    let note = note(checkpoint)?;
    if note.starts_with(INHERITED) {
        return Some(note.into());
    }
    Some(format!("{INHERITED}{note}"))
}

/// Converts a checkpoint of either model to safetensors with its config.
///
/// The output keeps the checkpoint's note unless `note` replaces it. Every score is shown with this note.
/// The output also keeps the training status. A `.pth` does not store it and counts as trained.
///
/// # Errors
/// Fails if the checkpoint cannot be read, or if the output exists or cannot be written.
pub fn convert(
    from: &Path,
    to: &Path,
    overrides: Option<&serde_json::Value>,
    note: Option<&str>,
    precision: Precision,
    device: Device,
) -> Result<Kind, ConvertError> {
    if to.extension().is_some_and(|extension| extension == "pth" || extension == "pt") {
        return Err(ConvertError::ToPytorch { from: from.into(), to: to.into() });
    }
    overwrite_guard::weights(to)?;
    let checkpoint = Checkpoint::open(from)?;
    let config = checkpoint.config(overrides)?;
    let trained = checkpoint.metadata().is_none_or(|metadata| metadata.trained);
    let mut metadata = Metadata::new(checkpoint.kind(), &config, trained);
    if let Some(before) = checkpoint.metadata() {
        metadata.extra = before.extra.clone();
    }
    if let Some(note) = note {
        metadata.extra.insert(NOTE_ENTRY.into(), note.into());
    }
    preprocessing::store(&mut metadata, &preprocessing::spec(&checkpoint, &config, |_| Ok(()))?)?;
    let source = serde_json::json!({ "sha256": checkpoint.sha256()? });
    metadata.extra.insert("converted_from".into(), source);
    with_backend!(device, |B, device| {
        match checkpoint.kind() {
            Kind::Classifier => {
                save(&checkpoint.classifier::<B>(&config, &device)?, &metadata, precision, to)?;
            }
            Kind::Pretrain => {
                save(&checkpoint.pretrain::<B>(&config, &device)?, &metadata, precision, to)?;
            }
        }
        Ok(checkpoint.kind())
    })
}

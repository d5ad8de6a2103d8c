//! Checkpoints as files: what they say of their scores, and converting them.

use std::path::Path;

use avff_model::{
    Checkpoint, ModelError,
    checkpoint::{Kind, Metadata, Precision, save},
};

use crate::{
    device::{Device, DeviceError, with_backend},
    output::OutputError,
    overwrite_guard,
    preprocessing::{self, PreprocessingError},
};

/// Why no checkpoint is made of another one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The weights cannot be read, built or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No backend for the work.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The checkpoint's preparation of clips cannot be used.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The warning of weights that were never trained.
pub const UNTRAINED: &str =
    "UNTRAINED checkpoint: it never learned to tell fake from real, these scores mean nothing.";

/// The entry of a checkpoint's metadata that holds its note.
const NOTE: &str = "note";

/// What has to be said wherever a score of a checkpoint shows: that it means nothing, or what the checkpoint's maker
/// wrote.
#[must_use]
pub fn warning(checkpoint: &Checkpoint) -> Option<&str> {
    warning_of(checkpoint.metadata().map(|metadata| metadata.trained), note(checkpoint))
}

/// [`warning`], of weights that are trained, or not, and have a note.
pub(crate) fn warning_of(trained: Option<bool>, note: Option<&str>) -> Option<&str> {
    if trained == Some(false) { Some(UNTRAINED) } else { note }
}

/// What whoever made a checkpoint wants to be known of its scores.
pub(crate) fn note(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.metadata()?.extra.get(NOTE)?.as_str()
}

/// Reads a checkpoint of either model and writes it as safetensors, with its config.
///
/// A note, what is to be said wherever a score of it shows, goes along; the file's own where none is given.
/// Whether it was trained stays what the file says; a `.pth` says nothing and counts as trained.
///
/// # Errors
/// A checkpoint that cannot be read, an output that exists or cannot be written.
pub fn convert(
    from: &Path,
    to: &Path,
    overrides: Option<&serde_json::Value>,
    note: Option<&str>,
    precision: Precision,
    device: Device,
) -> Result<Kind, ConvertError> {
    overwrite_guard::weights(to)?;
    let checkpoint = Checkpoint::open(from)?;
    let config = checkpoint.config(overrides)?;
    let trained = checkpoint.metadata().is_none_or(|metadata| metadata.trained);
    let mut metadata = Metadata::new(checkpoint.kind(), &config, trained);
    if let Some(before) = checkpoint.metadata() {
        metadata.extra = before.extra.clone();
    }
    if let Some(note) = note {
        metadata.extra.insert(NOTE.into(), note.into());
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

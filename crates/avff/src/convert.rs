//! A checkpoint in the format that loads fastest.

use std::path::Path;

use avff_model::{
    Checkpoint,
    checkpoint::{Kind, Metadata, Precision, save},
};

use crate::{
    claim, clips,
    device::{Device, with_backend},
    error::Error,
};

/// The entry of a checkpoint's metadata that holds its note.
const NOTE: &str = "note";

/// What has to be said wherever a score of a checkpoint shows: that it means nothing, or what the checkpoint's maker
/// wrote.
#[must_use]
pub fn caution(checkpoint: &Checkpoint) -> Option<&str> {
    caution_of(checkpoint.metadata().map(|metadata| metadata.trained), note(checkpoint))
}

/// [`caution`], of weights that are trained, or not, and have a note.
pub(crate) fn caution_of(trained: Option<bool>, note: Option<&str>) -> Option<&str> {
    if trained == Some(false) { Some(crate::UNTRAINED) } else { note }
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
) -> Result<Kind, Error> {
    claim::weights(to)?;
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
    clips::store(&mut metadata, &clips::spec(&checkpoint, &config, |_| {})?)?;
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

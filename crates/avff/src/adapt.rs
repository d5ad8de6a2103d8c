//! A stage-3 start from a stage-2 checkpoint.

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

/// Reads `stage2`, adapts it and writes `stage3` as safetensors, marked as not trained.
///
/// # Errors
/// A checkpoint that cannot be read or is no pre-training model, an output that cannot be written.
pub fn adapt(
    stage2: &Path,
    stage3: &Path,
    overrides: Option<&serde_json::Value>,
    seed: u64,
    precision: Precision,
    device: Device,
) -> Result<(), Error> {
    claim::weights(stage3)?;
    let checkpoint = Checkpoint::open(stage2)?;
    let config = checkpoint.config(overrides)?;
    let spec = clips::spec(&checkpoint, &config, |_| {})?;
    let mut metadata = Metadata::new(Kind::Classifier, &config, false);
    clips::store(&mut metadata, &spec)?;
    let source = serde_json::json!({ "sha256": checkpoint.sha256()?, "seed": seed });
    metadata.extra.insert("adapted_from".into(), source);
    with_backend!(device, |B, device| {
        let model = checkpoint.adapt::<B>(&config, seed, &device)?;
        Ok(save(&model, &metadata, precision, stage3)?)
    })
}

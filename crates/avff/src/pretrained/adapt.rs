//! Initializes a stage-3 classifier from a stage-2 checkpoint.

use std::path::Path;

use avff_model::checkpoint::{Kind, Metadata, NOTE_ENTRY, Precision, save};

use super::Pretrained;
use crate::{
    checkpoint::{ConvertError, inherited_note},
    device::with_backend,
    overwrite_guard, preprocessing,
};

impl Pretrained {
    /// Writes a classifier with the encoders and cross-modal blocks of this model. The output is a safetensors file
    /// that is marked as untrained. The head is initialized randomly from `seed`. The token maps of A2V and V2A are
    /// initialized randomly too if they span a clip. The classifier inherits the note of this model's checkpoint.
    ///
    /// # Errors
    /// Fails if the output exists or cannot be written, or if the weights cannot be read.
    pub fn adapt(
        &self,
        output: impl AsRef<Path>,
        seed: u64,
        precision: Precision,
    ) -> Result<(), ConvertError> {
        let output = output.as_ref();
        overwrite_guard::weights(output)?;
        let mut metadata = Metadata::new(Kind::Classifier, &self.config, false);
        preprocessing::store(&mut metadata, &self.spec)?;
        let source = serde_json::json!({ "sha256": self.checkpoint.sha256()?, "seed": seed });
        metadata.extra.insert("adapted_from".into(), source);
        if let Some(note) = inherited_note(&self.checkpoint) {
            metadata.extra.insert(NOTE_ENTRY.into(), note.into());
        }
        with_backend!(self.device, |B, device| {
            let model = self.checkpoint.adapt::<B>(&self.config, seed, &device)?;
            Ok(save(&model, &metadata, precision, output)?)
        })
    }
}

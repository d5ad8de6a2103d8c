//! A stage-3 initialization from a stage-2 checkpoint.

use std::path::Path;

use avff_model::checkpoint::{Kind, Metadata, Precision, save};

use super::Pretrained;
use crate::{checkpoint::ConvertError, device::with_backend, overwrite_guard, preprocessing};

impl Pretrained {
    /// Writes a classifier whose encoders and cross-modal blocks are this model's, as safetensors, marked
    /// as not trained. Its head is initialized from `seed`, and so are the token maps of A2V and V2A where they
    /// span a clip.
    ///
    /// # Errors
    /// An output that exists or cannot be written, weights that cannot be read.
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
        with_backend!(self.device, |B, device| {
            let model = self.checkpoint.adapt::<B>(&self.config, seed, &device)?;
            Ok(save(&model, &metadata, precision, output)?)
        })
    }
}

//! Loads networks from checkpoints.

use std::path::Path;
#[cfg(feature = "flex")]
use std::{collections::HashSet, sync::Arc};

use burn::prelude::*;

use super::{
    Checkpoint, keys,
    load::{self, Tolerance},
};
#[cfg(feature = "flex")]
use crate::tensor_file::offloaded::{OffloadedWeights, WeightLocation};
use crate::{
    classifier::Classifier,
    config::{AvffConfig, TokenSpan},
    error::ModelError,
    init::Init,
    kind::Kind,
    pretrain::Pretrain,
};

impl<B: Backend> Classifier<B> {
    /// Loads the classifier of a `.pth` or safetensors file for inference.
    ///
    /// The config is the stored one; for a bare `.pth` the sizes are inferred from the tensor
    /// shapes. The weights are [packed](Self::into_packed) if the backend has a kernel for it, as
    /// in scoring. A packed network is fast but cannot be saved or trained. Use
    /// [`Checkpoint::classifier`] for other configs, for training and for bytes in memory.
    ///
    /// # Errors
    /// The errors of [`Checkpoint::open`], [`Checkpoint::config`] and [`Checkpoint::classifier`].
    pub fn load(path: impl AsRef<Path>, device: &B::Device) -> Result<Self, ModelError> {
        let checkpoint = Checkpoint::open(path)?;
        checkpoint.require(Kind::Classifier)?;
        Ok(checkpoint.classifier(&checkpoint.config(None)?, device)?.into_packed())
    }
}

impl<B: Backend> Pretrain<B> {
    /// Loads the pre-training model of a `.pth` or safetensors file.
    ///
    /// The config is the stored one; for a bare `.pth` the sizes are inferred from the tensor
    /// shapes. The weights are plain parameters, so the network can be trained and saved. Use
    /// [`Checkpoint::pretrain`] for other configs and for bytes in memory.
    ///
    /// # Errors
    /// The errors of [`Checkpoint::open`], [`Checkpoint::config`] and [`Checkpoint::pretrain`].
    pub fn load(path: impl AsRef<Path>, device: &B::Device) -> Result<Self, ModelError> {
        let checkpoint = Checkpoint::open(path)?;
        checkpoint.require(Kind::Pretrain)?;
        checkpoint.pretrain(&checkpoint.config(None)?, device)
    }
}

impl Checkpoint {
    /// Loads the classifier.
    ///
    /// # Errors
    /// [`ModelError::Kind`] for a pre-training checkpoint, [`ModelError::Keys`] with every key that
    /// is missing, unused, misshapen or not a float, and [`ModelError::Io`].
    pub fn classifier<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        self.require(Kind::Classifier)?;
        let blank = Classifier::new(config, &mut Init::blank(), device)?;
        load::load(blank, &self.file, Tolerance::NONE)
    }

    /// Loads the classifier for one or two forward passes on the CPU, with its largest weights
    /// offloaded.
    ///
    /// The weights of the encoders' blocks stay in the file and are read in every forward pass.
    /// Scores are bit-identical to those of [`classifier`](Self::classifier). A released network
    /// needs a quarter of the memory, and its first score comes sooner. If the file changes
    /// meanwhile, the network computes with the changed values.
    ///
    /// The returned [`OffloadedWeights`] report whether reading failed. They are `None` if all
    /// weights are in memory, as on other backends or if the file does not store f32.
    ///
    /// # Errors
    /// The errors of [`classifier`](Self::classifier).
    #[cfg(feature = "flex")]
    pub fn classifier_offloaded<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<(Classifier<B>, Option<Arc<OffloadedWeights>>), ModelError> {
        self.require(Kind::Classifier)?;
        let mut blank = Classifier::<B>::new(config, &mut Init::blank(), device)?;
        load::check(&blank, &self.file, Tolerance::NONE)?;
        let source = Arc::new(OffloadedWeights::open(&self.file)?);
        let keys = load::keys_by_id(&blank);
        let mut offloaded_keys = HashSet::new();
        blank.offload_to(&source, |id| {
            let key = keys.get(id)?;
            let place = WeightLocation::of(self.file.tensors.get(key)?)?;
            offloaded_keys.insert(key.clone());
            Some(place)
        });
        let offloaded = offloaded_keys.iter().filter_map(|key| self.file.tensors.get(key));
        OffloadedWeights::check(&self.file, offloaded)?;
        let classifier = load::fill_except(blank, &self.file, &offloaded_keys)?;
        Ok((classifier, (!offloaded_keys.is_empty()).then_some(source)))
    }

    /// Loads the pre-training model.
    ///
    /// # Errors
    /// The errors of [`classifier`](Self::classifier).
    pub fn pretrain<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<Pretrain<B>, ModelError> {
        self.require(Kind::Pretrain)?;
        let blank = Pretrain::new(config, &mut Init::blank(), device)?;
        load::load(blank, &self.file, Tolerance::NONE)
    }

    /// Adapts a pre-training model of stage 2 to a classifier for stage 3.
    ///
    /// Encoders and cross-modal blocks are kept, and decoders are dropped. The head is initialized
    /// from `seed`. Token maps that span a slice ([`TokenSpan`]) are kept; token maps that span a
    /// clip are initialized from `seed`.
    ///
    /// # Errors
    /// The errors of [`classifier`](Self::classifier), for a checkpoint without a pre-training
    /// model.
    pub fn adapt<B: Backend>(
        &self,
        config: &AvffConfig,
        seed: u64,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        self.require(Kind::Pretrain)?;
        let fresh = Classifier::new(config, &mut Init::seeded(seed), device)?;
        let tolerance = match config.token_span {
            TokenSpan::Slice => {
                Tolerance { may_be_missing: keys::is_head_key, may_be_unused: keys::is_decoder_key }
            }
            TokenSpan::Clip => Tolerance {
                may_be_missing: |key| keys::is_head_key(key) || keys::is_token_map_key(key),
                may_be_unused: |key| keys::is_decoder_key(key) || keys::is_token_map_key(key),
            },
        };
        load::load(fresh, &self.file, tolerance)
    }
}

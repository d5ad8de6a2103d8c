//! The networks of a checkpoint.

use std::path::Path;
#[cfg(feature = "flex")]
use std::{collections::HashSet, sync::Arc};

use burn::prelude::*;

use super::{
    Checkpoint, keys,
    load::{self, Tolerance},
};
#[cfg(feature = "flex")]
use crate::tensor_file::in_file::{InFile, Place};
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
    /// The config is the one in the file; the sizes of a bare `.pth` are read off its shapes. The
    /// weights are [packed](Self::into_packed) where the backend has a kernel for that, as scoring
    /// does: such a network is fast and cannot be saved or trained. For other configs, for training
    /// and for bytes in memory there is [`Checkpoint::classifier`].
    ///
    /// # Errors
    /// As [`Checkpoint::open`], [`Checkpoint::config`] and [`Checkpoint::classifier`].
    pub fn load(path: impl AsRef<Path>, device: &B::Device) -> Result<Self, ModelError> {
        let checkpoint = Checkpoint::open(path)?;
        checkpoint.require(Kind::Classifier)?;
        Ok(checkpoint.classifier(&checkpoint.config(None)?, device)?.into_packed())
    }
}

impl<B: Backend> Pretrain<B> {
    /// Loads the pre-training model of a `.pth` or safetensors file.
    ///
    /// The config is the one in the file; the sizes of a bare `.pth` are read off its shapes. The
    /// weights are plain parameters: the network can be trained and saved. For other configs and for
    /// bytes in memory there is [`Checkpoint::pretrain`].
    ///
    /// # Errors
    /// As [`Checkpoint::open`], [`Checkpoint::config`] and [`Checkpoint::pretrain`].
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
    /// is missing, unused, misshapen or not a float, [`ModelError::Io`].
    pub fn classifier<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        self.require(Kind::Classifier)?;
        let blank = Classifier::new(config, &mut Init::blank(), device)?;
        load::load(blank, &self.file, Tolerance::NONE)
    }

    /// As [`classifier`](Self::classifier), for one or two forward passes on the CPU: the weights of the
    /// encoders' blocks stay in the file and are read in each pass. Scores are bit-identical. A released
    /// network takes a quarter of the memory, and its first score comes sooner. If the file changes
    /// meanwhile, the network computes with the changed values.
    ///
    /// The [`InFile`] beside it reports whether reading failed. There is none if all weights are in
    /// memory, as on other backends or where the file does not store f32.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier).
    #[cfg(feature = "flex")]
    pub fn classifier_in_file<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<(Classifier<B>, Option<Arc<InFile>>), ModelError> {
        self.require(Kind::Classifier)?;
        let mut blank = Classifier::<B>::new(config, &mut Init::blank(), device)?;
        load::check(&blank, &self.file, Tolerance::NONE)?;
        let source = Arc::new(InFile::open(&self.file)?);
        let keys = load::keys_by_id(&blank);
        let mut left = HashSet::new();
        blank.leave_in(&source, |id| {
            let key = keys.get(id)?;
            let place = Place::of(self.file.tensors.get(key)?)?;
            left.insert(key.clone());
            Some(place)
        });
        let classifier = load::fill_but(blank, &self.file, &left)?;
        Ok((classifier, (!left.is_empty()).then_some(source)))
    }

    /// Loads the pre-training model.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier).
    pub fn pretrain<B: Backend>(
        &self,
        config: &AvffConfig,
        device: &B::Device,
    ) -> Result<Pretrain<B>, ModelError> {
        self.require(Kind::Pretrain)?;
        let blank = Pretrain::new(config, &mut Init::blank(), device)?;
        load::load(blank, &self.file, Tolerance::NONE)
    }

    /// Adapts a pre-training model of stage 2 to a classifier for stage 3. Encoders and cross-modal blocks
    /// carry over, and decoders are dropped. The head is initialized from `seed`, and so are token maps
    /// that span a clip; token maps that span a slice ([`TokenSpan`]) carry over.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier), for a checkpoint that holds no pre-training model.
    pub fn adapt<B: Backend>(
        &self,
        config: &AvffConfig,
        seed: u64,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        self.require(Kind::Pretrain)?;
        let fresh = Classifier::new(config, &mut Init::seeded(seed), device)?;
        let tolerance = match config.token_span {
            TokenSpan::Slice => Tolerance { may_lack: keys::of_head, may_drop: keys::of_decoders },
            TokenSpan::Clip => Tolerance {
                may_lack: |key| keys::of_head(key) || keys::of_token_maps(key),
                may_drop: |key| keys::of_decoders(key) || keys::of_token_maps(key),
            },
        };
        load::load(fresh, &self.file, tolerance)
    }
}

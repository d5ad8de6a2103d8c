//! The pre-training model of stages 1 and 2. Half of each modality is masked and predicted from the
//! other modality, then everything is reconstructed.

use burn::prelude::*;

use crate::{
    config::AvffConfig,
    contrastive::{self, ContrastiveEmbeddings},
    decoder::{AudioDecoder, VisualDecoder},
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    init::Init,
    layers::{AudioPatches, CrossModal, FusionScope, VideoPatches},
    loss,
    mask::Mask,
};

/// The result of one pre-training forward pass. Losses have shape `[1]`.
#[derive(Debug, Clone)]
pub struct PretrainOutput<B: Backend> {
    /// The weighted sum that is minimized.
    pub total: Tensor<B, 1>,
    /// InfoNCE, unweighted.
    pub contrastive: Tensor<B, 1>,
    /// Mean of audio-to-video and video-to-audio retrieval accuracy within the batch.
    pub retrieval_accuracy: Tensor<B, 1>,
    /// Reconstruction error of the fbank, unweighted.
    pub audio_loss: Tensor<B, 1>,
    /// Reconstruction error of the frames, unweighted.
    pub video_loss: Tensor<B, 1>,
    /// Reconstructed audio patches, `[batch, tokens, patch]`, in the target's normalization.
    pub audio_patches: Tensor<B, 3>,
    /// Reconstructed tubelets, `[batch, tokens, patch]`, in the target's normalization.
    pub video_patches: Tensor<B, 3>,
    /// Target of `audio_patches`.
    pub audio_target: Tensor<B, 3>,
    /// Target of `video_patches`.
    pub video_target: Tensor<B, 3>,
}

/// The whole batch of a partial forward pass, with which the contrastive loss compares its clips.
/// Gradient accumulation and data parallel training use it.
#[derive(Debug, Clone)]
pub struct ContrastiveBatch<B: Backend> {
    /// Embeddings of all clips of the batch.
    pub all: ContrastiveEmbeddings<B>,
    /// Index in the batch of the part's first clip.
    pub start: usize,
}

/// The masked autoencoder. Module paths are the keys of a released checkpoint.
#[derive(Module, Debug)]
pub struct Pretrain<B: Backend> {
    /// Encodes fbank features as audio tokens.
    pub audio_encoder: AudioEncoder<B>,
    /// Decodes audio tokens to spectrogram patches.
    pub audio_decoder: AudioDecoder<B>,
    /// Encodes frames as visual tokens.
    pub visual_encoder: VisualEncoder<B>,
    /// Decodes visual tokens to tubelets.
    pub visual_decoder: VisualDecoder<B>,
    /// Maps visible audio tokens to masked visual tokens.
    pub a2v: CrossModal<B>,
    /// Maps visible visual tokens to masked audio tokens.
    pub v2a: CrossModal<B>,
    #[module(skip)]
    config: AvffConfig,
}

impl<B: Backend> Pretrain<B> {
    /// Creates a pre-training model with initial weights.
    ///
    /// # Errors
    /// [`ModelError::Config`] if the sizes are inconsistent.
    pub fn new(
        config: &AvffConfig,
        init: &mut Init,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let [audio, video] = config.token_map(config.slices / 2);
        Ok(Self {
            audio_encoder: AudioEncoder::new(init, config, device),
            audio_decoder: AudioDecoder::new(init, config, device),
            visual_encoder: VisualEncoder::new(init, config, device),
            visual_decoder: VisualDecoder::new(init, config, device),
            a2v: CrossModal::new(init, config, [audio, video], device),
            v2a: CrossModal::new(init, config, [video, audio], device),
            config: config.clone(),
        })
    }

    /// Computes losses and reconstructions, with the fusion attention of training.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalized
    /// - `video`: `[batch, channels, frames, height, width]`, normalized
    ///
    /// # Errors
    /// [`ModelError::Config`] if the mask has another batch size.
    pub fn forward(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        mask: &Mask,
    ) -> Result<PretrainOutput<B>, ModelError> {
        self.forward_in_batch(audio, video, mask, None)
    }

    /// Computes the embeddings for the contrastive loss: the encoders only, without a mask.
    ///
    /// # Shapes
    /// The inputs have the shapes of [`forward`](Self::forward).
    pub fn contrastive_embeddings(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
    ) -> ContrastiveEmbeddings<B> {
        let audio_tokens = self.audio_encoder.forward(audio.clone());
        self.embeddings(&audio, audio_tokens, self.visual_encoder.forward(video))
    }

    fn embeddings(
        &self,
        audio: &Tensor<B, 3>,
        audio_tokens: Tensor<B, 3>,
        video_tokens: Tensor<B, 3>,
    ) -> ContrastiveEmbeddings<B> {
        let slices = self.config.contrastive_slices();
        let rolled = contrastive::rolled(audio, self.config.loss.rolled);
        let rolled = rolled.into_iter().map(|audio| self.audio_encoder.forward(audio)).collect();
        ContrastiveEmbeddings::new(audio_tokens, video_tokens, slices).with_rolled(rolled, slices)
    }

    /// Runs [`forward`](Self::forward) on a part of a batch. The contrastive loss is that of the
    /// whole batch, with new embeddings for the part's own clips. The gradients of all parts
    /// therefore add up to the gradient of the whole batch.
    ///
    /// # Errors
    /// The errors of [`forward`](Self::forward).
    pub fn forward_in_batch(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        mask: &Mask,
        full_batch: Option<&ContrastiveBatch<B>>,
    ) -> Result<PretrainOutput<B>, ModelError> {
        let [batch, ..] = audio.dims();
        if mask.batch() != batch {
            let reason = format!("is for {} clips, but the batch has {batch}", mask.batch());
            return Err(ModelError::Config { field: "mask".into(), reason });
        }
        let config = &self.config;
        let scope = FusionScope::training(config.fusion_attention);
        let (audio_mask, video_mask) = (mask.audio(), mask.video());
        let audio_tokens = self.audio_encoder.forward(audio.clone());
        let video_tokens = self.visual_encoder.forward(video.clone());
        let own = self.embeddings(&audio, audio_tokens.clone(), video_tokens.clone());
        let clips = match full_batch {
            Some(full_batch) => full_batch.all.with_rows(own, full_batch.start),
            None => own,
        };
        let [contrastive, retrieval_accuracy] =
            contrastive::contrastive(clips, config.loss.temperature);

        let visible_audio = audio_mask.visible(audio_tokens);
        let visible_video = video_mask.visible(video_tokens);
        let predicted_video = self.a2v.forward(visible_audio.clone(), scope);
        let predicted_audio = self.v2a.forward(visible_video.clone(), scope);
        let audio_patches =
            self.audio_decoder.forward(audio_mask.restore(visible_audio, predicted_audio));
        let video_patches =
            self.visual_decoder.forward(video_mask.restore(visible_video, predicted_video));
        let (audio_patches, video_patches) =
            (loss::in_f32(audio_patches), loss::in_f32(video_patches));

        let (region, norm) = (config.reconstruction.region, config.reconstruction.target_norm);
        let audio_target = loss::audio_target(audio, &AudioPatches::new(config), norm);
        let video_target = loss::video_target(video, &VideoPatches::new(config), norm);
        let audio_loss =
            loss::reconstruction(audio_patches.clone(), audio_target.clone(), &audio_mask, region);
        let video_loss =
            loss::reconstruction(video_patches.clone(), video_target.clone(), &video_mask, region);
        let total = (video_loss.clone() + audio_loss.clone()) * config.loss.reconstruction
            + contrastive.clone() * config.loss.contrastive;
        Ok(PretrainOutput {
            total,
            contrastive,
            retrieval_accuracy,
            audio_loss,
            video_loss,
            audio_patches,
            video_patches,
            audio_target,
            video_target,
        })
    }

    /// Returns the config of the model.
    #[must_use]
    pub fn config(&self) -> &AvffConfig {
        &self.config
    }
}

//! The pre-training model of stages 1 and 2: half of each modality is hidden and made from the
//! other, then everything is reconstructed.

use burn::prelude::*;

use crate::{
    config::AvffConfig,
    decoder::{AudioDecoder, VisualDecoder},
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    init::Init,
    layers::{AudioPatches, CrossModal, FusionScope, VideoPatches},
    loss::{self, Summary},
    mask::Mask,
};

/// What one pre-training pass yields. Losses have shape `[1]`.
#[derive(Debug, Clone)]
pub struct PretrainOutput<B: Backend> {
    /// The weighted sum that is minimised.
    pub total: Tensor<B, 1>,
    /// InfoNCE, unweighted.
    pub contrastive: Tensor<B, 1>,
    /// Mean of audio-to-video and video-to-audio retrieval accuracy within the batch.
    pub retrieval_accuracy: Tensor<B, 1>,
    /// Reconstruction error of the fbank, unweighted.
    pub audio_loss: Tensor<B, 1>,
    /// Reconstruction error of the frames, unweighted.
    pub video_loss: Tensor<B, 1>,
    /// Reconstructed audio patches, `[batch, tokens, patch]`, in the target's normalisation.
    pub audio_patches: Tensor<B, 3>,
    /// Reconstructed tubelets, `[batch, tokens, patch]`, in the target's normalisation.
    pub video_patches: Tensor<B, 3>,
    /// What `audio_patches` should have been.
    pub audio_target: Tensor<B, 3>,
    /// What `video_patches` should have been.
    pub video_target: Tensor<B, 3>,
}

/// The batch that some clips are a part of, where it is computed in parts: contrast compares with all
/// of it.
#[derive(Debug, Clone)]
pub struct Among<B: Backend> {
    /// All clips of the batch.
    pub all: Summary<B>,
    /// The number of the part's first clip among them.
    pub start: usize,
}

/// The masked autoencoder. Module paths are the keys of a released checkpoint.
#[derive(Module, Debug)]
pub struct Pretrain<B: Backend> {
    /// fbank to audio tokens.
    pub audio_encoder: AudioEncoder<B>,
    /// Audio tokens to spectrogram patches.
    pub audio_decoder: AudioDecoder<B>,
    /// Frames to visual tokens.
    pub visual_encoder: VisualEncoder<B>,
    /// Visual tokens to tubelets.
    pub visual_decoder: VisualDecoder<B>,
    /// Visible audio tokens to hidden visual ones.
    pub a2v: CrossModal<B>,
    /// Visible visual tokens to hidden audio ones.
    pub v2a: CrossModal<B>,
    #[module(skip)]
    config: AvffConfig,
}

impl<B: Backend> Pretrain<B> {
    /// # Errors
    /// [`ModelError::Config`] where sizes do not fit.
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

    /// One pass with the fusion attention that training uses.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalised
    /// - `video`: `[batch, channels, frames, height, width]`, normalised
    ///
    /// # Errors
    /// [`ModelError::Config`] when the mask was drawn for another batch size.
    pub fn forward(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        mask: &Mask,
    ) -> Result<PretrainOutput<B>, ModelError> {
        self.forward_among(audio, video, mask, None)
    }

    /// What contrast compares of each clip: the encoders alone, nothing hidden.
    ///
    /// # Shapes
    /// As [`forward`](Self::forward).
    pub fn summarise(&self, audio: Tensor<B, 3>, video: Tensor<B, 5>) -> Summary<B> {
        Summary::new(
            self.audio_encoder.forward(audio),
            self.visual_encoder.forward(video),
            self.config.contrasted(),
        )
    }

    /// [`forward`](Self::forward) of a part of a batch. Contrast is that of the whole batch, with the
    /// part's own clips in their places, so the gradients of all parts add up to the whole batch's.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_among(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        mask: &Mask,
        among: Option<&Among<B>>,
    ) -> Result<PretrainOutput<B>, ModelError> {
        let [batch, ..] = audio.dims();
        if mask.batch() != batch {
            let reason = format!("was drawn for {} clips, the batch has {batch}", mask.batch());
            return Err(ModelError::Config { field: "mask".into(), reason });
        }
        let config = &self.config;
        let scope = FusionScope::training(config.fusion_attention);
        let (audio_mask, video_mask) = (mask.audio(), mask.video());
        let audio_tokens = self.audio_encoder.forward(audio.clone());
        let video_tokens = self.visual_encoder.forward(video.clone());
        let own = Summary::new(audio_tokens.clone(), video_tokens.clone(), config.contrasted());
        let clips = match among {
            Some(among) => among.all.with(own, among.start),
            None => own,
        };
        let (contrastive, retrieval_accuracy) = loss::contrastive(clips, config.loss.temperature);

        let seen_audio = audio_mask.visible(audio_tokens);
        let seen_video = video_mask.visible(video_tokens);
        let made_video = self.a2v.forward(seen_audio.clone(), scope);
        let made_audio = self.v2a.forward(seen_video.clone(), scope);
        let audio_patches = self.audio_decoder.forward(audio_mask.restore(seen_audio, made_audio));
        let video_patches = self.visual_decoder.forward(video_mask.restore(seen_video, made_video));
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
            + contrastive.clone() * config.loss.contrast;
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

    /// The config the model was made with.
    #[must_use]
    pub fn config(&self) -> &AvffConfig {
        &self.config
    }
}

//! The stage-3 classifier: both encoders, A2V and V2A over all tokens, and the head.

#[cfg(feature = "flex")]
use std::sync::Arc;

#[cfg(feature = "flex")]
use burn::module::ParamId;
use burn::{prelude::*, tensor::activation::softmax};
use rand::Rng;

#[cfg(feature = "flex")]
use crate::tensor_file::offloaded::{OffloadedWeights, WeightLocation};
use crate::{
    agreement::{self, Agreement, Lag},
    config::{AvffConfig, HeadInput},
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    head::Head,
    init::Init,
    layers::{Block, CrossModal, FusionScope, Linear, on_flex, relu},
    loss,
};

/// The tokens of a batch after the encoders and the cross-modal blocks.
#[derive(Debug, Clone)]
pub struct Embeddings<B: Backend> {
    /// `[batch, audio tokens, dim]`.
    pub audio: Tensor<B, 3>,
    /// `[batch, visual tokens, dim]`.
    pub video: Tensor<B, 3>,
    /// Visual tokens predicted from audio, `[batch, visual tokens, dim]`.
    pub a2v: Tensor<B, 3>,
    /// Audio tokens predicted from video, `[batch, audio tokens, dim]`.
    pub v2a: Tensor<B, 3>,
}

/// The deepfake classifier. Module paths are the keys of a released checkpoint.
#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    /// Encodes fbank features as audio tokens.
    pub audio_encoder: AudioEncoder<B>,
    /// Encodes frames as visual tokens.
    pub visual_encoder: VisualEncoder<B>,
    /// Maps audio tokens to visual tokens.
    pub a2v: CrossModal<B>,
    /// Maps visual tokens to audio tokens.
    pub v2a: CrossModal<B>,
    /// Layer over the visual tokens, `[hidden, tokens]`: over their means or over each feature. For
    /// [`HeadInput::Pairs`] it takes both embeddings of a token, `[hidden, 2 * dim]`. Absent for
    /// [`HeadInput::Agreement`].
    pub mlp_vision: Option<Linear<B>>,
    /// Layer over the audio tokens, as `mlp_vision`.
    pub mlp_audio: Option<Linear<B>>,
    /// `[1, hidden]`: for [`HeadInput::Features`] the second layer over tokens, for
    /// [`HeadInput::Pairs`] the attention score of a token; otherwise absent.
    pub mlp_vision_out: Option<Linear<B>>,
    /// The counterpart of `mlp_vision_out` for audio.
    pub mlp_audio_out: Option<Linear<B>>,
    /// The head.
    pub mlp_head: Head<B>,
    #[module(skip)]
    input: HeadInput,
    #[module(skip)]
    agreement: Agreement,
}

impl<B: Backend> Classifier<B> {
    /// Creates a classifier with initial weights.
    ///
    /// # Errors
    /// [`ModelError::Config`] if the sizes are inconsistent.
    pub fn new(
        config: &AvffConfig,
        init: &mut Init,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let (audio, video) = (config.audio_grid().tokens(), config.video_grid().tokens());
        let [visible_audio, visible_video] = config.token_map(config.slices);
        let (dim, hidden) = (config.encoder.dim, config.head.hidden);
        let input = config.head.input;
        let comparison = Agreement::new(config);
        let (inputs, head_inputs) = match input {
            HeadInput::TokenMeans => ([video, audio], 2 * hidden),
            // Unimodal and cross-modal features of both modalities.
            HeadInput::Features => ([video, audio], 4 * dim),
            HeadInput::Pairs => ([2 * dim; 2], 2 * hidden),
            HeadInput::Agreement => ([0; 2], agreement::FEATURES),
        };
        let [video_inputs, audio_inputs] = inputs;
        let has_tokens = input != HeadInput::Agreement;
        let has_out = has_tokens && input != HeadInput::TokenMeans;
        let layer = |init: &mut Init, inputs| Linear::torch_default(init, [inputs, hidden], device);
        Ok(Self {
            audio_encoder: AudioEncoder::new(init, config, device),
            visual_encoder: VisualEncoder::new(init, config, device),
            a2v: CrossModal::new(init, config, [visible_audio, visible_video], device),
            v2a: CrossModal::new(init, config, [visible_video, visible_audio], device),
            mlp_vision: has_tokens.then(|| layer(init, video_inputs)),
            mlp_audio: has_tokens.then(|| layer(init, audio_inputs)),
            mlp_vision_out: has_out.then(|| Linear::torch_default(init, [hidden, 1], device)),
            mlp_audio_out: has_out.then(|| Linear::torch_default(init, [hidden, 1], device)),
            mlp_head: Head::new(init, [head_inputs, hidden], config.head.dropout, device),
            input,
            agreement: comparison,
        })
    }

    /// Converts the products of the encoders' blocks to 8-bit integers. Weights are quantized to 7
    /// bits with one scale per output, tokens to 8 bits with one scale per token; sums are exact.
    /// Attention, norms, patches, A2V, V2A and the head stay in f32.
    ///
    /// The result is for evaluation only: it no longer holds its f32 weights, so it cannot be
    /// saved.
    ///
    /// # Errors
    /// [`ModelError::CpuOnly`] on all backends except flex, and without feature `flex`;
    /// [`ModelError::Prepared`] after [`into_packed`](Self::into_packed).
    pub fn into_int8(self) -> Result<Self, ModelError> {
        self.rounded("int8", Linear::round_to_int8)
    }

    /// Converts the products and attention of the encoders' blocks to bfloat16. Weights, tokens and
    /// attention weights are rounded to 8 bits of precision; sums, softmax and norms are in f32.
    /// Patches, A2V, V2A and the head stay in f32.
    ///
    /// The network is slow on a processor [without instructions](crate::precision::cpu_has_bf16)
    /// for bfloat16. For GPUs, use [`precision::cast`](crate::precision::cast).
    ///
    /// The result is for evaluation only: it no longer holds its f32 weights, so it cannot be
    /// saved.
    ///
    /// # Errors
    /// The errors of [`into_int8`](Self::into_int8).
    pub fn into_bf16(self) -> Result<Self, ModelError> {
        self.rounded("bf16", Linear::round_to_bf16)
    }

    fn rounded(
        mut self,
        precision: &'static str,
        round: fn(&mut Linear<B>),
    ) -> Result<Self, ModelError> {
        if !on_flex::<B>() {
            return Err(ModelError::CpuOnly { precision });
        }
        if self.blocks().any(|block| block.is_prepared()) {
            return Err(ModelError::Prepared);
        }
        self.blocks().flat_map(Block::linears).for_each(round);
        Ok(self)
    }

    /// Packs the weights in the order in which the CPU kernels read them (backend flex, f32). On
    /// other backends, and with rounded weights, the classifier stays unchanged.
    ///
    /// The result is for evaluation only: memory holds each weight once, in the packed order, so
    /// the network cannot be saved.
    #[must_use]
    pub fn into_packed(mut self) -> Self {
        self.audio_encoder.pack();
        self.visual_encoder.pack();
        self.a2v.pack();
        self.v2a.pack();
        self
    }

    /// Offloads the weights of the encoders' blocks to `source` if `place` returns their location.
    #[cfg(feature = "flex")]
    pub(crate) fn offload_to(
        &mut self,
        source: &Arc<OffloadedWeights>,
        mut place: impl FnMut(&ParamId) -> Option<WeightLocation>,
    ) {
        if !on_flex::<B>() {
            return;
        }
        for linear in self.blocks().flat_map(Block::linears) {
            if let Some(place) = place(&linear.weight.id) {
                linear.offload_to(source.clone(), place);
            }
        }
    }

    /// Iterates over the blocks of both encoders.
    fn blocks(&mut self) -> impl Iterator<Item = &mut Block<B>> {
        let audio = self.audio_encoder.transformer.iter_mut();
        audio.chain(&mut self.visual_encoder.blocks)
    }

    /// Computes the embeddings: everything before the head.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalized
    /// - `video`: `[batch, channels, frames, height, width]`, normalized
    pub fn embed(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        scope: FusionScope,
    ) -> Embeddings<B> {
        let audio = self.audio_encoder.forward(audio);
        let video = self.visual_encoder.forward(video);
        Embeddings {
            a2v: self.a2v.forward(audio.clone(), scope),
            v2a: self.v2a.forward(video.clone(), scope),
            audio,
            video,
        }
    }

    /// Computes the logits of embeddings.
    ///
    /// # Shapes
    /// - output: `[batch, 2]`
    pub fn classify(&self, embeddings: Embeddings<B>) -> Tensor<B, 2> {
        loss::in_f32(self.mlp_head.forward(self.reduce(embeddings)))
    }

    /// Computes the head's input.
    fn reduce(&self, embeddings: Embeddings<B>) -> Tensor<B, 2> {
        let Embeddings { audio, video, a2v, v2a } = embeddings;
        let (Some(vision_layer), Some(audio_layer)) = (&self.mlp_vision, &self.mlp_audio) else {
            return self.agreement.forward(audio, video);
        };
        let pairs = self.input == HeadInput::Pairs;
        let vision = reduce(pairs, vision_layer, self.mlp_vision_out.as_ref(), a2v, video);
        let audio = reduce(pairs, audio_layer, self.mlp_audio_out.as_ref(), v2a, audio);
        Tensor::cat(vec![vision, audio], 1)
    }

    /// Computes the mean cosine similarity of the slices of audio and video at each lag of the audio.
    /// Returns `None` unless the head sees [`HeadInput::Agreement`].
    ///
    /// # Shapes
    /// - output: `[batch, lags]`, in the order of [`lags`](Self::lags)
    pub fn similarity_by_lag(&self, embeddings: &Embeddings<B>) -> Option<Tensor<B, 2>> {
        let Embeddings { audio, video, .. } = embeddings.clone();
        (self.input == HeadInput::Agreement).then(|| self.agreement.by_lag(audio, video))
    }

    /// The lags of the audio that [`similarity_by_lag`](Self::similarity_by_lag) compares.
    pub fn lags(&self) -> impl Iterator<Item = Lag> {
        self.agreement.lags()
    }

    /// Computes the head's input of a batch. Agreement needs neither A2V nor V2A.
    fn reduced(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        scope: FusionScope,
    ) -> Tensor<B, 2> {
        match self.input {
            HeadInput::Agreement => self
                .agreement
                .forward(self.audio_encoder.forward(audio), self.visual_encoder.forward(video)),
            _ => self.reduce(self.embed(audio, video, scope)),
        }
    }

    /// Computes the logits of a batch, without dropout: index 0 is fake, index 1 is real.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalized
    /// - `video`: `[batch, channels, frames, height, width]`, normalized
    /// - output: `[batch, 2]`
    pub fn forward(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        scope: FusionScope,
    ) -> Tensor<B, 2> {
        loss::in_f32(self.mlp_head.forward(self.reduced(audio, video, scope)))
    }

    /// Computes the logits as [`forward`](Self::forward) does, with dropout in the head for
    /// training. Each clip has its own random number generator.
    pub fn forward_with_dropout(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        scope: FusionScope,
        clips: &mut [impl Rng],
    ) -> Tensor<B, 2> {
        let reduced = self.reduced(audio, video, scope);
        loss::in_f32(self.mlp_head.forward_with_dropout(reduced, clips))
    }
}

/// Reduces the tokens of one modality to the head's input.
///
/// # Shapes
/// - `cross_modal`, `own`: `[batch, tokens, dim]`
/// - output: `[batch, 2 * dim]` for [`HeadInput::Features`], otherwise `[batch, hidden]`
fn reduce<B: Backend>(
    pairs: bool,
    tokens: &Linear<B>,
    out: Option<&Linear<B>>,
    cross_modal: Tensor<B, 3>,
    own: Tensor<B, 3>,
) -> Tensor<B, 2> {
    match out {
        // The mean over the joined features of both embeddings, which have equal widths.
        None => {
            let means = (cross_modal.mean_dim(2) + own.mean_dim(2)).mul_scalar(0.5).squeeze_dim(2);
            tokens.forward(means)
        }
        Some(score) if pairs => {
            let joined = Tensor::cat(vec![cross_modal, own], 2);
            let [batch, count, width] = joined.dims();
            let pairs = tokens.gelu(joined.reshape([batch * count, width]));
            let weights = softmax(score.forward(pairs.clone()).reshape([batch, count, 1]), 1);
            let [_, hidden] = pairs.dims();
            (pairs.reshape([batch, count, hidden]) * weights).sum_dim(1).squeeze_dim(1)
        }
        Some(out) => {
            let joined = Tensor::cat(vec![cross_modal, own], 2);
            out.over_tokens(relu(tokens.over_tokens(joined))).squeeze_dim(1)
        }
    }
}

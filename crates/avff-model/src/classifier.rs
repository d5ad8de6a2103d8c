//! The stage-3 classifier: both encoders, A2V and V2A over all tokens, and the head.

#[cfg(feature = "flex")]
use std::sync::Arc;

#[cfg(feature = "flex")]
use burn::module::ParamId;
use burn::{prelude::*, tensor::activation::softmax};
use rand::Rng;

#[cfg(feature = "flex")]
use crate::tensor_file::in_file::{InFile, Place};
use crate::{
    config::{AvffConfig, HeadInput},
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    head::Head,
    init::Init,
    layers::{Block, CrossModal, FusionScope, Linear, on_flex, relu},
    loss,
};

/// The tokens of a batch after encoders and cross-modal blocks.
#[derive(Debug, Clone)]
pub struct Embeddings<B: Backend> {
    /// `[batch, audio tokens, dim]`.
    pub audio: Tensor<B, 3>,
    /// `[batch, visual tokens, dim]`.
    pub video: Tensor<B, 3>,
    /// Visual tokens made from audio, `[batch, visual tokens, dim]`.
    pub a2v: Tensor<B, 3>,
    /// Audio tokens made from video, `[batch, audio tokens, dim]`.
    pub v2a: Tensor<B, 3>,
}

/// The deepfake classifier. Module paths are the keys of a released checkpoint.
#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    /// fbank to audio tokens.
    pub audio_encoder: AudioEncoder<B>,
    /// Frames to visual tokens.
    pub visual_encoder: VisualEncoder<B>,
    /// Audio tokens to visual ones.
    pub a2v: CrossModal<B>,
    /// Visual tokens to audio ones.
    pub v2a: CrossModal<B>,
    /// Over the visual tokens, `[hidden, tokens]`: of their means or of each feature. For
    /// [`HeadInput::Pairs`] over both embeddings of a token, `[hidden, 2 * dim]`.
    pub mlp_vision: Linear<B>,
    /// The same over the audio tokens.
    pub mlp_audio: Linear<B>,
    /// `[1, hidden]`: for [`HeadInput::Features`] the second layer over tokens, for
    /// [`HeadInput::Pairs`] the attention score of a token; absent otherwise.
    pub mlp_vision_out: Option<Linear<B>>,
    /// The same for audio.
    pub mlp_audio_out: Option<Linear<B>>,
    /// The head.
    pub mlp_head: Head<B>,
    #[module(skip)]
    input: HeadInput,
}

impl<B: Backend> Classifier<B> {
    /// # Errors
    /// [`ModelError::Config`] where sizes do not fit.
    pub fn new(
        config: &AvffConfig,
        init: &mut Init,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let (audio, video) = (config.audio_grid().tokens(), config.video_grid().tokens());
        let [shown_audio, shown_video] = config.token_map(config.slices);
        let (dim, hidden) = (config.encoder.dim, config.head.hidden);
        let input = config.head.input;
        let (inputs, seen) = match input {
            HeadInput::TokenMeans => ([video, audio], 2 * hidden),
            // Uni- and cross-modal features of both modalities.
            HeadInput::Features => ([video, audio], 4 * dim),
            HeadInput::Pairs => ([2 * dim; 2], 2 * hidden),
        };
        let [of_video, of_audio] = inputs;
        let has_out = input != HeadInput::TokenMeans;
        Ok(Self {
            audio_encoder: AudioEncoder::new(init, config, device),
            visual_encoder: VisualEncoder::new(init, config, device),
            a2v: CrossModal::new(init, config, [shown_audio, shown_video], device),
            v2a: CrossModal::new(init, config, [shown_video, shown_audio], device),
            mlp_vision: Linear::torch_default(init, [of_video, hidden], device),
            mlp_audio: Linear::torch_default(init, [of_audio, hidden], device),
            mlp_vision_out: has_out.then(|| Linear::torch_default(init, [hidden, 1], device)),
            mlp_audio_out: has_out.then(|| Linear::torch_default(init, [hidden, 1], device)),
            mlp_head: Head::new(init, [seen, hidden], config.head.dropout, device),
            input,
        })
    }

    /// The classifier with the products of the encoders' blocks in 8-bit integers. Weights are rounded to
    /// 7 bits with a scale for each output, tokens to 8 bits with a scale for each token; sums are exact.
    /// Attention, norms, patches, A2V, V2A and the head stay in f32.
    ///
    /// It is for evaluation only: it no longer holds its f32 weights, so it cannot be saved.
    ///
    /// # Errors
    /// [`ModelError::CpuOnly`] on any backend but flex, and without feature `flex`;
    /// [`ModelError::Prepared`] after [`into_packed`](Self::into_packed).
    pub fn into_int8(self) -> Result<Self, ModelError> {
        self.rounded("int8", Linear::round_to_int8)
    }

    /// The classifier with the products and attention of the encoders' blocks in bfloat16. Weights, tokens and
    /// attention weights are rounded to 8 bits of precision; sums, softmax and norms are in f32. Patches,
    /// A2V, V2A and the head stay in f32.
    ///
    /// It is slow on a processor [without instructions](crate::precision::cpu_has_bf16) for bfloat16. For
    /// GPUs there is [`precision::cast`](crate::precision::cast).
    ///
    /// It is for evaluation only: it no longer holds its f32 weights, so it cannot be saved.
    ///
    /// # Errors
    /// As [`into_int8`](Self::into_int8).
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

    /// The classifier with its weights in the order in which the CPU kernels read them (backend flex,
    /// f32). On other backends, and for rounded weights, it stays as it is.
    ///
    /// It is for evaluation only: memory holds each weight once, in the packed order, so the network
    /// cannot be saved.
    #[must_use]
    pub fn into_packed(mut self) -> Self {
        self.audio_encoder.pack();
        self.visual_encoder.pack();
        self.a2v.pack();
        self.v2a.pack();
        self
    }

    /// Leaves the weights of the encoders' blocks in `source`, where `place` says that each is there.
    #[cfg(feature = "flex")]
    pub(crate) fn leave_in(
        &mut self,
        source: &Arc<InFile>,
        mut place: impl FnMut(&ParamId) -> Option<Place>,
    ) {
        if !on_flex::<B>() {
            return;
        }
        for linear in self.blocks().flat_map(Block::linears) {
            if let Some(place) = place(&linear.weight.id) {
                linear.leave_in(source.clone(), place);
            }
        }
    }

    /// The blocks of both encoders.
    fn blocks(&mut self) -> impl Iterator<Item = &mut Block<B>> {
        let audio = self.audio_encoder.transformer.iter_mut();
        audio.chain(&mut self.visual_encoder.blocks)
    }

    /// Everything before the head.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalised
    /// - `video`: `[batch, channels, frames, height, width]`, normalised
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

    /// The head over embeddings.
    ///
    /// # Shapes
    /// - output: `[batch, 2]`
    pub fn classify(&self, embeddings: Embeddings<B>) -> Tensor<B, 2> {
        loss::in_f32(self.mlp_head.forward(self.reduce(embeddings)))
    }

    /// The head's input.
    fn reduce(&self, embeddings: Embeddings<B>) -> Tensor<B, 2> {
        let Embeddings { audio, video, a2v, v2a } = embeddings;
        let pairs = self.input == HeadInput::Pairs;
        let vision = reduce(pairs, &self.mlp_vision, self.mlp_vision_out.as_ref(), a2v, video);
        let audio = reduce(pairs, &self.mlp_audio, self.mlp_audio_out.as_ref(), v2a, audio);
        Tensor::cat(vec![vision, audio], 1)
    }

    /// Logits of a batch: index 0 fake, index 1 real. Nothing is dropped.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalised
    /// - `video`: `[batch, channels, frames, height, width]`, normalised
    /// - output: `[batch, 2]`
    pub fn forward(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        scope: FusionScope,
    ) -> Tensor<B, 2> {
        self.classify(self.embed(audio, video, scope))
    }

    /// [`forward`](Self::forward) as in training: the head drops features, each clip's drawn from a
    /// generator of its own.
    pub fn forward_dropping(
        &self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        scope: FusionScope,
        clips: &mut [impl Rng],
    ) -> Tensor<B, 2> {
        let reduced = self.reduce(self.embed(audio, video, scope));
        loss::in_f32(self.mlp_head.forward_dropping(reduced, clips))
    }
}

/// Reduces one modality's tokens to the head's input.
///
/// # Shapes
/// - `crossed`, `own`: `[batch, tokens, dim]`
/// - output: `[batch, 2 * dim]` where the head sees features, else `[batch, hidden]`
fn reduce<B: Backend>(
    pairs: bool,
    tokens: &Linear<B>,
    out: Option<&Linear<B>>,
    crossed: Tensor<B, 3>,
    own: Tensor<B, 3>,
) -> Tensor<B, 2> {
    match out {
        // The mean over both embeddings joined on features; they have equally many.
        None => {
            let means = (crossed.mean_dim(2) + own.mean_dim(2)).mul_scalar(0.5).squeeze_dim(2);
            tokens.forward(means)
        }
        Some(score) if pairs => {
            let joined = Tensor::cat(vec![crossed, own], 2);
            let [batch, count, width] = joined.dims();
            let pairs = tokens.gelu(joined.reshape([batch * count, width]));
            let weights = softmax(score.forward(pairs.clone()).reshape([batch, count, 1]), 1);
            let [_, hidden] = pairs.dims();
            (pairs.reshape([batch, count, hidden]) * weights).sum_dim(1).squeeze_dim(1)
        }
        Some(out) => {
            let joined = Tensor::cat(vec![crossed, own], 2);
            out.over_tokens(relu(tokens.over_tokens(joined))).squeeze_dim(1)
        }
    }
}

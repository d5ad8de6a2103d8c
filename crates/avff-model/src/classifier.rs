//! The stage-3 classifier: both encoders, A2V and V2A over all tokens, and the head.

use burn::{
    prelude::*,
    tensor::{TensorData, activation::relu},
};
use rand::{Rng, RngExt};

use crate::{
    config::AvffConfig,
    encoder::{AudioEncoder, VisualEncoder},
    error::ModelError,
    fused::Int8,
    init::Init,
    layers::{Block, CrossModal, FusionScope, Linear},
    loss,
};

/// Outputs of the classifier: index 0 is fake, index 1 is real.
pub const CLASSES: usize = 2;

/// The multi-layer head.
#[derive(Module, Debug)]
pub struct Head<B: Backend> {
    /// `[hidden, 2 * hidden]`.
    pub fc1: Linear<B>,
    /// `[hidden, hidden]`.
    pub fc2: Linear<B>,
    /// `[2, hidden]`.
    pub fc3: Linear<B>,
    dropout: f64,
}

impl<B: Backend> Head<B> {
    /// # Shapes
    /// - `x`: `[batch, 2 * hidden]`
    /// - output: `[batch, 2]`
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.through(x, |x| x)
    }

    /// [`forward`](Self::forward) with features dropped, each clip's drawn from a generator of its own:
    /// on the host, so that a step can be repeated on any backend and in any parts.
    pub fn forward_dropping(&self, x: Tensor<B, 2>, clips: &mut [impl Rng]) -> Tensor<B, 2> {
        self.through(x, |x| self.drop(x, clips))
    }

    fn through(
        &self,
        x: Tensor<B, 2>,
        mut drop: impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let x = relu(drop(self.fc1.forward(x)));
        let x = relu(drop(self.fc2.forward(x)));
        self.fc3.forward(x)
    }

    /// Zero with the config's probability, scaled up to keep the mean elsewhere.
    fn drop(&self, x: Tensor<B, 2>, clips: &mut [impl Rng]) -> Tensor<B, 2> {
        if self.dropout == 0.0 {
            return x;
        }
        let [batch, features] = x.dims();
        let kept = (1.0 / (1.0 - self.dropout)) as f32;
        let draw = |rng: &mut _| if RngExt::random::<f64>(rng) < self.dropout { 0.0 } else { kept };
        let rows = clips.iter_mut().take(batch);
        let factors: Vec<f32> =
            rows.flat_map(|rng| (0..features).map(|_| draw(rng)).collect::<Vec<_>>()).collect();
        let shape = [factors.len() / features, features];
        let factors = Tensor::from_data(TensorData::new(factors, shape), (&x.device(), x.dtype()));
        x * factors
    }
}

/// What the encoders and cross-modal networks make of a batch.
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
    /// Per-token means of the visual side to the head.
    pub mlp_vision: Linear<B>,
    /// Per-token means of the audio side to the head.
    pub mlp_audio: Linear<B>,
    /// The head.
    pub mlp_head: Head<B>,
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
        let (dim, heads, hidden) = (config.encoder.dim, config.encoder.heads, config.head.hidden);
        Ok(Self {
            audio_encoder: AudioEncoder::new(init, config, device),
            visual_encoder: VisualEncoder::new(init, config, device),
            a2v: CrossModal::new(init, [audio, video], dim, heads, device),
            v2a: CrossModal::new(init, [video, audio], dim, heads, device),
            mlp_vision: Linear::torch_default(init, [video, hidden], device),
            mlp_audio: Linear::torch_default(init, [audio, hidden], device),
            mlp_head: Head {
                fc1: Linear::torch_default(init, [2 * hidden, hidden], device),
                fc2: Linear::torch_default(init, [hidden, hidden], device),
                fc3: Linear::torch_default(init, [hidden, CLASSES], device),
                dropout: config.head.dropout,
            },
        })
    }

    /// The classifier with the encoders' products in 8-bit integers: weights rounded to 7 bits by a
    /// scale for each output, tokens to 8 bits by a scale for each, sums exact. Attention, norms,
    /// A2V, V2A and the head stay in f32.
    ///
    /// For evaluation alone: the weights are gone, and such a network cannot be saved.
    ///
    /// # Errors
    /// [`ModelError::NoInt8`] on any backend but flex, and without feature `flex`;
    /// [`ModelError::Prepared`] after [`into_packed`](Self::into_packed).
    pub fn into_int8(mut self) -> Result<Self, ModelError> {
        if !Int8::runs_on::<B>() {
            return Err(ModelError::NoInt8);
        }
        if self.blocks().any(|block| block.is_prepared()) {
            return Err(ModelError::Prepared);
        }
        self.blocks().for_each(Block::round_to_int8);
        Ok(self)
    }

    /// The classifier with its weights in the order in which products read them, where a kernel of
    /// ours does so (backend flex, f32); elsewhere, and for weights that are rounded, as it was.
    ///
    /// For evaluation alone: the weights as they were are gone, so that memory holds them once, and
    /// such a network cannot be saved.
    #[must_use]
    pub fn into_packed(mut self) -> Self {
        self.blocks().for_each(Block::pack);
        self.a2v.pack();
        self.v2a.pack();
        self
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

    /// What the head sees: `[batch, 2 * hidden]`.
    fn reduce(&self, embeddings: Embeddings<B>) -> Tensor<B, 2> {
        let Embeddings { audio, video, a2v, v2a } = embeddings;
        // The mean over both embeddings joined on features; they have equally many.
        let token_means = |crossed: Tensor<B, 3>, own: Tensor<B, 3>| -> Tensor<B, 2> {
            (crossed.mean_dim(2) + own.mean_dim(2)).mul_scalar(0.5).squeeze_dim(2)
        };
        let vision = self.mlp_vision.forward(token_means(a2v, video));
        let sound = self.mlp_audio.forward(token_means(v2a, audio));
        Tensor::cat(vec![vision, sound], 1)
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

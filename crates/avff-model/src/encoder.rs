//! The audio and visual encoders.

use burn::{module::Param, nn::LayerNorm, prelude::*};

use crate::{
    config::{AvffConfig, VideoStem},
    init::{Init, Initializer},
    layers::{AudioPatches, Block, ConvStem, Packed, Product, VideoPatches, layer_norm, normalize},
    positions,
};

/// Applies a patch embedding whose weight is stored as a convolution kernel.
///
/// Kernel size and stride are equal, so it is a linear layer over flattened patches.
///
/// # Shapes
/// - `patches`: `[batch, tokens, length]`
/// - `added`: terms added to the tokens of each clip, `[1, 1 or tokens, dim]`
/// - output: `[batch, tokens, dim]`
fn embed_patches<B: Backend, const D: usize>(
    patches: Tensor<B, 3>,
    weight: &Param<Tensor<B, D>>,
    packed: Option<&Packed>,
    bias: Tensor<B, 1>,
    added: impl IntoIterator<Item = Tensor<B, 3>>,
) -> Tensor<B, 3> {
    let [batch, tokens, length] = patches.dims();
    let [dim] = bias.dims();
    let rows = patches.reshape([batch * tokens, length]);
    let added = added.into_iter();
    match packed {
        Some(weight) => {
            let skip = Tensor::zeros([1, tokens, dim], &bias.device());
            let skip = added.fold(skip, |sum, next| sum + next).repeat_dim(0, batch);
            let skip = skip.reshape([batch * tokens, dim]);
            weight.skip(skip, rows, bias).reshape([batch, tokens, dim])
        }
        None => {
            let y = Product::forward(rows, weight.val().reshape([dim, length])) + bias.unsqueeze();
            added.fold(y.reshape([batch, tokens, dim]), |sum, next| sum + next)
        }
    }
}

/// Packs a convolution kernel for products and leaves an empty kernel in its place. Returns `None`,
/// and leaves the kernel unchanged, if the backend has no packed products.
fn pack_kernel<B: Backend, const D: usize>(weight: &mut Param<Tensor<B, D>>) -> Option<Packed> {
    let [dim, length] = [weight.dims()[0], weight.dims()[1..].iter().product()];
    let packed = Packed::new(weight.val().reshape([dim, length]))?;
    let mut shape = weight.dims();
    shape[D - 1] = 0;
    *weight = Param::from_tensor(Tensor::zeros(shape, &weight.device())).set_require_grad(false);
    Some(packed)
}

/// A convolution over the spectrogram with equal kernel size and stride.
#[derive(Module, Debug)]
pub struct AudioProjection<B: Backend> {
    /// `[dim, 1, patch_mels, patch_frames]`.
    pub weight: Param<Tensor<B, 4>>,
    /// `[dim]`.
    pub bias: Param<Tensor<B, 1>>,
}

/// The audio patch embedding.
#[derive(Module, Debug)]
pub struct AudioPatchEmbed<B: Backend> {
    /// The convolution.
    pub proj: AudioProjection<B>,
}

/// Encodes fbank features as audio tokens.
#[derive(Module, Debug)]
pub struct AudioEncoder<B: Backend> {
    /// Patch embedding.
    pub patch_embed: AudioPatchEmbed<B>,
    /// Trainable position table, `[1, tokens, dim]`.
    pub pos_embed: Param<Tensor<B, 3>>,
    /// Modality vector added to every token, `[1, 1, dim]`.
    pub modality: Param<Tensor<B, 3>>,
    /// LayerNorm after the blocks.
    pub norm: LayerNorm<B>,
    /// Transformer blocks.
    pub transformer: Vec<Block<B>>,
    #[module(skip)]
    patches: AudioPatches,
    /// The packed kernel for evaluation, which replaces the weight of `patch_embed`.
    #[module(skip)]
    packed: Option<Packed>,
}

impl<B: Backend> AudioEncoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let (dim, grid) = (config.encoder.dim, config.audio_grid());
        let kernel = [dim, 1, config.audio.patch_mels, config.audio.patch_frames];
        let order = config.audio_slices;
        Self {
            patch_embed: AudioPatchEmbed {
                proj: AudioProjection {
                    weight: init.param(kernel, Initializer::XavierUniform, device),
                    bias: init.param(
                        [dim],
                        Initializer::TorchDefault { fan_in: config.audio_patch_len() },
                        device,
                    ),
                },
            },
            pos_embed: init.table(
                [1, grid.tokens(), dim],
                || positions::audio_table(grid, dim, order),
                device,
            ),
            modality: init.param([1, 1, dim], Initializer::Token, device),
            norm: layer_norm(dim, device),
            transformer: Block::stack(init, &config.encoder, Initializer::XavierNormal, device),
            patches: AudioPatches::new(config),
            packed: None,
        }
    }

    /// Packs all weights.
    pub(crate) fn pack(&mut self) {
        self.transformer.iter_mut().for_each(Block::pack);
        if self.packed.is_none() {
            self.packed = pack_kernel(&mut self.patch_embed.proj.weight);
        }
    }

    /// Encodes a batch.
    ///
    /// # Shapes
    /// - `fbank`: `[batch, frames, mels]`, normalized
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, fbank: Tensor<B, 3>) -> Tensor<B, 3> {
        let tokens = self.embed(fbank);
        normalize(&self.norm, self.transformer.iter().fold(tokens, |x, block| block.forward(x)))
    }

    /// Computes the input of the first block, with the shapes of [`forward`](Self::forward).
    pub(crate) fn embed(&self, fbank: Tensor<B, 3>) -> Tensor<B, 3> {
        let proj = &self.patch_embed.proj;
        let fbank = in_precision_of(fbank, &proj.bias);
        let (patches, packed) = (self.patches.split(fbank), self.packed.as_ref());
        let added = [self.pos_embed.val(), self.modality.val()];
        embed_patches(patches, &proj.weight, packed, proj.bias.val(), added)
    }
}

/// Casts inputs to the dtype of the weights, which mixed-precision training casts.
fn in_precision_of<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    weight: &Param<Tensor<B, 1>>,
) -> Tensor<B, D> {
    let dtype = weight.val().dtype();
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}

/// A 3-D convolution over the frames with equal kernel size and stride.
#[derive(Module, Debug)]
pub struct VisualProjection<B: Backend> {
    /// `[dim, channels, tubelet, patch, patch]`.
    pub weight: Param<Tensor<B, 5>>,
    /// `[dim]`.
    pub bias: Param<Tensor<B, 1>>,
}

/// The tubelet embedding.
#[derive(Module, Debug)]
pub struct VisualPatchEmbed<B: Backend> {
    /// The convolution.
    pub projection: VisualProjection<B>,
}

/// A position table that is stored in checkpoints but not trained.
#[derive(Module, Debug)]
pub struct FixedPositions<B: Backend> {
    /// `[1, tokens, dim]`.
    pub emb: Param<Tensor<B, 3>>,
}

impl<B: Backend> FixedPositions<B> {
    pub(crate) fn new(init: &mut Init, [tokens, dim]: [usize; 2], device: &B::Device) -> Self {
        let table =
            init.table([1, tokens, dim], || positions::interleaved_table(tokens, dim), device);
        Self { emb: table.set_require_grad(false) }
    }
}

/// Encodes frames as visual tokens.
#[derive(Module, Debug)]
pub struct VisualEncoder<B: Backend> {
    /// Convolutions before the tubelet embedding, with [`VideoStem::Convolutions`].
    pub stem: Option<ConvStem<B>>,
    /// Tubelet embedding.
    pub patch_embedding: VisualPatchEmbed<B>,
    /// Fixed position table.
    pub pos_embedding: FixedPositions<B>,
    /// LayerNorm after the blocks.
    pub norm: LayerNorm<B>,
    /// Transformer blocks.
    pub blocks: Vec<Block<B>>,
    #[module(skip)]
    patches: VideoPatches,
    /// The packed kernel for evaluation, which replaces the weight of `patch_embedding`.
    #[module(skip)]
    packed: Option<Packed>,
}

impl<B: Backend> VisualEncoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let dim = config.encoder.dim;
        let has_stem = config.video.stem == VideoStem::Convolutions;
        let embedded = config.after_stem();
        let video = &embedded.video;
        let initializer = Initializer::TorchDefault { fan_in: embedded.video_patch_len() };
        let kernel = [dim, video.channels, video.tubelet, video.patch, video.patch];
        Self {
            stem: has_stem.then(|| ConvStem::new(init, device)),
            patch_embedding: VisualPatchEmbed {
                projection: VisualProjection {
                    weight: init.param(kernel, initializer, device),
                    bias: init.param([dim], initializer, device),
                },
            },
            pos_embedding: FixedPositions::new(init, [config.video_grid().tokens(), dim], device),
            norm: layer_norm(dim, device),
            blocks: Block::stack(init, &config.encoder, Initializer::XavierUniform, device),
            patches: VideoPatches::new(&embedded),
            packed: None,
        }
    }

    /// Packs all weights.
    pub(crate) fn pack(&mut self) {
        self.blocks.iter_mut().for_each(Block::pack);
        if self.packed.is_none() {
            self.packed = pack_kernel(&mut self.patch_embedding.projection.weight);
        }
    }

    /// Encodes a batch.
    ///
    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`, normalized
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        let tokens = self.embed(frames);
        normalize(&self.norm, self.blocks.iter().fold(tokens, |x, block| block.forward(x)))
    }

    /// Computes the input of the first block, with the shapes of [`forward`](Self::forward).
    pub(crate) fn embed(&self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        let projection = &self.patch_embedding.projection;
        let frames = in_precision_of(frames, &projection.bias);
        let embedded = match &self.stem {
            Some(stem) => stem.forward(frames),
            None => frames,
        };
        let patches = self.patches.split(embedded);
        let (bias, added) = (projection.bias.val(), [self.pos_embedding.emb.val()]);
        embed_patches(patches, &projection.weight, self.packed.as_ref(), bias, added)
    }
}

//! Audio and visual encoders.

use burn::{module::Param, nn::LayerNorm, prelude::*};

use crate::{
    config::AvffConfig,
    init::{Draw, Init},
    layers::{AudioPatches, Block, Packed, Product, VideoPatches, layer_norm, normalise},
    positions,
};

/// A patch embedding stored as the convolution it is in checkpoints.
///
/// Kernel and stride are equal, so it is a linear layer over flattened patches.
///
/// # Shapes
/// - `patches`: `[batch, tokens, length]`
/// - `added`: to the tokens of each clip, one after the other, `[1, 1 or tokens, dim]`
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

/// A convolution's kernel as products read it, and an empty one in its place; as it was where products run
/// otherwise.
fn pack_kernel<B: Backend, const D: usize>(weight: &mut Param<Tensor<B, D>>) -> Option<Packed> {
    let [dim, length] = [weight.dims()[0], weight.dims()[1..].iter().product()];
    let packed = Packed::new(weight.val().reshape([dim, length]))?;
    let mut shape = weight.dims();
    shape[D - 1] = 0;
    *weight = Param::from_tensor(Tensor::zeros(shape, &weight.device())).set_require_grad(false);
    Some(packed)
}

/// A convolution over the spectrogram, kernel and stride equal.
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
    /// The projection.
    pub proj: AudioProjection<B>,
}

/// fbank to audio tokens.
#[derive(Module, Debug)]
pub struct AudioEncoder<B: Backend> {
    /// Patch embedding.
    pub patch_embed: AudioPatchEmbed<B>,
    /// Trainable position table, `[1, tokens, dim]`.
    pub pos_embed: Param<Tensor<B, 3>>,
    /// Added to every token, `[1, 1, dim]`.
    pub modality: Param<Tensor<B, 3>>,
    /// After the blocks.
    pub norm: LayerNorm<B>,
    /// The blocks.
    pub transformer: Vec<Block<B>>,
    #[module(skip)]
    patches: AudioPatches,
    /// The kernel for evaluation, in the place of `patch_embed`'s.
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
                    weight: init.param(kernel, Draw::XavierUniform, device),
                    bias: init.param(
                        [dim],
                        Draw::TorchDefault { fan_in: config.audio_patch_len() },
                        device,
                    ),
                },
            },
            pos_embed: init.table(
                [1, grid.tokens(), dim],
                || positions::audio_table(grid, dim, order),
                device,
            ),
            modality: init.param([1, 1, dim], Draw::Token, device),
            norm: layer_norm(dim, device),
            transformer: Block::stack(init, &config.encoder, Draw::XavierNormal, device),
            patches: AudioPatches::new(config),
            packed: None,
        }
    }

    /// Packs all weights of products.
    pub(crate) fn pack(&mut self) {
        self.transformer.iter_mut().for_each(Block::pack);
        if self.packed.is_none() {
            self.packed = pack_kernel(&mut self.patch_embed.proj.weight);
        }
    }

    /// # Shapes
    /// - `fbank`: `[batch, frames, mels]`, normalised
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, fbank: Tensor<B, 3>) -> Tensor<B, 3> {
        let tokens = self.embed(fbank);
        normalise(&self.norm, self.transformer.iter().fold(tokens, |x, block| block.forward(x)))
    }

    /// What the first block is given; shapes as of [`forward`](Self::forward).
    pub(crate) fn embed(&self, fbank: Tensor<B, 3>) -> Tensor<B, 3> {
        let proj = &self.patch_embed.proj;
        let fbank = in_precision_of(fbank, &proj.bias);
        let (patches, packed) = (self.patches.split(fbank), self.packed.as_ref());
        let added = [self.pos_embed.val(), self.modality.val()];
        embed_patches(patches, &proj.weight, packed, proj.bias.val(), added)
    }
}

/// Inputs as precise as the weights, which mixed-precision training casts.
fn in_precision_of<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    weight: &Param<Tensor<B, 1>>,
) -> Tensor<B, D> {
    let dtype = weight.val().dtype();
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}

/// A 3-D convolution over the frames, kernel and stride equal.
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
    /// The projection.
    pub projection: VisualProjection<B>,
}

/// A position table that is stored but not trained.
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

/// Frames to visual tokens.
#[derive(Module, Debug)]
pub struct VisualEncoder<B: Backend> {
    /// Tubelet embedding.
    pub patch_embedding: VisualPatchEmbed<B>,
    /// Fixed positions.
    pub pos_embedding: FixedPositions<B>,
    /// After the blocks.
    pub norm: LayerNorm<B>,
    /// The blocks.
    pub blocks: Vec<Block<B>>,
    #[module(skip)]
    patches: VideoPatches,
    /// The kernel for evaluation, in the place of `patch_embedding`'s.
    #[module(skip)]
    packed: Option<Packed>,
}

impl<B: Backend> VisualEncoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let dim = config.encoder.dim;
        let video = &config.video;
        let draw = Draw::TorchDefault { fan_in: config.video_patch_len() };
        let kernel = [dim, video.channels, video.tubelet, video.patch, video.patch];
        Self {
            patch_embedding: VisualPatchEmbed {
                projection: VisualProjection {
                    weight: init.param(kernel, draw, device),
                    bias: init.param([dim], draw, device),
                },
            },
            pos_embedding: FixedPositions::new(init, [config.video_grid().tokens(), dim], device),
            norm: layer_norm(dim, device),
            blocks: Block::stack(init, &config.encoder, Draw::XavierUniform, device),
            patches: VideoPatches::new(config),
            packed: None,
        }
    }

    /// Packs all weights of products.
    pub(crate) fn pack(&mut self) {
        self.blocks.iter_mut().for_each(Block::pack);
        if self.packed.is_none() {
            self.packed = pack_kernel(&mut self.patch_embedding.projection.weight);
        }
    }

    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`, normalised
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        let tokens = self.embed(frames);
        normalise(&self.norm, self.blocks.iter().fold(tokens, |x, block| block.forward(x)))
    }

    /// What the first block is given; shapes as of [`forward`](Self::forward).
    pub(crate) fn embed(&self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        let projection = &self.patch_embedding.projection;
        let patches = self.patches.split(in_precision_of(frames, &projection.bias));
        let (bias, added) = (projection.bias.val(), [self.pos_embedding.emb.val()]);
        embed_patches(patches, &projection.weight, self.packed.as_ref(), bias, added)
    }
}

//! Audio and visual decoders of the pre-training model.

use burn::{module::Param, nn::LayerNorm, prelude::*};

use crate::{
    config::AvffConfig,
    encoder::FixedPositions,
    init::{Draw, Init},
    layers::{Block, Linear, layer_norm, normalise},
    positions,
};

/// Audio tokens to spectrogram patches.
///
/// The reference creates a position table and a modality vector and adds neither. Both exist here too, so
/// that a checkpoint written here has every key of one written there.
#[derive(Module, Debug)]
pub struct AudioDecoder<B: Backend> {
    /// To the decoder's width.
    pub decoder_embed: Linear<B>,
    /// In checkpoints, unused: `[1, 1, dim]`.
    pub decoder_modality: Param<Tensor<B, 3>>,
    /// In checkpoints, unused: `[1, tokens, dim]`.
    pub decoder_pos_embed: Param<Tensor<B, 3>>,
    /// The blocks.
    pub blocks: Vec<Block<B>>,
    /// After the blocks.
    pub decoder_norm: LayerNorm<B>,
    /// To the numbers of a patch.
    pub decoder_pred: Linear<B>,
}

impl<B: Backend> AudioDecoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let (dim, grid, draw) = (config.decoder.dim, config.audio_grid(), Draw::XavierUniform);
        let order = config.audio_slices;
        let table = init.table(
            [1, grid.tokens(), dim],
            || positions::audio_table(grid, dim, order),
            device,
        );
        let modality = init.param([1, 1, dim], Draw::Token, device);
        Self {
            decoder_embed: Linear::zero_bias(init, [config.encoder.dim, dim], draw, device),
            decoder_modality: modality.set_require_grad(false),
            decoder_pos_embed: table.set_require_grad(false),
            blocks: Block::stack(init, &config.decoder, draw, device),
            decoder_norm: layer_norm(dim, device),
            decoder_pred: Linear::zero_bias(init, [dim, config.audio_patch_len()], draw, device),
        }
    }

    /// # Shapes
    /// - `tokens`: `[batch, tokens, encoder dim]`
    /// - output: `[batch, tokens, patch_mels * patch_frames]`
    pub fn forward(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = self.decoder_embed.forward(tokens);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.decoder_pred.forward(normalise(&self.decoder_norm, x))
    }
}

/// Visual tokens to tubelets.
#[derive(Module, Debug)]
pub struct VisualDecoder<B: Backend> {
    /// After the blocks.
    pub norm: LayerNorm<B>,
    /// Fixed positions, added after `decoder_patch_embed`.
    pub pos_embedding: FixedPositions<B>,
    /// In checkpoints, unused: `[1, 1, dim]`.
    pub mask_token: Param<Tensor<B, 3>>,
    /// The blocks.
    pub blocks: Vec<Block<B>>,
    /// To the numbers of a tubelet.
    pub head: Linear<B>,
    /// To the decoder's width.
    pub decoder_patch_embed: Linear<B>,
}

impl<B: Backend> VisualDecoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let (dim, draw) = (config.decoder.dim, Draw::XavierUniform);
        let mask_token = init.param([1, 1, dim], Draw::Token, device);
        Self {
            norm: layer_norm(dim, device),
            pos_embedding: FixedPositions::new(init, [config.video_grid().tokens(), dim], device),
            mask_token: mask_token.set_require_grad(false),
            blocks: Block::stack(init, &config.decoder, draw, device),
            head: Linear::zero_bias(init, [dim, config.video_patch_len()], draw, device),
            decoder_patch_embed: Linear::zero_bias(init, [config.encoder.dim, dim], draw, device),
        }
    }

    /// # Shapes
    /// - `tokens`: `[batch, tokens, encoder dim]`
    /// - output: `[batch, tokens, channels * tubelet * patch * patch]`
    pub fn forward(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = self.decoder_patch_embed.forward(tokens) + self.pos_embedding.emb.val();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.head.forward(normalise(&self.norm, x))
    }
}

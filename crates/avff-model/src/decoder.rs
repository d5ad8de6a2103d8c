//! The audio and visual decoders of the pre-training model.

use burn::{module::Param, nn::LayerNorm, prelude::*};

use crate::{
    config::{AvffConfig, VisualDecoderInit},
    encoder::FixedPositions,
    init::{Init, Initializer},
    layers::{Block, Linear, layer_norm, normalize},
    positions,
};

/// Decodes audio tokens to spectrogram patches.
///
/// The reference creates a position table and a modality vector but uses neither. This decoder
/// stores both too, so that its checkpoints have every key of the reference.
#[derive(Module, Debug)]
pub struct AudioDecoder<B: Backend> {
    /// Projects tokens to the decoder's width.
    pub decoder_embed: Linear<B>,
    /// Present in checkpoints but unused: `[1, 1, dim]`.
    pub decoder_modality: Param<Tensor<B, 3>>,
    /// Present in checkpoints but unused: `[1, tokens, dim]`.
    pub decoder_pos_embed: Param<Tensor<B, 3>>,
    /// Transformer blocks.
    pub blocks: Vec<Block<B>>,
    /// LayerNorm after the blocks.
    pub decoder_norm: LayerNorm<B>,
    /// Projects tokens to the values of a patch.
    pub decoder_pred: Linear<B>,
}

impl<B: Backend> AudioDecoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let (dim, grid, initializer) =
            (config.decoder.dim, config.audio_grid(), Initializer::XavierUniform);
        let order = config.audio_slices;
        let table = init.table(
            [1, grid.tokens(), dim],
            || positions::audio_table(grid, dim, order),
            device,
        );
        let modality = init.param([1, 1, dim], Initializer::Token, device);
        Self {
            decoder_embed: Linear::zero_bias(init, [config.encoder.dim, dim], initializer, device),
            decoder_modality: modality.set_require_grad(false),
            decoder_pos_embed: table.set_require_grad(false),
            blocks: Block::stack(init, &config.decoder, initializer, device),
            decoder_norm: layer_norm(dim, device),
            decoder_pred: Linear::zero_bias(
                init,
                [dim, config.audio_patch_len()],
                initializer,
                device,
            ),
        }
    }

    /// Decodes tokens.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, tokens, encoder dim]`
    /// - output: `[batch, tokens, patch_mels * patch_frames]`
    pub fn forward(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = self.decoder_embed.forward(tokens);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.decoder_pred.forward(normalize(&self.decoder_norm, x))
    }
}

/// Decodes visual tokens to tubelets.
#[derive(Module, Debug)]
pub struct VisualDecoder<B: Backend> {
    /// LayerNorm after the blocks.
    pub norm: LayerNorm<B>,
    /// Fixed positions, added after `decoder_patch_embed`.
    pub pos_embedding: FixedPositions<B>,
    /// Present in checkpoints but unused: `[1, 1, dim]`.
    pub mask_token: Param<Tensor<B, 3>>,
    /// Transformer blocks.
    pub blocks: Vec<Block<B>>,
    /// Projects tokens to the values of a tubelet.
    pub head: Linear<B>,
    /// Projects tokens to the decoder's width.
    pub decoder_patch_embed: Linear<B>,
}

impl<B: Backend> VisualDecoder<B> {
    pub(crate) fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let (dim, initializer) = (config.decoder.dim, Initializer::XavierUniform);
        let token = match config.visual_decoder_init {
            VisualDecoderInit::Xavier => Initializer::Token,
            VisualDecoderInit::TorchDefault => Initializer::TruncatedToken,
        };
        let mask_token = init.param([1, 1, dim], token, device);
        Self {
            norm: layer_norm(dim, device),
            pos_embedding: FixedPositions::new(init, [config.video_grid().tokens(), dim], device),
            mask_token: mask_token.set_require_grad(false),
            blocks: Block::stack(init, &config.decoder, initializer, device),
            head: Linear::zero_bias(init, [dim, config.video_patch_len()], initializer, device),
            decoder_patch_embed: {
                let sizes = [config.encoder.dim, dim];
                match config.visual_decoder_init {
                    VisualDecoderInit::Xavier => {
                        Linear::zero_bias(init, sizes, initializer, device)
                    }
                    VisualDecoderInit::TorchDefault => Linear::torch_default(init, sizes, device),
                }
            },
        }
    }

    /// Decodes tokens.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, tokens, encoder dim]`
    /// - output: `[batch, tokens, channels * tubelet * patch * patch]`
    pub fn forward(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = self.decoder_patch_embed.forward(tokens) + self.pos_embedding.emb.val();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.head.forward(normalize(&self.norm, x))
    }
}

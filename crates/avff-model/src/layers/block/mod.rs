//! The pre-norm transformer block of encoders and decoders.

#[cfg(feature = "flex")]
mod cpu;

use burn::{nn::LayerNorm, prelude::*};

use super::{Linear, SelfAttention, layer_norm, normalize};
use crate::{
    config::TransformerConfig,
    init::{Init, Initializer},
};

/// Two linear layers with a GELU between.
///
/// Checkpoints name it `mlp.fc1`, `mlp.fc2` in audio blocks and `mlp.layers.0.linear`,
/// `mlp.layers.1.linear` in visual ones.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    /// `[hidden, dim]`.
    pub fc1: Linear<B>,
    /// `[dim, hidden]`.
    pub fc2: Linear<B>,
}

impl<B: Backend> Mlp<B> {
    /// Computes `skip + mlp(x)`.
    ///
    /// # Shapes
    /// - `skip`, `x`: `[rows, dim]`
    /// - output: `[rows, dim]`
    fn skip(&self, skip: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.fc2.skip(skip, self.fc1.gelu(x))
    }
}

/// `x + attn(LN(x))`, then `x + mlp(LN(x))`.
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    /// LayerNorm before attention.
    pub norm1: LayerNorm<B>,
    /// Attention over the tokens of a clip.
    pub attn: SelfAttention<B>,
    /// LayerNorm before the MLP.
    pub norm2: LayerNorm<B>,
    /// The MLP.
    pub mlp: Mlp<B>,
}

impl<B: Backend> Block<B> {
    pub(crate) fn new(
        init: &mut Init,
        config: &TransformerConfig,
        initializer: Initializer,
        device: &B::Device,
    ) -> Self {
        let (dim, hidden) = (config.dim, config.hidden());
        Self {
            norm1: layer_norm(dim, device),
            attn: SelfAttention::new(init, dim, config.heads, initializer, device),
            norm2: layer_norm(dim, device),
            mlp: Mlp {
                fc1: Linear::zero_bias(init, [dim, hidden], initializer, device),
                fc2: Linear::zero_bias(init, [hidden, dim], initializer, device),
            },
        }
    }

    /// Packs the weights of all four products.
    pub(crate) fn pack(&mut self) {
        self.linears().into_iter().for_each(Linear::pack);
    }

    /// Whether the weights are packed or rounded, and the plain weights dropped.
    pub(crate) fn is_prepared(&self) -> bool {
        self.attn.qkv.is_prepared()
    }

    /// Returns the layers of all four products.
    pub(crate) fn linears(&mut self) -> [&mut Linear<B>; 4] {
        let Self { attn, mlp, .. } = self;
        [&mut attn.qkv, &mut attn.proj, &mut mlp.fc1, &mut mlp.fc2]
    }

    /// Creates `config.depth` blocks.
    pub(crate) fn stack(
        init: &mut Init,
        config: &TransformerConfig,
        initializer: Initializer,
        device: &B::Device,
    ) -> Vec<Self> {
        (0..config.depth).map(|_| Self::new(init, config, initializer, device)).collect()
    }

    /// Applies the block.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, dim]`
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, dim] = x.dims();
        let x = x.reshape([batch * tokens, dim]);
        #[cfg(feature = "flex")]
        if let Some(packed) = cpu::PackedBlock::of(self) {
            return packed.forward(x, [batch, tokens]).reshape([batch, tokens, dim]);
        }
        let y = normalize(&self.norm1, x.clone());
        let x = self.attn.skip(x, y, [batch, tokens]);
        let y = normalize(&self.norm2, x.clone());
        self.mlp.skip(x, y).reshape([batch, tokens, dim])
    }

    /// Computes the attention weights between all tokens, averaged over heads.
    ///
    /// # Shapes
    /// - `x`: the input of the block, `[batch, tokens, dim]`
    /// - output: `[batch, tokens, tokens]`
    pub(crate) fn attention(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, dim] = x.dims();
        let x = normalize(&self.norm1, x.reshape([batch * tokens, dim]));
        self.attn.weights(x, [batch, tokens])
    }
}

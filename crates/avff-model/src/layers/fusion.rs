//! A2V and V2A: one modality's tokens made from the other's.

use burn::{module::Param, nn::LayerNorm, prelude::*, tensor::activation::relu};

use super::{Linear, layer_norm, linear::project, normalise};
use crate::{
    config::FusionAttention,
    fused::{Attention, Residual},
    init::{Draw, Init},
};

/// What the fusion attention of one forward pass runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FusionScope {
    /// The tokens of each clip.
    Tokens,
    /// The clips of the batch, token by token: what the reference trains with.
    AcrossBatch,
    /// Across a batch of one, for every clip: attention over a single element is the identity, so
    /// only the value and output projections remain. What the released weights give a lone clip.
    Alone,
}

impl FusionScope {
    /// What training computes under a config.
    #[must_use]
    pub fn training(attention: FusionAttention) -> Self {
        match attention {
            FusionAttention::Batch => Self::AcrossBatch,
            FusionAttention::Tokens => Self::Tokens,
        }
    }

    /// What evaluation computes under a config: a clip's score never depends on its neighbours.
    #[must_use]
    pub fn evaluation(attention: FusionAttention) -> Self {
        match attention {
            FusionAttention::Batch => Self::Alone,
            FusionAttention::Tokens => Self::Tokens,
        }
    }
}

/// Maps `inputs` tokens to `outputs` tokens, every feature by itself.
///
/// Checkpoints call it `mlp.linear`: a linear layer over the token axis.
#[derive(Module, Debug)]
pub struct TokenMap<B: Backend> {
    /// Weight `[outputs, inputs]`, bias `[outputs]`.
    pub linear: Linear<B>,
}

impl<B: Backend> TokenMap<B> {
    /// # Shapes
    /// - `x`: `[batch, inputs, dim]`
    /// - output: `[batch, outputs, dim]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        // The weight from the left, so that no token axis has to be moved.
        let y = self.linear.weight.val().unsqueeze::<3>().matmul(x);
        match &self.linear.bias {
            Some(bias) => y + bias.val().unsqueeze_dim::<2>(1).unsqueeze::<3>(),
            None => y,
        }
    }
}

/// `nn.MultiheadAttention`: stacked projections with biases.
#[derive(Module, Debug)]
pub struct CrossAttention<B: Backend> {
    /// `[3 * dim, dim]`: q, k, v stacked.
    pub in_proj_weight: Param<Tensor<B, 2>>,
    /// `[3 * dim]`.
    pub in_proj_bias: Param<Tensor<B, 1>>,
    /// `[dim, dim]`.
    pub out_proj: Linear<B>,
    /// Heads the features are split into.
    pub heads: usize,
}

impl<B: Backend> CrossAttention<B> {
    fn new(init: &mut Init, dim: usize, heads: usize, device: &B::Device) -> Self {
        Self {
            in_proj_weight: init.param([3 * dim, dim], Draw::XavierUniform, device),
            in_proj_bias: init.param([3 * dim], Draw::Constant(0.0), device),
            out_proj: Linear::zero_bias(
                init,
                [dim, dim],
                Draw::TorchDefault { fan_in: dim },
                device,
            ),
            heads,
        }
    }

    /// All but the bias of `out_proj`, which the block adds with its skip connection.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, dim]`
    /// - output: `[batch, tokens, dim]`
    fn product(&self, x: Tensor<B, 3>, scope: FusionScope) -> Tensor<B, 3> {
        let [batch, tokens, dim] = x.dims();
        let (weight, bias) = (self.in_proj_weight.val(), self.in_proj_bias.val());
        let heads = self.heads;
        match scope {
            FusionScope::Alone => {
                let value = weight.narrow(0, 2 * dim, dim);
                let rows = project(x, value, Some(bias.narrow(0, 2 * dim, dim)));
                self.out_proj.product(rows).reshape([batch, tokens, dim])
            }
            FusionScope::Tokens => {
                let rows =
                    Attention { batch, tokens, heads }.forward(project(x, weight, Some(bias)));
                self.out_proj.product(rows).reshape([batch, tokens, dim])
            }
            FusionScope::AcrossBatch => {
                let rows = project(x.swap_dims(0, 1), weight, Some(bias));
                let rows = Attention { batch: tokens, tokens: batch, heads }.forward(rows);
                self.out_proj.product(rows).reshape([tokens, batch, dim]).swap_dims(0, 1)
            }
        }
    }
}

/// The post-norm block after the token map: `h = LN(x + attn(x))`, `LN(h + fc2(relu(fc1(h))))`.
#[derive(Module, Debug)]
pub struct FusionBlock<B: Backend> {
    /// Attention, over what [`FusionScope`] says.
    pub attention: CrossAttention<B>,
    /// `[dim, dim]`.
    pub fc1: Linear<B>,
    /// `[dim, dim]`.
    pub fc2: Linear<B>,
    /// After attention.
    pub norm1: LayerNorm<B>,
    /// After the MLP.
    pub norm2: LayerNorm<B>,
}

impl<B: Backend> FusionBlock<B> {
    /// # Shapes
    /// - `x`: `[batch, tokens, dim]`
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, x: Tensor<B, 3>, scope: FusionScope) -> Tensor<B, 3> {
        let shape @ [batch, tokens, dim] = x.dims();
        let rows = [batch * tokens, dim];
        let y = self.attention.product(x.clone(), scope).reshape(rows);
        let h = Residual::forward(x.reshape(rows), y, self.attention.out_proj.bias());
        let h = normalise(&self.norm1, h);
        let y = self.fc2.product(relu(self.fc1.forward(h.clone())));
        let h = Residual::forward(h, y, self.fc2.bias());
        normalise(&self.norm2, h).reshape(shape)
    }
}

/// A2V or V2A.
#[derive(Module, Debug)]
pub struct CrossModal<B: Backend> {
    /// To the other modality's token count.
    pub mlp: TokenMap<B>,
    /// The block over the new tokens.
    pub transformer: FusionBlock<B>,
}

impl<B: Backend> CrossModal<B> {
    pub(crate) fn new(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        dim: usize,
        heads: usize,
        device: &B::Device,
    ) -> Self {
        Self {
            mlp: TokenMap { linear: Linear::torch_default(init, [inputs, outputs], device) },
            transformer: FusionBlock {
                attention: CrossAttention::new(init, dim, heads, device),
                fc1: Linear::torch_default(init, [dim, dim], device),
                fc2: Linear::torch_default(init, [dim, dim], device),
                norm1: layer_norm(dim, device),
                norm2: layer_norm(dim, device),
            },
        }
    }

    /// # Shapes
    /// - `x`: `[batch, inputs, dim]`
    /// - output: `[batch, outputs, dim]`
    pub fn forward(&self, x: Tensor<B, 3>, scope: FusionScope) -> Tensor<B, 3> {
        self.transformer.forward(self.mlp.forward(x), scope)
    }
}

//! A2V and V2A: predict one modality's tokens from the other's.

use burn::{module::Param, nn::LayerNorm, prelude::*};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::{
    Linear,
    attention::Attention,
    layer_norm,
    linear::{Packed, project},
    normalize, relu,
};
use crate::{
    config::{AvffConfig, FusionAttention},
    init::{Init, Initializer},
};

/// Tokens over which the cross-modal blocks attend in one forward pass.
///
/// The effect depends on the [`FusionAttention`] with which the network was trained:
///
/// | trained with | `PerClip` | `AcrossBatch` |
/// |---|---|---|
/// | `FusionAttention::Tokens` | the tokens of each clip | the clips of the batch, token by token |
/// | `FusionAttention::Batch` | one token: the identity | the clips of the batch, token by token |
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FusionScope {
    /// Each clip by itself: its score never depends on the other clips of the batch. A network that
    /// was trained across batches attends over a batch of one. There, attention is the identity,
    /// and only the value and output projections remain.
    #[default]
    PerClip,
    /// Across the clips of the batch, as in the reference. A score then depends on the other clips
    /// of the batch.
    AcrossBatch,
}

impl FusionScope {
    /// Returns the scope that a config uses in training.
    #[must_use]
    pub fn training(attention: FusionAttention) -> Self {
        match attention {
            FusionAttention::Batch => Self::AcrossBatch,
            FusionAttention::Tokens => Self::PerClip,
        }
    }
}

/// Maps each run of `inputs` tokens to `outputs` tokens, for every feature separately.
///
/// Checkpoints name it `mlp.linear`: a linear layer over the token axis.
#[derive(Module, Debug)]
pub struct TokenMap<B: Backend> {
    /// Weight `[outputs, inputs]`, bias `[outputs]`.
    pub linear: Linear<B>,
}

impl<B: Backend> TokenMap<B> {
    /// Applies the map.
    ///
    /// # Shapes
    /// - `x`: `[batch, runs * inputs, dim]`
    /// - output: `[batch, runs * outputs, dim]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [outputs, inputs] = self.linear.weight.dims();
        let [batch, tokens, dim] = x.dims();
        let runs = tokens / inputs;
        let x = self.linear.over_tokens(x.reshape([batch * runs, inputs, dim]));
        x.reshape([batch, runs * outputs, dim])
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
    /// Number of attention heads.
    pub heads: usize,
    #[module(skip)]
    trained: FusionAttention,
    /// The packed input projection for evaluation, which replaces `in_proj_weight`.
    #[module(skip)]
    packed: Option<PackedInputs>,
}

/// The packed input projection.
#[derive(Debug, Clone)]
struct PackedInputs {
    /// q, k and v, for attention.
    all: Packed,
    /// v alone, for attention over one token. It takes a sixth of the block's memory and saves the
    /// products for q and k.
    value: Packed,
}

impl<B: Backend> CrossAttention<B> {
    fn new(init: &mut Init, config: &AvffConfig, device: &B::Device) -> Self {
        let dim = config.encoder.dim;
        Self {
            in_proj_weight: init.param([3 * dim, dim], Initializer::XavierUniform, device),
            in_proj_bias: init.param([3 * dim], Initializer::Constant(0.0), device),
            out_proj: Linear::zero_bias(
                init,
                [dim, dim],
                Initializer::TorchDefault { fan_in: dim },
                device,
            ),
            heads: config.encoder.heads,
            trained: config.fusion_attention,
            packed: None,
        }
    }

    /// Packs both projections.
    fn pack(&mut self) {
        self.out_proj.pack();
        if self.packed.is_some() {
            return;
        }
        let weight = self.in_proj_weight.val();
        let [rows, dim] = weight.dims();
        let value = Packed::new(weight.clone().narrow(0, 2 * dim, dim));
        if let (Some(all), Some(value)) = (Packed::new(weight), value) {
            let empty = Tensor::zeros([rows, 0], &self.in_proj_weight.device());
            self.in_proj_weight = Param::from_tensor(empty).set_require_grad(false);
            self.packed = Some(PackedInputs { all, value });
        }
    }

    /// Computes q, k and v, stacked.
    ///
    /// # Shapes
    /// - `x`: `[.., .., dim]`
    /// - output: `[rows, 3 * dim]`
    fn stacked(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let bias = self.in_proj_bias.val();
        match &self.packed {
            Some(PackedInputs { all, .. }) => {
                let [a, b, dim] = x.dims();
                all.with_bias(x.reshape([a * b, dim]), bias)
            }
            None => project(x, self.in_proj_weight.val(), bias),
        }
    }

    /// Computes v alone.
    ///
    /// # Shapes
    /// - `rows`: `[rows, dim]`
    /// - output: `[rows, dim]`
    fn value(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        let [_, dim] = rows.dims();
        let bias = self.in_proj_bias.val().narrow(0, 2 * dim, dim);
        match &self.packed {
            Some(PackedInputs { value, .. }) => value.with_bias(rows, bias),
            None => project(rows, self.in_proj_weight.val().narrow(0, 2 * dim, dim), bias),
        }
    }

    /// Computes `x + attention(x)`.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, dim]`
    /// - output: `[batch * tokens, dim]`
    fn skip(&self, x: Tensor<B, 3>, scope: FusionScope) -> Tensor<B, 2> {
        let [batch, tokens, dim] = x.dims();
        let heads = self.heads;
        let skip = x.clone().reshape([batch * tokens, dim]);
        match (scope, self.trained) {
            (FusionScope::PerClip, FusionAttention::Batch) => {
                let rows = self.value(skip.clone());
                self.out_proj.skip(skip, rows)
            }
            (FusionScope::PerClip, FusionAttention::Tokens) => {
                let rows = Attention { batch, tokens, heads }.forward(self.stacked(x));
                self.out_proj.skip(skip, rows)
            }
            (FusionScope::AcrossBatch, _) => {
                let rows = self.stacked(x.swap_dims(0, 1));
                let rows = Attention { batch: tokens, tokens: batch, heads }.forward(rows);
                let rows = rows.reshape([tokens, batch, dim]).swap_dims(0, 1);
                self.out_proj.skip(skip, rows.reshape([batch * tokens, dim]))
            }
        }
    }
}

/// The post-norm block after the token map: `h = LN(x + attn(x))`, `LN(h + fc2(relu(fc1(h))))`.
#[derive(Module, Debug)]
pub struct FusionBlock<B: Backend> {
    /// Attention, in a [`FusionScope`].
    pub attention: CrossAttention<B>,
    /// `[dim, dim]`.
    pub fc1: Linear<B>,
    /// `[dim, dim]`.
    pub fc2: Linear<B>,
    /// LayerNorm after attention.
    pub norm1: LayerNorm<B>,
    /// LayerNorm after the MLP.
    pub norm2: LayerNorm<B>,
}

impl<B: Backend> FusionBlock<B> {
    /// Applies the block.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, dim]`
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, x: Tensor<B, 3>, scope: FusionScope) -> Tensor<B, 3> {
        let shape = x.dims();
        let h = normalize(&self.norm1, self.attention.skip(x, scope));
        let y = relu(self.fc1.forward(h.clone()));
        normalize(&self.norm2, self.fc2.skip(h, y)).reshape(shape)
    }

    /// Packs the weights of all products.
    fn pack(&mut self) {
        self.attention.pack();
        for linear in [&mut self.fc1, &mut self.fc2] {
            linear.pack();
        }
    }
}

/// A cross-modal network: A2V or V2A.
#[derive(Module, Debug)]
pub struct CrossModal<B: Backend> {
    /// Maps the tokens to the other modality's token count.
    pub mlp: TokenMap<B>,
    /// The block over the mapped tokens.
    pub transformer: FusionBlock<B>,
}

impl<B: Backend> CrossModal<B> {
    pub(crate) fn new(
        init: &mut Init,
        config: &AvffConfig,
        [inputs, outputs]: [usize; 2],
        device: &B::Device,
    ) -> Self {
        let dim = config.encoder.dim;
        Self {
            mlp: TokenMap { linear: Linear::torch_default(init, [inputs, outputs], device) },
            transformer: FusionBlock {
                attention: CrossAttention::new(init, config, device),
                fc1: Linear::torch_default(init, [dim, dim], device),
                fc2: Linear::torch_default(init, [dim, dim], device),
                norm1: layer_norm(dim, device),
                norm2: layer_norm(dim, device),
            },
        }
    }

    pub(crate) fn pack(&mut self) {
        self.transformer.pack();
    }

    /// Predicts the other modality's tokens.
    ///
    /// # Shapes
    /// - `x`: `[batch, runs * inputs, dim]`
    /// - output: `[batch, runs * outputs, dim]`
    pub fn forward(&self, x: Tensor<B, 3>, scope: FusionScope) -> Tensor<B, 3> {
        self.transformer.forward(self.mlp.forward(x), scope)
    }
}

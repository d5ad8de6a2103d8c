//! Scaled dot-product attention, in one place.

use burn::{prelude::*, tensor::activation::softmax};

use super::Linear;
use crate::init::{Draw, Init};

/// `softmax(q kᵀ / sqrt(head_dim)) v` for every head.
///
/// The one place that says how attention runs. It is composed of plain operations, because no fused
/// kernel of Burn 0.21 does better: none has a gradient; flex's takes a clip of the released network
/// longer (9.7 s against 8.4 s); the GPU backends' keep scores in f16, which moves logits by about
/// 1e-3, or are this very composition.
///
/// # Shapes
/// - `q`: `[batch, heads, queries, head_dim]`
/// - `k`, `v`: `[batch, heads, keys, head_dim]`
/// - output: `[batch, heads, queries, head_dim]`
pub fn attention<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>, v: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, _, _, head_dim] = q.dims();
    let scale = (head_dim as f64).powf(-0.5);
    softmax((q * scale).matmul(k.swap_dims(2, 3)), 3).matmul(v)
}

/// Splits rows of stacked `q`, `k`, `v` into heads.
///
/// # Shapes
/// - `rows`: `[batch * tokens, 3 * dim]`
/// - output: three of `[batch, heads, tokens, head_dim]`
pub(crate) fn split_heads<B: Backend>(
    rows: Tensor<B, 2>,
    [batch, tokens]: [usize; 2],
    heads: usize,
) -> [Tensor<B, 4>; 3] {
    let [_, width] = rows.dims();
    let dim = width / 3;
    [0, 1, 2].map(|i| {
        rows.clone()
            .narrow(1, i * dim, dim)
            .reshape([batch, tokens, heads, dim / heads])
            .swap_dims(1, 2)
    })
}

/// Puts heads side by side again.
///
/// # Shapes
/// - `x`: `[batch, heads, tokens, head_dim]`
/// - output: `[batch, tokens, heads * head_dim]`
pub(crate) fn join_heads<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 3> {
    let [batch, heads, tokens, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * head_dim])
}

/// The encoders' multi-head self-attention: stacked `qkv` without bias, `proj` with.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    /// `[3 * dim, dim]`: q, k, v stacked.
    pub qkv: Linear<B>,
    /// `[dim, dim]`.
    pub proj: Linear<B>,
    /// Heads the features are split into.
    pub heads: usize,
}

impl<B: Backend> SelfAttention<B> {
    pub(crate) fn new(
        init: &mut Init,
        dim: usize,
        heads: usize,
        draw: Draw,
        device: &B::Device,
    ) -> Self {
        Self {
            qkv: Linear::no_bias(init, [dim, 3 * dim], draw, device),
            proj: Linear::zero_bias(init, [dim, dim], draw, device),
            heads,
        }
    }

    /// # Shapes
    /// - `x`: `[batch, tokens, dim]`
    /// - output: `[batch, tokens, dim]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, dim] = x.dims();
        let rows = self.qkv.forward(x.reshape([batch * tokens, dim]));
        let [q, k, v] = split_heads(rows, [batch, tokens], self.heads);
        self.proj.forward(join_heads(attention(q, k, v)))
    }
}

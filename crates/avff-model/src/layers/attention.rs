//! Scaled dot-product attention, in one place.

use burn::{prelude::*, tensor::activation::softmax};

use super::Linear;
use crate::{
    fused::Attention,
    init::{Draw, Init},
};

/// `softmax(q kᵀ / sqrt(head_dim)) v` for every head.
///
/// Of plain operations, because no fused kernel of Burn 0.21 does better: none has a gradient; flex's
/// takes a clip of the released network longer (9.7 s against 8.4 s); the GPU backends' keep scores in
/// f16, which moves logits by about 1e-3, or are this very composition. The layers run a kernel of
/// ours where there is one.
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

    /// `skip + attention(x)`.
    ///
    /// # Shapes
    /// - `skip`, `x`: `[batch * tokens, dim]`
    /// - output: `[batch * tokens, dim]`
    pub(crate) fn skip(
        &self,
        skip: Tensor<B, 2>,
        x: Tensor<B, 2>,
        [batch, tokens]: [usize; 2],
    ) -> Tensor<B, 2> {
        let attention = Attention { batch, tokens, heads: self.heads };
        self.proj.skip(skip, attention.forward(self.qkv.product(x)))
    }
}

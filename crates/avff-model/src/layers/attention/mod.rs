//! Scaled dot-product attention.
//!
//! - [`attention`]: the definition in plain operations. GPUs run it with the products of
//!   `matmul/gpu_matmul.rs`.
//! - `cpu.rs`: the CPU kernel
//! - [`SelfAttention`]: the encoders' layer. `fusion.rs` has the layer of the cross-modal blocks,
//!   and `block/cpu.rs` the encoders' whole block with packed weights.

#[cfg(feature = "flex")]
mod cpu;
mod self_attention;

use burn::{
    prelude::*,
    tensor::{activation::softmax, ops::FloatTensor},
};

use super::{
    dispatch::{Operation, primitive, run, tensor},
    matmul::matmul,
};
pub use self_attention::SelfAttention;

/// Computes `softmax(q kᵀ / sqrt(head_dim)) v` for every head.
///
/// It uses plain operations because no fused kernel of Burn 0.21 is better. None of them has a
/// gradient. Flex's kernel takes longer for a clip of the released network (9.7 s against 8.4 s).
/// The kernels of the GPU backends keep scores in f16, which moves logits by about 1e-3, or compose
/// the same operations.
///
/// # Shapes
/// - `q`: `[batch, heads, queries, head_dim]`
/// - `k`, `v`: `[batch, heads, keys, head_dim]`
/// - output: `[batch, heads, queries, head_dim]`
pub fn attention<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>, v: Tensor<B, 4>) -> Tensor<B, 4> {
    matmul(scores(q, k), v)
}

/// Computes `softmax(q kᵀ / sqrt(head_dim))`.
fn scores<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, _, _, head_dim] = q.dims();
    let scale = (head_dim as f64).powf(-0.5);
    softmax(matmul(q * scale, k.swap_dims(2, 3)), 3)
}

/// The operation `softmax(q kᵀ / sqrt(head_dim)) v` for every head, with input `qkv`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    /// Number of sequences, each of which attends only to itself.
    pub(crate) batch: usize,
    /// Rows per sequence.
    pub(crate) tokens: usize,
    /// Number of attention heads.
    pub(crate) heads: usize,
}

impl Attention {
    /// Applies attention.
    ///
    /// # Shapes
    /// - `qkv`: `[batch * tokens, 3 * dim]`
    /// - output: `[batch * tokens, dim]`
    pub(crate) fn forward<B: Backend>(self, qkv: Tensor<B, 2>) -> Tensor<B, 2> {
        tensor(run::<B, 1>(self, [primitive(qkv)]))
    }
}

impl Operation<1> for Attention {
    fn plain<B: Backend>(&self, [qkv]: [FloatTensor<B>; 1]) -> FloatTensor<B> {
        let Self { batch, tokens, heads } = *self;
        let rows: Tensor<B, 2> = tensor(qkv);
        let dim = rows.dims()[1] / 3;
        let [q, k, v] = [0, 1, 2].map(|i| {
            rows.clone()
                .narrow(1, i * dim, dim)
                .reshape([batch, tokens, heads, dim / heads])
                .swap_dims(1, 2)
        });
        let out = attention(q, k, v);
        primitive(out.swap_dims(1, 2).reshape([batch * tokens, dim]))
    }
}

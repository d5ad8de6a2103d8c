//! Scaled dot-product attention, in one place.

use burn::{prelude::*, tensor::activation::softmax};

use super::Linear;
use crate::{
    fused::{Attention, matmul},
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
    matmul(scores(q, k), v)
}

/// `softmax(q kᵀ / sqrt(head_dim))`.
fn scores<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, _, _, head_dim] = q.dims();
    let scale = (head_dim as f64).powf(-0.5);
    softmax(matmul(q * scale, k.swap_dims(2, 3)), 3)
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

    /// How much each token attends to each, the mean over heads.
    ///
    /// # Shapes
    /// - `x`: `[batch * tokens, dim]`
    /// - output: `[batch, tokens, tokens]`, each row adding up to 1
    pub(crate) fn weights(&self, x: Tensor<B, 2>, [batch, tokens]: [usize; 2]) -> Tensor<B, 3> {
        let [_, dim] = x.dims();
        let qkv = self.qkv.product(x).reshape([batch, tokens, 3, self.heads, dim / self.heads]);
        let part = |index| qkv.clone().narrow(2, index, 1).squeeze_dim::<4>(2).swap_dims(1, 2);
        scores(part(0), part(1)).mean_dim(1).squeeze_dim(1)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Distribution;
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn weights_are_those_that_attention_uses() {
        type B = Flex;
        let device = Default::default();
        // Of one head, so that the mean over heads loses nothing.
        let attention =
            SelfAttention::<B>::new(&mut Init::seeded(3), 8, 1, Draw::XavierUniform, &device);
        let x = Tensor::<B, 2>::random([2 * 5, 8], Distribution::Normal(0.0, 3.0), &device);
        let values = attention.qkv.product(x.clone()).narrow(1, 16, 8).reshape([2, 5, 8]);
        let attended = attention.weights(x.clone(), [2, 5]).matmul(values).reshape([10, 8]);
        let want = attention.proj.forward(attended);
        let found = attention.skip(x.zeros_like(), x, [2, 5]);
        let apart = (want - found).abs().max().into_scalar();
        assert!(apart < 1e-5, "{apart}");
    }
}

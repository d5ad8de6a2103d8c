//! Self-attention over rows of stacked q, k, v.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers, recycle},
    avff_kernels::{
        attention::{self, Heads},
        memory::scratch,
    },
    burn_flex::FlexTensor,
};

use super::{Fused, primitive, run, tensor};
use crate::layers::attention as composed_attention;

/// `softmax(q kᵀ / sqrt(head_dim)) v` for every head: `qkv`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    /// Sequences, each attending within itself.
    pub(crate) batch: usize,
    /// Rows of a sequence.
    pub(crate) tokens: usize,
    /// Heads of a row.
    pub(crate) heads: usize,
}

impl Attention {
    /// # Shapes
    /// - `qkv`: `[batch * tokens, 3 * dim]`
    /// - output: `[batch * tokens, dim]`
    pub(crate) fn forward<B: Backend>(self, qkv: Tensor<B, 2>) -> Tensor<B, 2> {
        tensor(run::<B, 1>(self, [primitive(qkv)]))
    }

    #[cfg(feature = "flex")]
    fn kernel(self, qkv: &FlexTensor) -> Heads {
        let Self { batch, tokens, heads } = self;
        let dim = numbers(qkv).len() / (3 * batch * tokens).max(1);
        Heads { batch, tokens, heads, head_dim: dim / heads }
    }
}

impl Fused<1> for Attention {
    fn composed<B: Backend>(&self, [qkv]: [FloatTensor<B>; 1]) -> FloatTensor<B> {
        let Self { batch, tokens, heads } = *self;
        let rows: Tensor<B, 2> = tensor(qkv);
        let dim = rows.dims()[1] / 3;
        let [q, k, v] = [0, 1, 2].map(|i| {
            rows.clone()
                .narrow(1, i * dim, dim)
                .reshape([batch, tokens, heads, dim / heads])
                .swap_dims(1, 2)
        });
        let out = composed_attention(q, k, v);
        primitive(out.swap_dims(1, 2).reshape([batch * tokens, dim]))
    }

    /// Input, output, and the logarithms of the softmax's sums.
    #[cfg(feature = "flex")]
    type Saved = [FlexTensor; 3];

    #[cfg(feature = "flex")]
    fn forward(&self, [qkv]: [FlexTensor; 1]) -> FlexTensor {
        let qkv = contiguous(qkv);
        let heads = self.kernel(&qkv);
        let mut out = scratch(heads.rows() * heads.dim());
        attention::forward(heads, numbers(&qkv), &mut out);
        new(out, [heads.rows(), heads.dim()])
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, [qkv]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let qkv = contiguous(qkv);
        let heads = self.kernel(&qkv);
        let mut out = scratch(heads.rows() * heads.dim());
        let mut log_sums = vec![0.0; heads.rows() * heads.heads];
        attention::forward_for_training(heads, numbers(&qkv), &mut out, &mut log_sums);
        let out = new(out, [heads.rows(), heads.dim()]);
        let log_sums = new(log_sums, [heads.rows(), heads.heads]);
        (out.clone(), [qkv, out, log_sums])
    }

    #[cfg(feature = "flex")]
    fn backward(
        &self,
        [qkv, out, log_sums]: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let gradient = contiguous(gradient);
        let heads = self.kernel(&qkv);
        let of_qkv = attention::backward(
            heads,
            numbers(&qkv),
            numbers(&out),
            numbers(&log_sums),
            numbers(&gradient),
        );
        [qkv, out, gradient].into_iter().for_each(recycle);
        [Some(new(of_qkv, [heads.rows(), 3 * heads.dim()]))]
    }
}

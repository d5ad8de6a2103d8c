//! The encoders' multi-head self-attention.

use burn::prelude::*;

use super::{Attention, scores};
use crate::{
    init::{Init, Initializer},
    layers::Linear,
};

/// The encoders' multi-head self-attention: stacked `qkv` without bias, `proj` with bias.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    /// `[3 * dim, dim]`: q, k, v stacked.
    pub qkv: Linear<B>,
    /// `[dim, dim]`.
    pub proj: Linear<B>,
    /// Number of attention heads.
    pub heads: usize,
}

impl<B: Backend> SelfAttention<B> {
    pub(crate) fn new(
        init: &mut Init,
        dim: usize,
        heads: usize,
        initializer: Initializer,
        device: &B::Device,
    ) -> Self {
        Self {
            qkv: Linear::no_bias(init, [dim, 3 * dim], initializer, device),
            proj: Linear::zero_bias(init, [dim, dim], initializer, device),
            heads,
        }
    }

    /// Computes `skip + attention(x)`.
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

    /// Computes the attention weights between all tokens, averaged over heads.
    ///
    /// # Shapes
    /// - `x`: `[batch * tokens, dim]`
    /// - output: `[batch, tokens, tokens]`; each row sums to 1
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
    fn weights_match_attention() {
        type B = Flex;
        let device = Default::default();
        // One head, so that the mean over heads loses nothing.
        let attention = SelfAttention::<B>::new(
            &mut Init::seeded(3),
            8,
            1,
            Initializer::XavierUniform,
            &device,
        );
        let x = Tensor::<B, 2>::random([2 * 5, 8], Distribution::Normal(0.0, 3.0), &device);
        let values = attention.qkv.product(x.clone()).narrow(1, 16, 8).reshape([2, 5, 8]);
        let attended = attention.weights(x.clone(), [2, 5]).matmul(values).reshape([10, 8]);
        let want = attention.proj.forward(attended);
        let actual = attention.skip(x.zeros_like(), x, [2, 5]);
        let error = (want - actual).abs().max().into_scalar();
        assert!(error < 1e-5, "{error}");
    }
}

//! The mean squared error of patches.

#[cfg(feature = "flex")]
mod cpu;

use burn::{prelude::*, tensor::ops::FloatTensor};

use super::dispatch::{Operation, primitive, run, tensor};

/// The operation mean of `(x - y)²` over the last axis, with inputs `x` and `y`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeanSquares;

impl MeanSquares {
    /// Computes the mean squared error of each patch.
    ///
    /// # Shapes
    /// - `x`, `y`: `[batch, tokens, patch]`
    /// - output: `[batch, tokens, 1]`
    pub(crate) fn forward<B: Backend>(x: Tensor<B, 3>, y: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, patch] = x.dims();
        let rows = |x: Tensor<B, 3>| primitive(x.reshape([batch * tokens, patch]));
        let error: Tensor<B, 2> = tensor(run::<B, 2>(Self, [rows(x), rows(y)]));
        error.reshape([batch, tokens, 1])
    }
}

impl Operation<2> for MeanSquares {
    fn plain<B: Backend>(&self, [x, y]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        let (x, y) = (tensor::<B, 2>(x), tensor::<B, 2>(y));
        primitive((x - y).powi_scalar(2).mean_dim(1))
    }
}

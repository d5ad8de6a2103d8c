//! Mean squared errors of patches.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers, recycle},
    avff_kernels::error,
    burn::tensor::{TensorMetadata, ops::FloatTensorOps},
    burn_flex::{Flex, FlexTensor},
};

use super::{Fused, primitive, run, tensor};

/// The mean of `(x - y)²` over the last axis: `x`, `y`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeanSquares;

impl MeanSquares {
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

impl Fused<2> for MeanSquares {
    fn composed<B: Backend>(&self, [x, y]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        let (x, y) = (tensor::<B, 2>(x), tensor::<B, 2>(y));
        primitive((x - y).powi_scalar(2).mean_dim(1))
    }

    #[cfg(feature = "flex")]
    type Saved = [FlexTensor; 2];

    #[cfg(feature = "flex")]
    fn forward(&self, inputs: [FlexTensor; 2]) -> FlexTensor {
        let [x, y] = inputs.map(contiguous);
        let [rows, width] = [x.shape()[0], x.shape()[1]];
        new(error::mean_squares(numbers(&x), numbers(&y), width), [rows, 1])
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let saved = inputs.map(contiguous);
        (self.forward(saved.clone()), saved)
    }

    #[cfg(feature = "flex")]
    fn backward(
        &self,
        [x, y]: Self::Saved,
        gradient: FlexTensor,
        [_, of_y]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = contiguous(gradient);
        let (shape, width) = (x.shape(), x.shape()[1]);
        let of_x =
            error::mean_squares_backward(numbers(&x), numbers(&y), numbers(&gradient), width);
        let of_x = new(of_x, shape);
        recycle(x);
        recycle(y);
        let of_y = of_y.then(|| Flex::float_neg(of_x.clone()));
        [Some(of_x), of_y]
    }
}

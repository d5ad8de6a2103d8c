//! The skip connection with the bias of the skipped layer.

#[cfg(feature = "flex")]
mod cpu;

use burn::{prelude::*, tensor::ops::FloatTensor};

use super::dispatch::{Operation, primitive, run, tensor};

/// The operation `x + (y + bias)` of rows, with inputs `x`, `y` and `bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Residual;

impl Residual {
    pub(crate) fn forward<B: Backend>(
        x: Tensor<B, 2>,
        y: Tensor<B, 2>,
        bias: Tensor<B, 1>,
    ) -> Tensor<B, 2> {
        tensor(run::<B, 3>(Self, [primitive(x), primitive(y), primitive(bias)]))
    }
}

impl Operation<3> for Residual {
    fn plain<B: Backend>(&self, [x, y, bias]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        let (x, y, bias) = (tensor::<B, 2>(x), tensor::<B, 2>(y), tensor::<B, 1>(bias));
        primitive(x + (y + bias.unsqueeze()))
    }
}

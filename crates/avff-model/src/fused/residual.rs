//! A skip connection with the bias of the layer that it skips.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers, owned, recycle},
    avff_kernels::residual,
    burn::tensor::TensorMetadata,
    burn_flex::FlexTensor,
};

use super::{Fused, primitive, run, tensor};

/// `x + (y + bias)` of rows: `x`, `y`, `bias`.
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

impl Fused<3> for Residual {
    fn composed<B: Backend>(&self, [x, y, bias]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        let (x, y, bias) = (tensor::<B, 2>(x), tensor::<B, 2>(y), tensor::<B, 1>(bias));
        primitive(x + (y + bias.unsqueeze()))
    }

    #[cfg(feature = "flex")]
    type Saved = ();

    #[cfg(feature = "flex")]
    fn forward(&self, [x, y, bias]: [FlexTensor; 3]) -> FlexTensor {
        let (mut x, y, bias) = (owned(x), contiguous(y), contiguous(bias));
        residual::add(x.storage_mut(), numbers(&y), numbers(&bias));
        recycle(y);
        x
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        (self.forward(inputs), ())
    }

    #[cfg(feature = "flex")]
    fn backward(&self, (): (), gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let gradient = contiguous(gradient);
        let width = gradient.shape()[1];
        let bias = new(residual::bias_backward(numbers(&gradient), width), [width]);
        [Some(gradient.clone()), Some(gradient), Some(bias)]
    }
}

//! A bias and the GELU after it.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers, owned, recycle},
    avff_kernels::gelu,
    burn::tensor::TensorMetadata,
    burn_flex::FlexTensor,
};

use super::{Fused, primitive, run, tensor};
use crate::layers::gelu as composed_gelu;

/// `gelu(x + bias)` of rows: `x`, `bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BiasGelu;

impl BiasGelu {
    pub(crate) fn forward<B: Backend>(x: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 2> {
        tensor(run::<B, 2>(Self, [primitive(x), primitive(bias)]))
    }
}

impl Fused<2> for BiasGelu {
    fn composed<B: Backend>(&self, [x, bias]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        let (x, bias) = (tensor::<B, 2>(x), tensor::<B, 1>(bias));
        primitive(composed_gelu(x + bias.unsqueeze()))
    }

    #[cfg(feature = "flex")]
    type Saved = [FlexTensor; 2];

    #[cfg(feature = "flex")]
    fn forward(&self, [x, bias]: [FlexTensor; 2]) -> FlexTensor {
        let (mut x, bias) = (owned(x), contiguous(bias));
        gelu::bias_gelu(x.storage_mut(), numbers(&bias));
        x
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let saved = inputs.map(contiguous);
        (self.forward(saved.clone()), saved)
    }

    #[cfg(feature = "flex")]
    fn backward(
        &self,
        [x, bias]: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let mut gradient = owned(gradient);
        let of_bias = gelu::bias_gelu_backward(numbers(&x), numbers(&bias), gradient.storage_mut());
        recycle(x);
        [Some(gradient), Some(new(of_bias, bias.shape()))]
    }
}

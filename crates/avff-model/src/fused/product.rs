//! A linear layer's product.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use burn_flex::{Flex, FlexTensor};

use super::{Fused, primitive, run, tensor};

/// `x Wᵀ` of rows: `x`, `W`.
///
/// Not faster than the plain product forward. Its gradient is: recorded as plain operations, that of
/// the weight comes out as the transpose of a product, and every optimiser's step would walk it
/// against the grain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product;

impl Product {
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `weight`: `[outputs, inputs]`
    /// - output: `[rows, outputs]`
    pub(crate) fn forward<B: Backend>(x: Tensor<B, 2>, weight: Tensor<B, 2>) -> Tensor<B, 2> {
        tensor(run::<B, 2>(Self, [primitive(x), primitive(weight)]))
    }
}

impl Fused<2> for Product {
    fn composed<B: Backend>(&self, [x, weight]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        B::float_matmul(x, B::float_swap_dims(weight, 0, 1))
    }

    #[cfg(feature = "flex")]
    type Saved = [FlexTensor; 2];

    #[cfg(feature = "flex")]
    fn forward(&self, inputs: [FlexTensor; 2]) -> FlexTensor {
        self.composed::<Flex>(inputs)
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        (self.composed::<Flex>(inputs.clone()), inputs)
    }

    #[cfg(feature = "flex")]
    fn backward(
        &self,
        [x, weight]: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_weight]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        use burn::tensor::ops::FloatTensorOps;
        let across = Flex::float_swap_dims(gradient.clone(), 0, 1);
        [
            of_x.then(|| Flex::float_matmul(gradient, weight)),
            of_weight.then(|| Flex::float_matmul(across, x)),
        ]
    }
}

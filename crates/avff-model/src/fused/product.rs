//! A linear layer's product.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers, recycle},
    avff_kernels::{
        memory::scratch,
        product::{Then, Weights},
    },
    burn::tensor::TensorMetadata,
    burn_flex::{Flex, FlexTensor},
};

use super::{Fused, float_matmul, primitive, run, tensor};

/// `x Wᵀ` of rows: `x`, `W`.
///
/// The gradient of the weight is a product of its own: recorded as plain operations it comes out as the
/// transpose of one, and every optimiser's step would walk it against the grain.
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
        float_matmul::<B>(x, B::float_swap_dims(weight, 0, 1))
    }

    #[cfg(feature = "flex")]
    type Saved = [FlexTensor; 2];

    #[cfg(feature = "flex")]
    fn forward(&self, inputs: [FlexTensor; 2]) -> FlexTensor {
        let [[rows, width], [outputs, _]] = inputs.each_ref().map(sizes);
        if !pays(rows, width, outputs) {
            return self.composed::<Flex>(inputs);
        }
        let [x, weight] = inputs.map(contiguous);
        let weights = Weights::new(numbers(&weight), [outputs, width]);
        let mut out = scratch(rows * outputs);
        weights.multiply(numbers(&x), None, &mut out, Then::Nothing);
        new(out, [rows, outputs])
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        (self.forward(inputs.clone()), inputs)
    }

    #[cfg(feature = "flex")]
    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_weight]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        use burn::tensor::ops::FloatTensorOps;
        let [[rows, inputs], [outputs, _]] = saved.each_ref().map(sizes);
        let [x, weight] = saved;
        let of_weight = of_weight.then(|| {
            let across = Flex::float_swap_dims(gradient.clone(), 0, 1);
            Flex::float_matmul(across, x.clone())
        });
        let of_x = of_x.then(|| {
            if !pays(rows, inputs, outputs) {
                return Flex::float_matmul(gradient.clone(), weight);
            }
            let (gradient, weight) = (contiguous(gradient.clone()), contiguous(weight));
            let weights = Weights::transposed(numbers(&weight), [outputs, inputs]);
            let mut out = scratch(rows * inputs);
            weights.multiply(numbers(&gradient), None, &mut out, Then::Nothing);
            new(out, [rows, inputs])
        });
        recycle(x);
        recycle(gradient);
        [of_x, of_weight]
    }
}

/// Rows and columns.
#[cfg(feature = "flex")]
fn sizes(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    [shape[0], shape[1]]
}

/// Whether there is so much to multiply that packing does not count.
#[cfg(feature = "flex")]
fn pays(rows: usize, inputs: usize, outputs: usize) -> bool {
    rows.min(inputs).min(outputs) >= 48
}

//! The product of a linear layer.

use burn::{prelude::*, tensor::ops::FloatTensor};

use crate::layers::{
    dispatch::{Operation, primitive, run, tensor},
    matmul::float_matmul,
};

/// The operation `x Wᵀ` of rows, with inputs `x` and `W`.
///
/// The kernel computes the weight's gradient as a separate product. With plain operations, the
/// gradient would be the transpose of a product, and every step of the optimizer would read it with
/// strided access.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product;

impl Product {
    /// Computes the product.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `weight`: `[outputs, inputs]`
    /// - output: `[rows, outputs]`
    pub(crate) fn forward<B: Backend>(x: Tensor<B, 2>, weight: Tensor<B, 2>) -> Tensor<B, 2> {
        tensor(run::<B, 2>(Self, [primitive(x), primitive(weight)]))
    }
}

impl Operation<2> for Product {
    fn plain<B: Backend>(&self, [x, weight]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        float_matmul::<B>(x, B::float_swap_dims(weight, 0, 1))
    }
}

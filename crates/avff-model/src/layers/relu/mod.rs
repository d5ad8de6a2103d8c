//! ReLU of the fusion blocks, the stem and the head.

#[cfg(feature = "flex")]
mod cpu;

use burn::{prelude::*, tensor::ops::FloatTensor};

use super::dispatch::{Operation, primitive, run, tensor};

/// Computes `max(x, 0)`; NaN stays NaN, as in PyTorch.
///
/// Burn's own ReLU returns 0 for NaN on its CPU backend, so a network with broken weights would
/// still return a score.
pub(crate) fn relu<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    let shape = x.shape();
    let rows: Tensor<B, 1> = x.reshape([-1]);
    tensor::<B, 1>(run::<B, 1>(Relu, [primitive(rows)])).reshape(shape)
}

/// The operation `max(x, 0)` of a vector.
#[derive(Debug, Clone, Copy)]
pub(in crate::layers) struct Relu;

impl Operation<1> for Relu {
    fn plain<B: Backend>(&self, [x]: [FloatTensor<B>; 1]) -> FloatTensor<B> {
        let x = tensor::<B, 1>(x);
        let negative = x.clone().lower_equal_elem(0.0);
        primitive(x.mask_fill(negative, 0.0))
    }
}

//! ReLU of the fusion blocks and the head.

use burn::prelude::*;

/// Computes `max(x, 0)`; NaN stays NaN, as in PyTorch.
///
/// Burn's own ReLU returns 0 for NaN on its CPU backend, so a network with broken weights would
/// still return a score.
pub(crate) fn relu<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    let negative = x.clone().lower_equal_elem(0.0);
    x.mask_fill(negative, 0.0)
}

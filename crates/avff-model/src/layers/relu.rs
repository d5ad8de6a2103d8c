//! The rectifier of fusion blocks and head.

use burn::prelude::*;

/// `max(x, 0)`, and NaN of NaN, as PyTorch's.
///
/// Burn's own gives 0 for NaN on its CPU backend: a network with broken weights would still give a
/// score.
pub(crate) fn relu<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    let negative = x.clone().lower_equal_elem(0.0);
    x.mask_fill(negative, 0.0)
}

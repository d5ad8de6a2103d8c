//! LayerNorm with the reference's epsilon.

use burn::{
    nn::{LayerNorm, LayerNormConfig},
    prelude::*,
};

use crate::fused::Norm;

/// PyTorch's default, which the reference leaves as it is.
pub(super) const EPSILON: f64 = 1e-5;

/// The layer over the last axis.
pub(crate) fn normalise<B: Backend, const D: usize>(
    layer: &LayerNorm<B>,
    x: Tensor<B, D>,
) -> Tensor<B, D> {
    Norm::forward(layer, EPSILON, x)
}

pub(crate) fn layer_norm<B: Backend>(dim: usize, device: &B::Device) -> LayerNorm<B> {
    LayerNormConfig::new(dim).with_epsilon(EPSILON).init(device)
}

//! LayerNorm with the reference's epsilon.

use burn::{
    nn::{LayerNorm, LayerNormConfig},
    prelude::*,
};

/// PyTorch's default, which the reference leaves as it is.
const EPSILON: f64 = 1e-5;

pub(crate) fn layer_norm<B: Backend>(dim: usize, device: &B::Device) -> LayerNorm<B> {
    LayerNormConfig::new(dim).with_epsilon(EPSILON).init(device)
}

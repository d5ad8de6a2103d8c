//! LayerNorm with the reference's epsilon.

#[cfg(feature = "flex")]
mod cpu;

use burn::{
    nn::{LayerNorm, LayerNormConfig},
    prelude::*,
    tensor::ops::FloatTensor,
};

use super::dispatch::{Operation, primitive, run, tensor};

/// PyTorch's default, which the reference uses.
pub(super) const EPSILON: f64 = 1e-5;

/// Applies a LayerNorm over the last axis.
pub(crate) fn normalize<B: Backend, const D: usize>(
    layer: &LayerNorm<B>,
    x: Tensor<B, D>,
) -> Tensor<B, D> {
    let Some(beta) = &layer.beta else {
        return layer.forward(x);
    };
    let inputs = [primitive(x), primitive(layer.gamma.val()), primitive(beta.val())];
    tensor(run::<B, 3>(Norm { epsilon: EPSILON }, inputs))
}

pub(crate) fn layer_norm<B: Backend>(dim: usize, device: &B::Device) -> LayerNorm<B> {
    LayerNormConfig::new(dim).with_epsilon(EPSILON).init(device)
}

/// The operation LayerNorm of rows, with inputs `x`, `gamma` and `beta`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm {
    epsilon: f64,
}

impl Norm {
    /// Computes `(x - mean) / sqrt(var + epsilon)` along the last axis with unbiased variance, as a
    /// LayerNorm with biased variance, smaller epsilon and a constant factor.
    pub(crate) fn standardize<B: Backend, const D: usize>(
        epsilon: f64,
        x: Tensor<B, D>,
    ) -> Tensor<B, D> {
        let (width, device) = (x.dims()[D - 1], x.device());
        let share = (width as f64 - 1.0) / width as f64;
        let options = (&device, x.dtype());
        let gamma = Tensor::<B, 1>::full([width], share.sqrt(), options);
        let beta = Tensor::<B, 1>::zeros([width], options);
        let norm = Self { epsilon: epsilon * share };
        tensor(run::<B, 3>(norm, [primitive(x), primitive(gamma), primitive(beta)]))
    }

    #[cfg(test)]
    pub(in crate::layers) fn with(epsilon: f64) -> Self {
        Self { epsilon }
    }
}

impl Operation<3> for Norm {
    fn plain<B: Backend>(&self, [x, gamma, beta]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        B::layer_norm(x, gamma, Some(beta), self.epsilon)
    }
}

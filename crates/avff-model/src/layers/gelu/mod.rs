//! GELU.

#[cfg(feature = "flex")]
mod cpu;

use burn::{
    prelude::*,
    tensor::{activation, ops::FloatTensor},
};

use super::dispatch::{Operation, primitive, run, tensor};

/// Exact (erf) GELU.
///
/// If gradients are recorded, it is composed of plain operations: the built-in gradient is that of
/// the tanh approximation on every backend except flex, with errors of up to 8.7e-4.
pub fn gelu<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    if B::ad_enabled(&x.device()) {
        let cdf = ((x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
        return x * cdf;
    }
    activation::gelu(x)
}

/// The operation `gelu(x + bias)` of rows, with inputs `x` and `bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BiasGelu;

impl BiasGelu {
    pub(crate) fn forward<B: Backend>(x: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 2> {
        tensor(run::<B, 2>(Self, [primitive(x), primitive(bias)]))
    }
}

impl Operation<2> for BiasGelu {
    fn plain<B: Backend>(&self, [x, bias]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        let (x, bias) = (tensor::<B, 2>(x), tensor::<B, 1>(bias));
        primitive(gelu(x + bias.unsqueeze()))
    }
}

//! LayerNorm.

use burn::{nn::LayerNorm, prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers, owned, recycle},
    avff_kernels::memory::scratch,
    burn::tensor::TensorMetadata,
    burn_flex::FlexTensor,
};

use super::{Fused, primitive, run, tensor};

/// LayerNorm of rows: `x`, `gamma`, `beta`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm {
    epsilon: f64,
}

impl Norm {
    /// A layer's parameters with our epsilon, over the last axis.
    pub(crate) fn forward<B: Backend, const D: usize>(
        layer: &LayerNorm<B>,
        epsilon: f64,
        x: Tensor<B, D>,
    ) -> Tensor<B, D> {
        let Some(beta) = &layer.beta else {
            return layer.forward(x);
        };
        let inputs = [primitive(x), primitive(layer.gamma.val()), primitive(beta.val())];
        tensor(run::<B, 3>(Self { epsilon }, inputs))
    }

    /// `(x - mean) / sqrt(var + epsilon)` along the last axis, variance unbiased: one biased, of a smaller
    /// epsilon, times a factor.
    pub(crate) fn standardise<B: Backend, const D: usize>(
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
    pub(super) fn with(epsilon: f64) -> Self {
        Self { epsilon }
    }

    #[cfg(feature = "flex")]
    fn kernel<'a>(&self, gamma: &'a FlexTensor, beta: &'a FlexTensor) -> Kernel<'a> {
        Kernel { gamma: numbers(gamma), beta: numbers(beta), epsilon: self.epsilon as f32 }
    }
}

#[cfg(feature = "flex")]
use avff_kernels::norm::{LayerNorm as Kernel, Moments};

impl Fused<3> for Norm {
    fn composed<B: Backend>(&self, [x, gamma, beta]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        B::layer_norm(x, gamma, Some(beta), self.epsilon)
    }

    /// Input, its moments, gamma and beta.
    #[cfg(feature = "flex")]
    type Saved = (FlexTensor, std::sync::Arc<[Moments]>, [FlexTensor; 2]);

    #[cfg(feature = "flex")]
    fn forward(&self, inputs: [FlexTensor; 3]) -> FlexTensor {
        let [x, gamma, beta] = inputs.map(contiguous);
        let mut out = scratch(numbers(&x).len());
        self.kernel(&gamma, &beta).forward(numbers(&x), &mut out);
        let out = new(out, x.shape());
        recycle(x);
        out
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, gamma, beta] = inputs.map(contiguous);
        let mut out = scratch(numbers(&x).len());
        let mut moments = vec![[0.0; 2]; out.len() / numbers(&gamma).len().max(1)];
        let kernel = self.kernel(&gamma, &beta);
        kernel.forward_for_training(numbers(&x), &mut out, &mut moments);
        (new(out, x.shape()), (x, moments.into(), [gamma, beta]))
    }

    #[cfg(feature = "flex")]
    fn backward(
        &self,
        (x, moments, [gamma, beta]): Self::Saved,
        gradient: FlexTensor,
        _: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let mut gradient = owned(gradient);
        let kernel = self.kernel(&gamma, &beta);
        let (dgamma, dbeta) = kernel.backward(numbers(&x), &moments, gradient.storage_mut());
        recycle(x);
        let (dgamma, dbeta) = (new(dgamma, gamma.shape()), new(dbeta, beta.shape()));
        [Some(gradient), Some(dgamma), Some(dbeta)]
    }
}

//! The CPU kernel of LayerNorm.

use std::sync::Arc;

use avff_kernels::{
    memory::scratch,
    norm::{LayerNorm as Kernel, Moments},
};
use burn::tensor::TensorMetadata;
use burn_flex::FlexTensor;

use super::Norm;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, new, numbers, owned, recycle},
};

impl Norm {
    fn kernel<'a>(&self, gamma: &'a FlexTensor, beta: &'a FlexTensor) -> Kernel<'a> {
        Kernel { gamma: numbers(gamma), beta: numbers(beta), epsilon: self.epsilon as f32 }
    }
}

impl CpuKernel<3> for Norm {
    /// Input, its moments, gamma and beta.
    type Saved = (FlexTensor, Arc<[Moments]>, [FlexTensor; 2]);

    fn forward(&self, inputs: [FlexTensor; 3]) -> FlexTensor {
        let [x, gamma, beta] = inputs.map(contiguous);
        let mut out = scratch(numbers(&x).len());
        self.kernel(&gamma, &beta).forward(numbers(&x), &mut out);
        let out = new(out, x.shape());
        recycle(x);
        out
    }

    fn forward_saving(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, gamma, beta] = inputs.map(contiguous);
        let mut out = scratch(numbers(&x).len());
        let mut moments = vec![[0.0; 2]; out.len() / numbers(&gamma).len().max(1)];
        let kernel = self.kernel(&gamma, &beta);
        kernel.forward_for_training(numbers(&x), &mut out, &mut moments);
        (new(out, x.shape()), (x, moments.into(), [gamma, beta]))
    }

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

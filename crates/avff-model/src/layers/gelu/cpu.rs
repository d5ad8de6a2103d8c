//! Bias and GELU on the CPU, in one pass over memory.

use avff_kernels::gelu;
use burn::tensor::TensorMetadata;
use burn_flex::FlexTensor;

use super::BiasGelu;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, new, numbers, owned, recycle},
};

impl CpuKernel<2> for BiasGelu {
    type Saved = [FlexTensor; 2];

    fn forward(&self, [x, bias]: [FlexTensor; 2]) -> FlexTensor {
        let (mut x, bias) = (owned(x), contiguous(bias));
        gelu::bias_gelu(x.storage_mut(), numbers(&bias));
        x
    }

    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let saved = inputs.map(contiguous);
        (self.forward(saved.clone()), saved)
    }

    fn backward(
        &self,
        [x, bias]: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let mut gradient = owned(gradient);
        let dbias = gelu::bias_gelu_backward(numbers(&x), numbers(&bias), gradient.storage_mut());
        recycle(x);
        [Some(gradient), Some(new(dbias, bias.shape()))]
    }
}

//! The CPU kernel of the skip connection and the bias of the skipped layer, in one pass over
//! memory.

use avff_kernels::residual;
use burn::tensor::TensorMetadata;
use burn_flex::FlexTensor;

use super::Residual;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, new, numbers, owned, recycle},
};

impl CpuKernel<3> for Residual {
    type Saved = ();

    fn forward(&self, [x, y, bias]: [FlexTensor; 3]) -> FlexTensor {
        let (mut x, y, bias) = (owned(x), contiguous(y), contiguous(bias));
        residual::add(x.storage_mut(), numbers(&y), numbers(&bias));
        recycle(y);
        x
    }

    fn forward_saving(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        (self.forward(inputs), ())
    }

    fn backward(&self, (): (), gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let gradient = contiguous(gradient);
        let width = gradient.shape()[1];
        let bias = new(residual::bias_backward(numbers(&gradient), width), [width]);
        [Some(gradient.clone()), Some(gradient), Some(bias)]
    }
}

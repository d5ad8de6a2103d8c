//! The CPU kernel of ReLU.

use avff_kernels::relu;
use burn_flex::FlexTensor;

use super::Relu;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, numbers, owned},
};

impl CpuKernel<1> for Relu {
    type Saved = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> FlexTensor {
        let mut x = owned(x);
        relu::forward(x.storage_mut());
        x
    }

    fn forward_saving(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let out = self.forward([x]);
        (out.clone(), out)
    }

    fn backward(
        &self,
        out: FlexTensor,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let mut gradient = owned(contiguous(gradient));
        relu::backward(numbers(&out), gradient.storage_mut());
        [Some(gradient)]
    }
}

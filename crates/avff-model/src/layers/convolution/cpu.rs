//! The CPU kernel of convolutions.

use avff_kernels::{convolution, residual};
use burn::tensor::TensorMetadata;
use burn_flex::FlexTensor;

use super::Convolution;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, new, numbers, recycle},
};

impl Convolution {
    fn sizes(self, x: &FlexTensor, weight: &FlexTensor) -> convolution::Convolution {
        let x = x.shape();
        convolution::Convolution {
            size: [x[1], x[2]],
            inputs: x[3],
            outputs: weight.shape()[0],
            kernel: self.kernel,
        }
    }
}

impl CpuKernel<3> for Convolution {
    /// Input and weight.
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> FlexTensor {
        let [x, weight, bias] = inputs.map(contiguous);
        let sizes = self.sizes(&x, &weight);
        let [height, width] = sizes.output_size();
        let out = sizes.forward(numbers(&x), numbers(&weight), numbers(&bias));
        new(out, [x.shape()[0], height, width, sizes.outputs])
    }

    fn forward_saving(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, weight, bias] = inputs.map(contiguous);
        (self.forward([x.clone(), weight.clone(), bias]), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: Self::Saved,
        gradient: FlexTensor,
        [wants_dx, _, _]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let gradient = contiguous(gradient);
        let sizes = self.sizes(&x, &weight);
        let (dweight, dx) =
            sizes.backward(numbers(&x), numbers(&weight), numbers(&gradient), wants_dx);
        let dbias = residual::bias_backward(numbers(&gradient), sizes.outputs);
        let dx = dx.map(|dx| new(dx, x.shape()));
        recycle(x);
        recycle(gradient);
        [dx, Some(new(dweight, weight.shape())), Some(new(dbias, [sizes.outputs]))]
    }
}

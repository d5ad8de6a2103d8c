//! The CPU kernel of the mean squared error of patches.

use avff_kernels::error;
use burn::tensor::{TensorMetadata, ops::FloatTensorOps};
use burn_flex::{Flex, FlexTensor};

use super::MeanSquares;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, new, numbers, recycle},
};

impl CpuKernel<2> for MeanSquares {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> FlexTensor {
        let [x, y] = inputs.map(contiguous);
        let [rows, width] = [x.shape()[0], x.shape()[1]];
        new(error::mean_squares(numbers(&x), numbers(&y), width), [rows, 1])
    }

    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let saved = inputs.map(contiguous);
        (self.forward(saved.clone()), saved)
    }

    fn backward(
        &self,
        [x, y]: Self::Saved,
        gradient: FlexTensor,
        [_, needs_dy]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = contiguous(gradient);
        let (shape, width) = (x.shape(), x.shape()[1]);
        let dx = error::mean_squares_backward(numbers(&x), numbers(&y), numbers(&gradient), width);
        let dx = new(dx, shape);
        recycle(x);
        recycle(y);
        let dy = needs_dy.then(|| Flex::float_neg(dx.clone()));
        [Some(dx), dy]
    }
}

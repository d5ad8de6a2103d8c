//! A convolution with stride 2, features last.

#[cfg(feature = "flex")]
mod cpu;

use burn::{
    prelude::*,
    tensor::{module::conv2d, ops::ConvOptions, ops::FloatTensor},
};

use super::dispatch::{Operation, primitive, run, tensor};

/// The operation convolution, with inputs `x`, `weight` and `bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Convolution {
    /// Height and width of the kernel, an odd number.
    kernel: usize,
}

impl Convolution {
    /// Computes a convolution with stride 2 and `kernel / 2` zeros beyond the edges.
    ///
    /// # Shapes
    /// - `x`: `[frames, height, width, inputs]`
    /// - `weight`: `[outputs, inputs, kernel, kernel]`, `bias`: `[outputs]`
    /// - output: `[frames, ceil(height / 2), ceil(width / 2), outputs]`
    pub(crate) fn forward<B: Backend>(
        x: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        bias: Tensor<B, 1>,
    ) -> Tensor<B, 4> {
        let [_, _, kernel, _] = weight.dims();
        // The kernel reads the features of a row of pixels side by side.
        let weight = weight.permute([0, 2, 3, 1]);
        let inputs = [primitive(x), primitive(weight), primitive(bias)];
        tensor(run::<B, 3>(Self { kernel }, inputs))
    }

    #[cfg(test)]
    pub(in crate::layers) fn with(kernel: usize) -> Self {
        Self { kernel }
    }
}

impl Operation<3> for Convolution {
    fn plain<B: Backend>(&self, [x, weight, bias]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        let (x, weight) = (tensor::<B, 4>(x), tensor::<B, 4>(weight));
        let options = ConvOptions::new([2, 2], [self.kernel / 2; 2], [1, 1], 1);
        let first = |x: Tensor<B, 4>| x.permute([0, 3, 1, 2]);
        let out = conv2d(first(x), first(weight), Some(tensor(bias)), options);
        primitive(out.permute([0, 2, 3, 1]))
    }
}

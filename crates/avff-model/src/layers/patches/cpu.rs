//! The CPU kernel that splits frames into tubelets.

use avff_kernels::patches;
use burn::tensor::TensorMetadata;
use burn_flex::{Flex, FlexTensor};

use super::tubelets::Tubelets;
use crate::{
    config::VideoGrid,
    layers::dispatch::{
        CpuKernel,
        cpu_dispatch::{contiguous, new, numbers},
        primitive, tensor,
    },
};

impl CpuKernel<1> for Tubelets {
    type Saved = ();

    fn forward(&self, [frames]: [FlexTensor; 1]) -> FlexTensor {
        let frames = contiguous(frames);
        let Self { channels, tubelet, patch, grid: VideoGrid { time, rows, columns } } = *self;
        let kernel = patches::Tubelets { channels, time, tubelet, rows, columns, patch };
        let shape = [frames.shape()[0], kernel.tokens(), kernel.length()];
        new(kernel.split(numbers(&frames)), shape)
    }

    fn forward_saving(&self, inputs: [FlexTensor; 1]) -> (FlexTensor, ()) {
        (self.forward(inputs), ())
    }

    fn backward(&self, (): (), gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(primitive(self.join(tensor::<Flex, 3>(gradient))))]
    }
}

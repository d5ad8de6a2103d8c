//! Frames cut into tubelets.

use burn::{prelude::*, tensor::ops::FloatTensor};
#[cfg(feature = "flex")]
use {
    super::flex::{contiguous, new, numbers},
    avff_kernels::patches,
    burn::tensor::TensorMetadata,
    burn_flex::{Flex, FlexTensor},
};

use super::{Fused, primitive, run, tensor};
use crate::config::{VideoConfig, VideoGrid};

/// [`VideoPatches::split`](crate::layers::VideoPatches::split), whose order of numbers this is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tubelets {
    channels: usize,
    tubelet: usize,
    patch: usize,
    grid: VideoGrid,
}

impl Tubelets {
    pub(crate) fn new(input: &VideoConfig, grid: VideoGrid) -> Self {
        let VideoConfig { channels, tubelet, patch, .. } = *input;
        Self { channels, tubelet, patch, grid }
    }

    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`
    /// - output: `[batch, tokens, channels * tubelet * patch * patch]`
    pub(crate) fn split<B: Backend>(self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        tensor(run::<B, 1>(self, [primitive(frames)]))
    }

    /// The inverse of [`split`](Self::split).
    pub(crate) fn join<B: Backend>(self, patches: Tensor<B, 3>) -> Tensor<B, 5> {
        let [batch, ..] = patches.dims();
        let Self { channels, tubelet, patch, grid: VideoGrid { time, rows, columns } } = self;
        patches
            .reshape([batch, time * rows * columns, channels, tubelet * patch * patch])
            .swap_dims(1, 2)
            .reshape([batch * channels * time, rows, columns, tubelet, patch, patch])
            .permute([0, 3, 1, 4, 2, 5])
            .reshape([batch, channels, time * tubelet, rows * patch, columns * patch])
    }
}

impl Fused<1> for Tubelets {
    fn composed<B: Backend>(&self, [frames]: [FloatTensor<B>; 1]) -> FloatTensor<B> {
        let frames: Tensor<B, 5> = tensor(frames);
        let [batch, ..] = frames.dims();
        let Self { channels, tubelet, patch, grid: VideoGrid { time, rows, columns } } = *self;
        // Two steps of at most six dimensions each: ndarray has no more.
        let patches = frames
            .reshape([batch * channels * time, tubelet, rows, patch, columns, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, channels, time * rows * columns, tubelet * patch * patch])
            .swap_dims(1, 2)
            .reshape([batch, time * rows * columns, channels * tubelet * patch * patch]);
        primitive(patches)
    }

    #[cfg(feature = "flex")]
    type Saved = ();

    #[cfg(feature = "flex")]
    fn forward(&self, [frames]: [FlexTensor; 1]) -> FlexTensor {
        let frames = contiguous(frames);
        let Self { channels, tubelet, patch, grid: VideoGrid { time, rows, columns } } = *self;
        let kernel = patches::Tubelets { channels, time, tubelet, rows, columns, patch };
        let shape = [frames.shape()[0], kernel.tokens(), kernel.length()];
        new(kernel.split(numbers(&frames)), shape)
    }

    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; 1]) -> (FlexTensor, ()) {
        (self.forward(inputs), ())
    }

    #[cfg(feature = "flex")]
    fn backward(&self, (): (), gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(primitive(self.join(tensor::<Flex, 3>(gradient))))]
    }
}

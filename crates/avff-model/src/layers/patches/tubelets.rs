//! The operation that splits frames into tubelets.

use burn::{prelude::*, tensor::ops::FloatTensor};

use crate::{
    config::{VideoConfig, VideoGrid},
    layers::dispatch::{Operation, primitive, run, tensor},
};

/// The operation behind [`VideoPatches::split`](crate::layers::VideoPatches::split), with its order
/// of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tubelets {
    pub(super) channels: usize,
    pub(super) tubelet: usize,
    pub(super) patch: usize,
    pub(super) grid: VideoGrid,
}

impl Tubelets {
    pub(crate) fn new(input: &VideoConfig, grid: VideoGrid) -> Self {
        let VideoConfig { channels, tubelet, patch, .. } = *input;
        Self { channels, tubelet, patch, grid }
    }

    /// Splits a batch into tubelets.
    ///
    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`
    /// - output: `[batch, tokens, channels * tubelet * patch * patch]`
    pub(crate) fn split<B: Backend>(self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        tensor(run::<B, 1>(self, [primitive(frames)]))
    }

    /// Joins tubelets, the inverse of [`split`](Self::split).
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

impl Operation<1> for Tubelets {
    fn plain<B: Backend>(&self, [frames]: [FloatTensor<B>; 1]) -> FloatTensor<B> {
        let frames: Tensor<B, 5> = tensor(frames);
        let [batch, ..] = frames.dims();
        let Self { channels, tubelet, patch, grid: VideoGrid { time, rows, columns } } = *self;
        // Two steps of at most six dimensions, which is ndarray's limit.
        let patches = frames
            .reshape([batch * channels * time, tubelet, rows, patch, columns, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, channels, time * rows * columns, tubelet * patch * patch])
            .swap_dims(1, 2)
            .reshape([batch, time * rows * columns, channels * tubelet * patch * patch]);
        primitive(patches)
    }
}

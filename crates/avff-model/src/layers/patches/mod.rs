//! Splits inputs into patches and joins patches again.
//!
//! This module alone determines the order of tokens and of the values inside a patch. The patch
//! embeddings, the reconstruction targets and the reconstructions all use it.

#[cfg(feature = "flex")]
mod cpu;
mod tubelets;

use burn::prelude::*;

use crate::config::{AudioConfig, AudioGrid, AudioSlices, AvffConfig, VideoConfig, VideoGrid};
pub(super) use tubelets::Tubelets;

/// Splits fbank features into patches.
#[derive(Debug, Clone)]
pub struct AudioPatches {
    input: AudioConfig,
    grid: AudioGrid,
    order: AudioSlices,
}

impl AudioPatches {
    /// Creates the splitter for a config.
    #[must_use]
    pub fn new(config: &AvffConfig) -> Self {
        Self { input: config.audio.clone(), grid: config.audio_grid(), order: config.audio_slices }
    }

    /// Splits a batch into patches. A patch holds its mel rows one after the other, each in time
    /// order.
    ///
    /// # Shapes
    /// - `fbank`: `[batch, frames, mels]`
    /// - output: `[batch, tokens, patch_mels * patch_frames]`
    pub fn split<B: Backend>(&self, fbank: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, _, _] = fbank.dims();
        let AudioConfig { patch_frames, patch_mels, .. } = self.input;
        let AudioGrid { time, mel } = self.grid;
        fbank
            .reshape([batch, time, patch_frames, mel, patch_mels])
            .permute(match self.order {
                AudioSlices::Mel => [0, 3, 1, 4, 2],
                AudioSlices::Time => [0, 1, 3, 4, 2],
            })
            .reshape([batch, time * mel, patch_mels * patch_frames])
    }

    /// Joins patches, the inverse of [`split`](Self::split), in the layout of a spectrogram image.
    ///
    /// # Shapes
    /// - `patches`: `[batch, tokens, patch_mels * patch_frames]`
    /// - output: `[batch, mels, frames]`
    pub fn join<B: Backend>(&self, patches: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, _, _] = patches.dims();
        let AudioConfig { frames, mels, patch_frames, patch_mels } = self.input;
        let AudioGrid { time, mel } = self.grid;
        let (shape, axes) = match self.order {
            AudioSlices::Mel => ([batch, mel, time, patch_mels, patch_frames], [0, 1, 3, 2, 4]),
            AudioSlices::Time => ([batch, time, mel, patch_mels, patch_frames], [0, 2, 3, 1, 4]),
        };
        patches.reshape(shape).permute(axes).reshape([batch, mels, frames])
    }
}

/// Splits clips of frames into tubelets.
#[derive(Debug, Clone)]
pub struct VideoPatches {
    input: VideoConfig,
    grid: VideoGrid,
}

impl VideoPatches {
    /// Creates the splitter for a config.
    #[must_use]
    pub fn new(config: &AvffConfig) -> Self {
        Self { input: config.video.clone(), grid: config.video_grid() }
    }

    /// Splits a batch into tubelets. Tokens are ordered by time, then by rows. The values of a
    /// tubelet are ordered (channel, frame, row, column), like the flattened kernel of a 3-D
    /// convolution.
    ///
    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`
    /// - output: `[batch, tokens, channels * tubelet * patch * patch]`
    pub fn split<B: Backend>(&self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        self.tubelets().split(frames)
    }

    /// Joins tubelets, the inverse of [`split`](Self::split).
    ///
    /// # Shapes
    /// - `patches`: `[batch, tokens, channels * tubelet * patch * patch]`
    /// - output: `[batch, channels, frames, height, width]`
    pub fn join<B: Backend>(&self, patches: Tensor<B, 3>) -> Tensor<B, 5> {
        self.tubelets().join(patches)
    }

    fn tubelets(&self) -> Tubelets {
        Tubelets::new(&self.input, self.grid)
    }
}

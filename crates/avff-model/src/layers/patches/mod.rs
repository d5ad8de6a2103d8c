//! Inputs cut into patches, and patches put back together.
//!
//! One place states the order of tokens and of the numbers inside a patch; the patch embeddings,
//! the reconstruction targets and the reconstructions all go through it.

#[cfg(feature = "flex")]
mod cpu;
mod tubelets;

use burn::prelude::*;

use crate::config::{AudioConfig, AudioGrid, AudioSlices, AvffConfig, VideoConfig, VideoGrid};
pub(super) use tubelets::Tubelets;

/// Cuts fbanks into patches.
#[derive(Debug, Clone)]
pub struct AudioPatches {
    input: AudioConfig,
    grid: AudioGrid,
    order: AudioSlices,
}

impl AudioPatches {
    /// The patches of a config.
    #[must_use]
    pub fn new(config: &AvffConfig) -> Self {
        Self { input: config.audio.clone(), grid: config.audio_grid(), order: config.audio_slices }
    }

    /// A patch holds its mel rows one after the other, each in time order.
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

    /// The inverse of [`split`](Self::split), in the layout of a spectrogram's image.
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

/// Cuts clips of frames into tubelets.
#[derive(Debug, Clone)]
pub struct VideoPatches {
    input: VideoConfig,
    grid: VideoGrid,
}

impl VideoPatches {
    /// The tubelets of a config.
    #[must_use]
    pub fn new(config: &AvffConfig) -> Self {
        Self { input: config.video.clone(), grid: config.video_grid() }
    }

    /// Tokens are time-major, then by rows; a tubelet's numbers are ordered (channel, frame, row,
    /// column), as a 3-D convolution's kernel flattens.
    ///
    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`
    /// - output: `[batch, tokens, channels * tubelet * patch * patch]`
    pub fn split<B: Backend>(&self, frames: Tensor<B, 5>) -> Tensor<B, 3> {
        self.tubelets().split(frames)
    }

    /// The inverse of [`split`](Self::split).
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

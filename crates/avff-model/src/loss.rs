//! The pre-training losses.

use burn::{
    prelude::*,
    tensor::{DType, FloatDType, activation::log_softmax},
};

use crate::{
    config::{ReconstructionRegion, TargetNorm},
    layers::{AudioPatches, MeanSquares, Norm, VideoPatches, matmul},
    mask::ModalityMask,
};

/// Under the root when a target is standardised.
const VARIANCE_FLOOR: f64 = 1e-6;
/// Least norm of an embedding that is divided by its norm, as `F.normalize` has it.
const NORM_FLOOR: f64 = 1e-12;

/// `(x - mean) / sqrt(var + 1e-6)` along one axis, variance unbiased.
fn standardise<B: Backend, const D: usize>(x: Tensor<B, D>, axis: usize) -> Tensor<B, D> {
    if axis + 1 == D {
        return Norm::standardise(VARIANCE_FLOOR, x);
    }
    let (mean, deviation) = mean_and_deviation(x.clone(), axis);
    (x - mean) / deviation
}

/// The mean that [`standardise`] subtracts and the deviation that it divides by.
pub(crate) fn mean_and_deviation<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    axis: usize,
) -> (Tensor<B, D>, Tensor<B, D>) {
    let (var, mean) = x.var_mean(axis);
    (mean, (var + VARIANCE_FLOOR).sqrt())
}

/// The values that the audio decoder should predict, patch by patch.
///
/// # Shapes
/// - `fbank`: `[batch, frames, mels]`
/// - output: `[batch, tokens, patch]`
pub(crate) fn audio_target<B: Backend>(
    fbank: Tensor<B, 3>,
    patches: &AudioPatches,
    norm: TargetNorm,
) -> Tensor<B, 3> {
    match norm {
        TargetNorm::None => patches.split(fbank),
        // The reference's last axis is the spectrogram's time, axis 1 here.
        TargetNorm::Row => patches.split(standardise(fbank, 1)),
        TargetNorm::Patch => standardise(patches.split(fbank), 2),
    }
}

/// The values that the visual decoder should predict, tubelet by tubelet.
///
/// # Shapes
/// - `frames`: `[batch, channels, frames, height, width]`
/// - output: `[batch, tokens, patch]`
pub(crate) fn video_target<B: Backend>(
    frames: Tensor<B, 5>,
    patches: &VideoPatches,
    norm: TargetNorm,
) -> Tensor<B, 3> {
    match norm {
        TargetNorm::None => patches.split(frames),
        TargetNorm::Row => patches.split(standardise(frames, 4)),
        TargetNorm::Patch => standardise(patches.split(frames), 2),
    }
}

/// Mean squared error over the region the config names.
///
/// # Shapes
/// - `predicted`, `target`: `[batch, tokens, patch]`
/// - output: `[1]`
pub(crate) fn reconstruction<B: Backend>(
    predicted: Tensor<B, 3>,
    target: Tensor<B, 3>,
    mask: &ModalityMask,
    region: ReconstructionRegion,
) -> Tensor<B, 1> {
    // Patch by patch first: a backend that adds millions of numbers one after the other in f32
    // (ndarray) is off by 2e-4.
    let error = MeanSquares::forward(in_f32(predicted), target);
    let error = match region {
        ReconstructionRegion::All => error,
        ReconstructionRegion::Hidden => mask.hidden(error),
    };
    error.mean()
}

/// What contrast compares of clips: token means of each of [`contrasted`](crate::AvffConfig::contrasted) runs, every one
/// divided by its L2 norm, joined.
#[derive(Debug, Clone)]
pub struct Summary<B: Backend> {
    /// `[batch, runs * dim]`.
    pub audio: Tensor<B, 2>,
    /// `[batch, runs * dim]`.
    pub video: Tensor<B, 2>,
}

impl<B: Backend> Summary<B> {
    /// # Shapes
    /// - `audio`: `[batch, audio tokens, dim]`, `video`: `[batch, visual tokens, dim]`
    ///
    /// The tokens of a clip are cut into `runs` of equal length.
    pub(crate) fn new(audio: Tensor<B, 3>, video: Tensor<B, 3>, runs: usize) -> Self {
        let unit = |x: Tensor<B, 3>| -> Tensor<B, 2> {
            let [batch, tokens, dim] = x.dims();
            let x = x.reshape([batch * runs, tokens / runs, dim]);
            let mean: Tensor<B, 2> = in_f32(x.mean_dim(1).squeeze_dim(1));
            let norm = mean.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORM_FLOOR);
            (mean / norm).reshape([batch, runs * dim])
        };
        Self { audio: unit(audio), video: unit(video) }
    }

    /// The same, but with the rows from `start` on replaced by `live` ones.
    #[must_use]
    pub fn with(&self, live: Self, start: usize) -> Self {
        let [rows, _] = self.audio.dims();
        let join = |whole: &Tensor<B, 2>, live: Tensor<B, 2>| {
            let end = start + live.dims()[0];
            let mut parts = Vec::with_capacity(3);
            if start > 0 {
                parts.push(whole.clone().narrow(0, 0, start));
            }
            parts.push(live);
            if end < rows {
                parts.push(whole.clone().narrow(0, end, rows - end));
            }
            Tensor::cat(parts, 0)
        };
        Self { audio: join(&self.audio, live.audio), video: join(&self.video, live.video) }
    }
}

/// Losses are computed in f32, whatever the network is.
pub(crate) fn in_f32<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}

/// InfoNCE in both directions, and the mean of both retrieval accuracies.
///
/// Two clips are as alike as the sum of the cosines of their runs, each with the other's at the same place.
///
/// # Shapes
/// - outputs: `[1]`, `[1]`
pub(crate) fn contrastive<B: Backend>(
    clips: Summary<B>,
    temperature: f64,
) -> (Tensor<B, 1>, Tensor<B, 1>) {
    let [batch, _] = clips.audio.dims();
    let similarity = matmul(clips.audio, clips.video.transpose()) / temperature;
    let device = similarity.device();
    let own = Tensor::<B, 2>::eye(batch, &device);
    let cross_entropy = |axis: usize| -> Tensor<B, 1> {
        (log_softmax(similarity.clone(), axis) * own.clone()).sum().neg() / batch as f64
    };
    let loss = (cross_entropy(1) + cross_entropy(0)) / 2.0;
    let numbers = Tensor::<B, 1, Int>::arange(0..batch as i64, &device);
    let hits = |axis: usize| -> Tensor<B, 1> {
        let best: Tensor<B, 1, Int> = similarity.clone().argmax(axis).reshape([batch]);
        best.equal(numbers.clone()).float().mean()
    };
    (loss, (hits(0) + hits(1)) / 2.0)
}

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

/// Number added to the variance when a target is standardized.
const VARIANCE_FLOOR: f64 = 1e-6;
/// Lower limit for the norm by which an embedding is divided, as in `F.normalize`.
const NORM_FLOOR: f64 = 1e-12;

/// Computes `(x - mean) / sqrt(var + 1e-6)` along one axis, with unbiased variance.
fn standardize<B: Backend, const D: usize>(x: Tensor<B, D>, axis: usize) -> Tensor<B, D> {
    if axis + 1 == D {
        return Norm::standardize(VARIANCE_FLOOR, x);
    }
    let (mean, deviation) = mean_and_deviation(x.clone(), axis);
    (x - mean) / deviation
}

/// Returns the mean that [`standardize`] subtracts and the deviation by which it divides.
pub(crate) fn mean_and_deviation<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    axis: usize,
) -> (Tensor<B, D>, Tensor<B, D>) {
    let (var, mean) = x.var_mean(axis);
    (mean, (var + VARIANCE_FLOOR).sqrt())
}

/// Returns the target of the audio decoder, patch by patch.
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
        // The reference's last axis is the time of the spectrogram, which is axis 1 here.
        TargetNorm::Row => patches.split(standardize(fbank, 1)),
        TargetNorm::Patch => standardize(patches.split(fbank), 2),
    }
}

/// Returns the target of the visual decoder, tubelet by tubelet.
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
        TargetNorm::Row => patches.split(standardize(frames, 4)),
        TargetNorm::Patch => standardize(patches.split(frames), 2),
    }
}

/// Computes the mean squared error over the configured region.
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
    // Errors are summed per patch first: a backend that adds millions of numbers sequentially in
    // f32 (ndarray) has an error of 2e-4.
    let error = MeanSquares::forward(in_f32(predicted), target);
    let error = match region {
        ReconstructionRegion::All => error,
        ReconstructionRegion::Hidden => mask.hidden(error),
    };
    error.mean()
}

/// The embeddings that the contrastive loss compares.
///
/// For each of the [`contrastive_slices`](crate::AvffConfig::contrastive_slices) of a clip they
/// hold the mean token, divided by its L2 norm.
#[derive(Debug, Clone)]
pub struct ContrastiveEmbeddings<B: Backend> {
    /// `[batch, slices * dim]`.
    pub audio: Tensor<B, 2>,
    /// `[batch, slices * dim]`.
    pub video: Tensor<B, 2>,
}

impl<B: Backend> ContrastiveEmbeddings<B> {
    /// Computes the embeddings of clips whose tokens form `slices` runs of equal length.
    ///
    /// # Shapes
    /// - `audio`: `[batch, audio tokens, dim]`, `video`: `[batch, visual tokens, dim]`
    pub(crate) fn new(audio: Tensor<B, 3>, video: Tensor<B, 3>, slices: usize) -> Self {
        let unit = |x: Tensor<B, 3>| -> Tensor<B, 2> {
            let [batch, tokens, dim] = x.dims();
            let x = x.reshape([batch * slices, tokens / slices, dim]);
            let mean: Tensor<B, 2> = in_f32(x.mean_dim(1).squeeze_dim(1));
            let norm = mean.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORM_FLOOR);
            (mean / norm).reshape([batch, slices * dim])
        };
        Self { audio: unit(audio), video: unit(video) }
    }

    /// Returns these embeddings with the rows from `start` on replaced by `replacement`.
    #[must_use]
    pub fn with_rows(&self, replacement: Self, start: usize) -> Self {
        let [rows, _] = self.audio.dims();
        let join = |whole: &Tensor<B, 2>, replacement: Tensor<B, 2>| {
            let end = start + replacement.dims()[0];
            let mut parts = Vec::with_capacity(3);
            if start > 0 {
                parts.push(whole.clone().narrow(0, 0, start));
            }
            parts.push(replacement);
            if end < rows {
                parts.push(whole.clone().narrow(0, end, rows - end));
            }
            Tensor::cat(parts, 0)
        };
        Self {
            audio: join(&self.audio, replacement.audio),
            video: join(&self.video, replacement.video),
        }
    }
}

/// Casts a tensor to f32, in which losses are computed for networks of any precision.
pub(crate) fn in_f32<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}

/// Computes InfoNCE in both directions, and the mean of both retrieval accuracies.
///
/// The similarity of two clips is the sum of the cosine similarities of their slices at equal
/// positions.
///
/// # Shapes
/// - outputs: `[1]`, `[1]`
pub(crate) fn contrastive<B: Backend>(
    clips: ContrastiveEmbeddings<B>,
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

//! The reconstruction losses of pre-training.

use burn::{
    prelude::*,
    tensor::{DType, FloatDType},
};

use crate::{
    config::{ReconstructionRegion, TargetNorm},
    layers::{AudioPatches, MeanSquares, Norm, VideoPatches},
    mask::ModalityMask,
};

/// Number added to the variance when a target is standardized.
const VARIANCE_FLOOR: f64 = 1e-6;

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

/// Casts a tensor to f32, in which losses are computed for networks of any precision.
pub(crate) fn in_f32<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}

//! Reconstructions of the pre-training model, in the scale of its inputs.
//!
//! With [`TargetNorm::Row`] and [`TargetNorm::Patch`] the network predicts standardized values: the
//! number of deviations by which a value exceeds the mean of its row or patch. For display, the
//! mean and deviation of the input's own rows or patches are applied, as in demonstrations of
//! masked autoencoders. In masked regions the result contains information that the network did not
//! have. With `Patch`, even a prediction of zeros looks like the input in coarse squares.

use burn::prelude::*;

use crate::{
    config::{AvffConfig, ReconstructionRegion, TargetNorm},
    layers::{AudioPatches, VideoPatches},
    loss,
    mask::Mask,
    pretrain::PretrainOutput,
};

/// Reconstructions and masks in the layout of the inputs.
#[derive(Debug, Clone)]
pub struct Reconstructions<B: Backend> {
    /// Reconstructed fbank features, `[batch, frames, mels]`, normalized like the inputs.
    pub audio: Tensor<B, 3>,
    /// Reconstructed frames, `[batch, channels, frames, height, width]`, normalized like the
    /// inputs.
    pub video: Tensor<B, 5>,
    /// 1 where the fbank was masked, otherwise 0; shaped like `audio`.
    pub audio_hidden: Tensor<B, 3>,
    /// 1 where the frames were masked, otherwise 0; shaped like `video`.
    pub video_hidden: Tensor<B, 5>,
    /// Reconstruction error of the fbank for a prediction of zeros, `[1]`.
    pub audio_loss_of_zeros: Tensor<B, 1>,
    /// Reconstruction error of the frames for a prediction of zeros, `[1]`.
    pub video_loss_of_zeros: Tensor<B, 1>,
}

impl<B: Backend> Reconstructions<B> {
    /// Converts the output of a forward pass over `audio` and `video` with `mask`.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalized
    /// - `video`: `[batch, channels, frames, height, width]`, normalized
    #[must_use]
    pub fn new(
        output: &PretrainOutput<B>,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
        mask: &Mask,
        config: &AvffConfig,
    ) -> Self {
        let norm = config.reconstruction.target_norm;
        let (audio_patches, video_patches) = (AudioPatches::new(config), VideoPatches::new(config));
        let audio_mask = mask.audio().as_patches(output.audio_patches.clone());
        let video_mask = mask.video().as_patches(output.video_patches.clone());
        let loss_of_zeros = |target: Tensor<B, 3>, mask, region: ReconstructionRegion| {
            loss::reconstruction(target.zeros_like(), target, mask, region)
        };
        let region = config.reconstruction.region;
        Self {
            audio_loss_of_zeros: loss_of_zeros(
                loss::audio_target(audio.clone(), &audio_patches, norm),
                &mask.audio(),
                region,
            ),
            video_loss_of_zeros: loss_of_zeros(
                loss::video_target(video.clone(), &video_patches, norm),
                &mask.video(),
                region,
            ),
            audio: restore_audio(output.audio_patches.clone(), audio, &audio_patches, norm),
            video: restore_video(output.video_patches.clone(), video, &video_patches, norm),
            audio_hidden: audio_patches.join(audio_mask).swap_dims(1, 2),
            video_hidden: video_patches.join(video_mask),
        }
    }
}

/// Inverts [`loss::audio_target`], with the mean and deviation of `fbank`.
///
/// # Shapes
/// - `predicted`: `[batch, tokens, patch]`
/// - `fbank`, output: `[batch, frames, mels]`
fn restore_audio<B: Backend>(
    predicted: Tensor<B, 3>,
    fbank: Tensor<B, 3>,
    patches: &AudioPatches,
    norm: TargetNorm,
) -> Tensor<B, 3> {
    let spectrogram = |predicted| patches.join(predicted).swap_dims(1, 2);
    match norm {
        TargetNorm::None => spectrogram(predicted),
        TargetNorm::Row => {
            let (mean, deviation) = loss::mean_and_deviation(fbank, 1);
            spectrogram(predicted) * deviation + mean
        }
        TargetNorm::Patch => {
            let (mean, deviation) = loss::mean_and_deviation(patches.split(fbank), 2);
            spectrogram(predicted * deviation + mean)
        }
    }
}

/// Inverts [`loss::video_target`], with the mean and deviation of `frames`.
///
/// # Shapes
/// - `predicted`: `[batch, tokens, patch]`
/// - `frames`, output: `[batch, channels, frames, height, width]`
fn restore_video<B: Backend>(
    predicted: Tensor<B, 3>,
    frames: Tensor<B, 5>,
    patches: &VideoPatches,
    norm: TargetNorm,
) -> Tensor<B, 5> {
    match norm {
        TargetNorm::None => patches.join(predicted),
        TargetNorm::Row => {
            let (mean, deviation) = loss::mean_and_deviation(frames, 4);
            patches.join(predicted) * deviation + mean
        }
        TargetNorm::Patch => {
            let (mean, deviation) = loss::mean_and_deviation(patches.split(frames), 2);
            patches.join(predicted * deviation + mean)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    use super::*;
    use crate::{Init, Pretrain, config::AudioSlices};

    fn config(norm: TargetNorm, slices: AudioSlices) -> AvffConfig {
        let mut config = AvffConfig::avff();
        (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (12, 1, 3);
        (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
        (config.audio.frames, config.audio.mels) = (128, 32);
        (config.video.height, config.video.width) = (32, 48);
        (config.reconstruction.target_norm, config.audio_slices) = (norm, slices);
        config
    }

    /// Values whose rows and patches have different means and deviations.
    fn values(count: usize) -> TensorData {
        let at =
            |i: usize| (i as f32 * 0.37).sin() * (1.0 + (i % 97) as f32 / 30.0) + i as f32 / 9e3;
        TensorData::new((0..count).map(at).collect::<Vec<f32>>(), [count])
    }

    fn max_error<const D: usize>(a: Tensor<Flex, D>, b: Tensor<Flex, D>) -> f32 {
        (a - b).abs().max().into_scalar()
    }

    #[test]
    fn perfect_prediction_restores_input() {
        let device = Default::default();
        for norm in [TargetNorm::None, TargetNorm::Row, TargetNorm::Patch] {
            for slices in [AudioSlices::Mel, AudioSlices::Time] {
                let config = config(norm, slices);
                let fbank = Tensor::<Flex, 1>::from_data(values(2 * 128 * 32), &device)
                    .reshape([2, 128, 32]);
                let frames = Tensor::<Flex, 1>::from_data(values(3 * 16 * 32 * 48), &device)
                    .reshape([1, 3, 16, 32, 48]);
                let (audio, video) = (AudioPatches::new(&config), VideoPatches::new(&config));
                let target = loss::audio_target(fbank.clone(), &audio, norm);
                let error = max_error(restore_audio(target, fbank.clone(), &audio, norm), fbank);
                // Values up to 10, with one division and one product in f32.
                assert!(error <= 4e-6, "{norm:?} {slices:?}: audio error is {error}");
                let target = loss::video_target(frames.clone(), &video, norm);
                let error = max_error(restore_video(target, frames.clone(), &video, norm), frames);
                assert!(error <= 2e-5, "{norm:?}: video error is {error}");
            }
        }
    }

    #[test]
    fn masks_cover_their_slices() {
        let device = Default::default();
        let config = config(TargetNorm::Patch, AudioSlices::Time);
        let model = Pretrain::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
        let fbank = Tensor::<Flex, 1>::from_data(values(128 * 32), &device).reshape([1, 128, 32]);
        let frames = Tensor::<Flex, 1>::from_data(values(3 * 16 * 32 * 48), &device)
            .reshape([1, 3, 16, 32, 48]);
        let mask = Mask::shared(8, &[0, 3, 5, 6], 1).unwrap();
        let output = model.forward(fbank.clone(), frames.clone(), &mask).unwrap();
        let reconstruction = Reconstructions::new(&output, fbank, frames, &mask, &config);
        // An audio slice has 16 of 128 rows, a video slice 2 of 16 frames.
        for slice in 0..8 {
            let audio = reconstruction.audio_hidden.clone().narrow(1, 16 * slice, 16);
            let video = reconstruction.video_hidden.clone().narrow(2, 2 * slice, 2);
            let hidden = f32::from(u8::from([0, 3, 5, 6].contains(&slice)));
            assert_eq!(audio.clone().min().into_scalar(), hidden);
            assert_eq!(audio.max().into_scalar(), hidden);
            assert_eq!(video.clone().min().into_scalar(), 1.0 - hidden);
            assert_eq!(video.max().into_scalar(), 1.0 - hidden);
        }
        // With an unbiased target variance of 1, the mean of squares is (n - 1) / n.
        let audio = reconstruction.audio_loss_of_zeros.into_scalar();
        assert!((audio - 255.0 / 256.0).abs() < 1e-4, "{audio}");
        let video = reconstruction.video_loss_of_zeros.into_scalar();
        assert!((video - 1535.0 / 1536.0).abs() < 1e-4, "{video}");
    }
}

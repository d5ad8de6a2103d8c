//! Attention rollout: the patches that the encoders attend to.
//!
//! Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers". In each block, half of a
//! token comes from the token itself through the skip connection. The other half comes from the
//! tokens to which its heads attend on average. The product over all blocks is the share of each
//! patch in the encoder's output. Rollout ignores values and MLPs: it shows where a network looks,
//! not why it decides.

use burn::prelude::*;

use crate::{
    classifier::Classifier,
    config::{AudioGrid, AudioSlices, AvffConfig},
    layers::Block,
};

/// Attention rollout: the share of each patch in an encoder's output, averaged over the output
/// tokens. The mean over the patches of a clip is 1.
#[derive(Debug, Clone)]
pub struct PatchAttention<B: Backend> {
    /// `[batch, time, mel]`.
    pub audio: Tensor<B, 3>,
    /// `[batch, time, rows, columns]`.
    pub video: Tensor<B, 4>,
}

impl<B: Backend> Classifier<B> {
    /// Computes the attention rollout of both encoders. `config` must be the config of this
    /// network.
    ///
    /// The attention matrix of one block at a time is stored completely: 12 x 1568 x 1568 values at
    /// the released size. Its mean over heads is kept for every block.
    ///
    /// # Shapes
    /// - `audio`: `[batch, frames, mels]`, normalized
    /// - `video`: `[batch, channels, frames, height, width]`, normalized
    pub fn patch_attention(
        &self,
        config: &AvffConfig,
        audio: Tensor<B, 3>,
        video: Tensor<B, 5>,
    ) -> PatchAttention<B> {
        let (audio_grid, video_grid) = (config.audio_grid(), config.video_grid());
        let (audio_encoder, visual_encoder) = (&self.audio_encoder, &self.visual_encoder);
        let audio = rollout(&audio_encoder.transformer, audio_encoder.embed(audio));
        let [batch, _] = audio.dims();
        let audio = in_time(audio, audio_grid, config.audio_slices);
        let video = rollout(&visual_encoder.blocks, visual_encoder.embed(video));
        let grid = [batch, video_grid.time, video_grid.rows, video_grid.columns];
        PatchAttention { audio, video: video.reshape(grid) }
    }
}

/// Arranges token shares on the audio grid.
///
/// # Shapes
/// - `shares`: `[batch, tokens]`, in token order
/// - output: `[batch, time, mel]`
fn in_time<B: Backend>(
    shares: Tensor<B, 2>,
    AudioGrid { time, mel }: AudioGrid,
    order: AudioSlices,
) -> Tensor<B, 3> {
    let [batch, _] = shares.dims();
    match order {
        AudioSlices::Time => shares.reshape([batch, time, mel]),
        AudioSlices::Mel => shares.reshape([batch, mel, time]).swap_dims(1, 2),
    }
}

/// Multiplies the attention of all blocks.
///
/// # Shapes
/// - `tokens`: input of the first block, `[batch, tokens, dim]`
/// - output: `[batch, tokens]`
fn rollout<B: Backend>(blocks: &[Block<B>], tokens: Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, count, _] = tokens.dims();
    let mut shares = Tensor::ones([batch, 1, count], &tokens.device());
    let mut x = tokens;
    let mut maps = Vec::with_capacity(blocks.len());
    for (place, block) in blocks.iter().enumerate() {
        maps.push(block.attention(x.clone()));
        // The output of the last block is not needed.
        if place + 1 < blocks.len() {
            x = block.forward(x);
        }
    }
    // Multiply one row from the output back to the patches: far less work than full matrix
    // products.
    for map in maps.into_iter().rev() {
        shares = (shares.clone().matmul(map) + shares) * 0.5;
    }
    shares.squeeze_dim(1)
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Distribution;
    use burn_flex::Flex;

    use super::*;
    use crate::{init::Init, layers::AudioPatches};

    type B = Flex;

    fn input(config: &AvffConfig) -> (Tensor<B, 3>, Tensor<B, 5>) {
        let (a, v) = (&config.audio, &config.video);
        let (device, even) = (Default::default(), Distribution::Normal(0.0, 1.0));
        let audio = Tensor::random([2, a.frames, a.mels], even, &device);
        (audio, Tensor::random([2, v.channels, v.frames, v.height, v.width], even, &device))
    }

    fn numbers<const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
        tensor.into_data().iter().collect()
    }

    #[test]
    fn mean_share_is_one_for_plain_and_packed_weights() {
        let config = AvffConfig::avff_tiny();
        let model =
            Classifier::<B>::new(&config, &mut Init::seeded(5), &Default::default()).unwrap();
        let (audio, video) = input(&config);
        let rollout = model.patch_attention(&config, audio.clone(), video.clone());
        assert_eq!((rollout.audio.dims(), rollout.video.dims()), ([2, 16, 4], [2, 8, 4, 4]));
        for (one, count) in [
            (numbers(rollout.audio.clone().sum_dim(2).sum_dim(1)), 64.0),
            (numbers(rollout.video.clone().sum_dim(3).sum_dim(2).sum_dim(1)), 128.0),
        ] {
            assert!(one.iter().all(|sum| (sum - count).abs() < 1e-3), "{one:?}");
        }
        let packed = model.into_packed().patch_attention(&config, audio, video);
        let pairs = numbers(rollout.video).into_iter().zip(numbers(packed.video));
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-4));
    }

    /// Uses the patch splitting itself: the share of a patch is the sum of its values, and only one
    /// value is not 0.
    #[test]
    fn audio_shares_are_time_major_for_both_token_orders() {
        for order in [AudioSlices::Time, AudioSlices::Mel] {
            let mut config = AvffConfig::avff_tiny();
            config.audio_slices = order;
            let (frame, mel) = (5 * config.audio.patch_frames + 3, 2 * config.audio.patch_mels + 7);
            let fbank = Tensor::<B, 3>::zeros([1, 256, 64], &Default::default());
            let loud = Tensor::ones([1, 1, 1], &fbank.device());
            let fbank = fbank.slice_assign([0..1, frame..frame + 1, mel..mel + 1], loud);
            let shares = AudioPatches::new(&config).split(fbank).sum_dim(2).squeeze_dim(2);
            let shares = numbers(in_time(shares, config.audio_grid(), order));
            let places: Vec<usize> = (0..64).filter(|&place| shares[place] > 0.5).collect();
            assert_eq!(places, [5 * 4 + 2], "{order:?}");
        }
    }
}

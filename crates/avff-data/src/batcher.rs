//! Converts clips to batched Burn tensors. This is the only module of this crate that depends on
//! Burn.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use crate::{spec::ClipSpec, tensors::Clip};
use avff_media::Stream;

/// The input of one forward pass.
#[derive(Debug, Clone)]
pub struct Batch<B: Backend> {
    /// Normalized log-mel filterbanks, `[batch, frames, mels]`.
    pub audio: Tensor<B, 3>,
    /// Normalized frames, `[batch, 3, frames, height, width]`.
    pub video: Tensor<B, 5>,
}

/// Stacks `clips`, all created with `spec`, on `device`.
///
/// # Panics
/// If a clip was created with a spec of different sizes.
#[must_use]
pub fn batch<B: Backend>(clips: &[Clip], spec: &ClipSpec, device: &B::Device) -> Batch<B> {
    let stack = |stream: fn(&Clip) -> &[f32]| clips.iter().map(stream).collect::<Vec<_>>().concat();
    let (audio, video) = (&spec.audio, &spec.video);
    let audio_shape = [clips.len(), audio.frames, audio.mels];
    let video_shape = [clips.len(), 3, video.frames, video.height, video.width];
    Batch {
        audio: if spec.only == Some(Stream::Video) {
            Tensor::zeros(audio_shape, device)
        } else {
            Tensor::from_data(TensorData::new(stack(|clip| &clip.audio), audio_shape), device)
        },
        video: if spec.only == Some(Stream::Audio) {
            Tensor::zeros(video_shape, device)
        } else {
            Tensor::from_data(TensorData::new(stack(|clip| &clip.video), video_shape), device)
        },
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn batch_preserves_order_and_layout() {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (2, 3, 4);
        (spec.audio.frames, spec.audio.mels) = (5, 6);
        let count = |start: usize, values: usize| (start..start + values).map(|v| v as f32);
        let clips = [0, 1000].map(|start| Clip {
            audio: count(start, spec.audio.values()).collect(),
            video: count(start, spec.video.values()).collect(),
        });
        let batch = batch::<Flex>(&clips, &spec, &Default::default());
        assert_eq!(batch.audio.dims(), [2, 5, 6]);
        assert_eq!(batch.video.dims(), [2, 3, 2, 3, 4]);
        let at = |clip: usize, [channel, frame, row, column]: [usize; 4]| {
            let value = batch.video.clone().slice([
                clip..clip + 1,
                channel..channel + 1,
                frame..frame + 1,
                row..row + 1,
                column..column + 1,
            ]);
            value.into_scalar()
        };
        assert_eq!(at(1, [2, 1, 0, 3]), 1000.0 + (2.0 * 2.0 + 1.0) * 12.0 + 3.0);
        let audio = batch.audio.clone().slice([1..2, 4..5, 2..3]).into_scalar();
        assert_eq!(audio, 1000.0 + 4.0 * 6.0 + 2.0);
        // A single-modality ablation sees one stream.
        spec.only = Some(Stream::Audio);
        let ablation = super::batch::<Flex>(&clips, &spec, &Default::default());
        assert_eq!(ablation.audio.to_data(), batch.audio.to_data());
        assert_eq!(ablation.video.abs().max().into_scalar(), 0.0);
        spec.only = Some(Stream::Video);
        let ablation = super::batch::<Flex>(&clips, &spec, &Default::default());
        assert_eq!(ablation.audio.abs().max().into_scalar(), 0.0);
        assert_eq!(ablation.video.to_data(), batch.video.to_data());
    }
}

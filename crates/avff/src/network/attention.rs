//! The attention of the encoders to the patches of a window.

use avff_model::explain::PatchAttention;
use burn::tensor::backend::Backend;
use serde::Serialize;

/// The share of each patch in its encoder's output, by attention rollout. 1 is an equal share and the mean over a
/// window. It shows where the network looks, not how it uses the patches.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Attention {
    /// Attention to the patches of the spectrogram, `[time][mel]`, low frequencies first.
    pub audio: Vec<Vec<f32>>,
    /// Attention to the patches of the frames, `[time][row][column]`.
    pub frames: Vec<Vec<Vec<f32>>>,
}

impl<B: Backend> From<PatchAttention<B>> for Attention {
    /// Converts the attention of the first clip of a batch.
    fn from(attention: PatchAttention<B>) -> Self {
        let [_, _, mel] = attention.audio.dims();
        let [_, _, rows, columns] = attention.video.dims();
        let audio: Vec<f32> = attention.audio.narrow(0, 0, 1).into_data().iter().collect();
        let video: Vec<f32> = attention.video.narrow(0, 0, 1).into_data().iter().collect();
        let lines = |values: &[f32], width: usize| -> Vec<Vec<f32>> {
            values.chunks(width.max(1)).map(<[f32]>::to_vec).collect()
        };
        let planes = video.chunks((rows * columns).max(1));
        let frames = planes.map(|plane| lines(plane, columns)).collect();
        Self { audio: lines(&audio, mel), frames }
    }
}

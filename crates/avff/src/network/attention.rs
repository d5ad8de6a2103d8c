//! Which patches of a window the encoders attend to, as plain numbers.

use avff_model::explain::PatchAttention;
use burn::tensor::backend::Backend;
use serde::Serialize;

/// How much of each patch arrives at its encoder's output, by attention rollout: 1 is an even share, and the mean
/// over a window. Where a network looks; not what it makes of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Attention {
    /// Of the spectrogram, `[time][mel]`, low frequencies first.
    pub sound: Vec<Vec<f32>>,
    /// Of the pictures, `[time][row][column]`.
    pub pictures: Vec<Vec<Vec<f32>>>,
}

impl<B: Backend> From<PatchAttention<B>> for Attention {
    /// Of the first clip of a batch.
    fn from(found: PatchAttention<B>) -> Self {
        let [_, _, mel] = found.audio.dims();
        let [_, _, rows, columns] = found.video.dims();
        let sound: Vec<f32> = found.audio.narrow(0, 0, 1).into_data().iter().collect();
        let pictures: Vec<f32> = found.video.narrow(0, 0, 1).into_data().iter().collect();
        let lines = |values: &[f32], width: usize| -> Vec<Vec<f32>> {
            values.chunks(width.max(1)).map(<[f32]>::to_vec).collect()
        };
        let planes = pictures.chunks((rows * columns).max(1));
        let pictures = planes.map(|plane| lines(plane, columns)).collect();
        Self { sound: lines(&sound, mel), pictures }
    }
}

//! The contrastive loss of pre-training.

use burn::{prelude::*, tensor::activation::log_softmax};

use crate::{layers::matmul, loss::in_f32};

/// Lower limit for the norm by which an embedding is divided, as in `F.normalize`.
const NORM_FLOOR: f64 = 1e-12;

/// The embeddings that the contrastive loss compares.
///
/// For each of the [`contrastive_slices`](crate::AvffConfig::contrastive_slices) of a clip they hold the
/// mean token, divided by its L2 norm.
#[derive(Debug, Clone)]
pub struct ContrastiveEmbeddings<B: Backend> {
    /// `[batch, slices * dim]`.
    pub audio: Tensor<B, 2>,
    /// `[batch, slices * dim]`.
    pub video: Tensor<B, 2>,
    /// Of the audio at other times, `[batch, rolled * slices * dim]`. Absent if
    /// [`rolled`](crate::config::LossConfig::rolled) is 0.
    pub rolled: Option<Tensor<B, 2>>,
}

impl<B: Backend> ContrastiveEmbeddings<B> {
    /// Computes the embeddings of clips whose tokens form `slices` runs of equal length.
    ///
    /// # Shapes
    /// - `audio`: `[batch, audio tokens, dim]`, `video`: `[batch, visual tokens, dim]`
    pub(crate) fn new(audio: Tensor<B, 3>, video: Tensor<B, 3>, slices: usize) -> Self {
        Self { audio: unit(audio, slices), video: unit(video, slices), rolled: None }
    }

    /// Adds the embeddings of audio at other times.
    ///
    /// # Shapes
    /// - each of `rolled`: `[batch, audio tokens, dim]`
    pub(crate) fn with_rolled(self, rolled: Vec<Tensor<B, 3>>, slices: usize) -> Self {
        let rolled: Vec<_> = rolled.into_iter().map(|tokens| unit(tokens, slices)).collect();
        Self { rolled: (!rolled.is_empty()).then(|| Tensor::cat(rolled, 1)), ..self }
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
        let rolled = self.rolled.as_ref().zip(replacement.rolled);
        Self {
            audio: join(&self.audio, replacement.audio),
            video: join(&self.video, replacement.video),
            rolled: rolled.map(|(whole, replacement)| join(whole, replacement)),
        }
    }

    /// Applies a function to each tensor.
    ///
    /// # Errors
    /// Those of the function.
    pub fn try_map<C: Backend, E>(
        self,
        mut function: impl FnMut(Tensor<B, 2>) -> Result<Tensor<C, 2>, E>,
    ) -> Result<ContrastiveEmbeddings<C>, E> {
        Ok(ContrastiveEmbeddings {
            audio: function(self.audio)?,
            video: function(self.video)?,
            rolled: self.rolled.map(function).transpose()?,
        })
    }

    /// Joins the clips of several parts of a batch. Returns `None` for no parts.
    #[must_use]
    pub fn cat(parts: Vec<Self>) -> Option<Self> {
        let join = |tensors: Vec<Tensor<B, 2>>| Tensor::cat(tensors, 0);
        let rolled: Option<Vec<_>> = parts.iter().map(|part| part.rolled.clone()).collect();
        let (audio, video): (Vec<_>, Vec<_>) =
            parts.into_iter().map(|part| (part.audio, part.video)).unzip();
        (!audio.is_empty()).then(|| Self {
            audio: join(audio),
            video: join(video),
            rolled: rolled.map(join),
        })
    }
}

/// Computes the mean tokens of slices, divided by their L2 norm.
fn unit<B: Backend>(x: Tensor<B, 3>, slices: usize) -> Tensor<B, 2> {
    let [batch, tokens, dim] = x.dims();
    let x = x.reshape([batch * slices, tokens / slices, dim]);
    let mean: Tensor<B, 2> = in_f32(x.mean_dim(1).squeeze_dim(1));
    let norm = mean.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORM_FLOOR);
    (mean / norm).reshape([batch, slices * dim])
}

/// Rolls the audio of each clip in time: the last frames come first. The rolls are evenly spaced.
///
/// # Shapes
/// - `audio`: `[batch, frames, mels]`, as each output
pub(crate) fn rolled<B: Backend>(audio: &Tensor<B, 3>, copies: usize) -> Vec<Tensor<B, 3>> {
    let [_, frames, _] = audio.dims();
    let roll = |by: usize| {
        let part = |from: usize, to: usize| audio.clone().narrow(1, from, to - from);
        Tensor::cat(vec![part(frames - by, frames), part(0, frames - by)], 1)
    };
    (1..=copies).map(|copy| roll(copy * frames / (copies + 1))).collect()
}

/// Computes InfoNCE in both directions, and the mean of both retrieval accuracies.
///
/// The similarity of two clips is the sum of the cosine similarities of their slices at equal
/// positions. A clip's own audio at other times is a further negative of its frames.
///
/// # Shapes
/// - outputs: `[1]`, `[1]`
pub(crate) fn contrastive<B: Backend>(
    clips: ContrastiveEmbeddings<B>,
    temperature: f64,
) -> [Tensor<B, 1>; 2] {
    let ContrastiveEmbeddings { audio, video, rolled } = clips;
    let [batch, width] = audio.dims();
    let similarity = matmul(audio, video.clone().transpose()) / temperature;
    let device = similarity.device();
    let mut sounds = vec![similarity.clone()];
    if let Some(rolled) = rolled {
        let copies = rolled.dims()[1] / width;
        sounds.extend((0..copies).map(|copy| {
            let audio = rolled.clone().narrow(1, copy * width, width);
            (audio * video.clone()).sum_dim(1).transpose() / temperature
        }));
    }
    let frames_to_audio = log_softmax(Tensor::cat(sounds, 0), 0).narrow(0, 0, batch);
    let audio_to_frames = log_softmax(similarity.clone(), 1);
    let own = Tensor::<B, 2>::eye(batch, &device);
    let cross_entropy = |log_probabilities: Tensor<B, 2>| -> Tensor<B, 1> {
        (log_probabilities * own.clone()).sum().neg() / batch as f64
    };
    let loss = (cross_entropy(audio_to_frames) + cross_entropy(frames_to_audio)) / 2.0;
    let numbers = Tensor::<B, 1, Int>::arange(0..batch as i64, &device);
    let hits = |axis: usize| -> Tensor<B, 1> {
        let best: Tensor<B, 1, Int> = similarity.clone().argmax(axis).reshape([batch]);
        best.equal(numbers.clone()).float().mean()
    };
    [loss, (hits(0) + hits(1)) / 2.0]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Distribution;
    use burn_flex::Flex;

    use super::*;
    use crate::AvffConfig;

    fn random(config: &AvffConfig, clips: usize, tokens: usize) -> Tensor<Flex, 3> {
        let shape = [clips, config.slices * tokens, config.encoder.dim];
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Default::default())
    }

    fn number(x: Tensor<Flex, 1>) -> f64 {
        f64::from(x.into_scalar())
    }

    /// The loss by its definition, over cosines of slices.
    fn expected(
        config: &AvffConfig,
        audio: &[Vec<Vec<f64>>],
        video: &[Vec<Vec<f64>>],
        rolled: &[Vec<Vec<Vec<f64>>>],
    ) -> f64 {
        let cosine = |a: &[f64], b: &[f64]| {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let similarity = |audio: &[Vec<f64>], video: &[Vec<f64>]| {
            let sum: f64 = audio.iter().zip(video).map(|(audio, video)| cosine(audio, video)).sum();
            sum / config.loss.temperature
        };
        let log_sum = |values: Vec<f64>| values.iter().map(|value| value.exp()).sum::<f64>().ln();
        let clips = audio.len();
        let loss: f64 = (0..clips)
            .map(|own| {
                let matching = similarity(&audio[own], &video[own]);
                let frames: Vec<f64> = video.iter().map(|v| similarity(&audio[own], v)).collect();
                let mut sounds: Vec<f64> =
                    audio.iter().map(|a| similarity(a, &video[own])).collect();
                sounds.extend(rolled.iter().map(|copy| similarity(&copy[own], &video[own])));
                log_sum(frames) + log_sum(sounds) - 2.0 * matching
            })
            .sum();
        loss / (2 * clips) as f64
    }

    /// The mean tokens of each clip's slices.
    fn means(tokens: &Tensor<Flex, 3>, config: &AvffConfig) -> Vec<Vec<Vec<f64>>> {
        let [clips, count, dim] = tokens.dims();
        let per_slice = count / config.slices;
        let values: Vec<f32> = tokens.to_data().to_vec().unwrap();
        let slice = |clip: usize, slice: usize| -> Vec<f64> {
            let first = (clip * count + slice * per_slice) * dim;
            let token = |token: usize, at: usize| f64::from(values[first + token * dim + at]);
            (0..dim).map(|at| (0..per_slice).map(|t| token(t, at)).sum()).collect()
        };
        (0..clips).map(|clip| (0..config.slices).map(|s| slice(clip, s)).collect()).collect()
    }

    #[test]
    fn computes_its_definition() {
        let config = AvffConfig::avff_tiny();
        for copies in [0, 3] {
            let (audio, video) = (random(&config, 5, 2), random(&config, 5, 3));
            let rolled: Vec<_> = (0..copies).map(|_| random(&config, 5, 2)).collect();
            let clips = ContrastiveEmbeddings::new(audio.clone(), video.clone(), config.slices)
                .with_rolled(rolled.clone(), config.slices);
            let [loss, _] = contrastive(clips, config.loss.temperature);
            let all = |tokens: &Tensor<Flex, 3>| means(tokens, &config);
            let rolled: Vec<_> = rolled.iter().map(all).collect();
            let expected = expected(&config, &all(&audio), &all(&video), &rolled);
            // f32 sums of 8 cosines over a temperature of 0.1.
            assert!((number(loss) - expected).abs() < 1e-3, "{copies}: {expected}");
        }
    }

    #[test]
    fn rolls_are_evenly_spaced() {
        let values: Vec<f32> = (0..8).map(|value| value as f32).collect();
        let audio = Tensor::<Flex, 1>::from_floats(values.as_slice(), &Default::default());
        let first = |rolled: Tensor<Flex, 3>| rolled.into_data().to_vec::<f32>().unwrap()[0];
        let firsts: Vec<f32> =
            rolled(&audio.reshape([1, 8, 1]), 3).into_iter().map(first).collect();
        assert_eq!(firsts, [6.0, 4.0, 2.0]);
    }
}

//! Which moments, and which modality at them, a score comes from: by occlusion.
//!
//! What the network made of one moment is replaced by the mean of the other moments at the same
//! place of the picture or the spectrum, so that the moment tells nothing of its own, and the head looks again.
//! Encoders run once. (Hiding the input instead would show the network clips such as it never saw.)

use burn::prelude::*;

use crate::{
    classifier::{Classifier, Embeddings},
    config::{AudioSlices, AvffConfig},
};

/// What is hidden of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Its sound, and what A2V makes of it.
    Sound,
    /// Its pictures, and what V2A makes of them.
    Pictures,
    /// Both.
    Both,
}

/// Equal parts of a clip in time, each with whole tokens of both modalities: as many as there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    count: usize,
    /// Runs of audio tokens that each go through all of time: mel rows where tokens are mel-major.
    audio_runs: usize,
}

impl Moments {
    /// The moments of a network's clips.
    #[must_use]
    pub fn new(config: &AvffConfig) -> Self {
        let audio = config.audio_grid();
        let audio_runs = match config.audio_slices {
            AudioSlices::Mel => audio.mel,
            AudioSlices::Time => 1,
        };
        Self { count: common(audio.time, config.video_grid().time), audio_runs }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The embeddings with something of a moment hidden, the first being 0. Nothing is hidden of a moment that
    /// there is not, or that is the only one.
    ///
    /// # Shapes
    /// As [`Embeddings`], and so is the output.
    #[must_use]
    pub fn hide<B: Backend>(
        &self,
        embeddings: &Embeddings<B>,
        moment: usize,
        hidden: Hidden,
    ) -> Embeddings<B> {
        let mut embeddings = embeddings.clone();
        if moment >= self.count || self.count < 2 {
            return embeddings;
        }
        if hidden != Hidden::Pictures {
            embeddings.audio = self.replace(embeddings.audio, self.audio_runs, moment);
            embeddings.a2v = self.replace(embeddings.a2v, 1, moment);
        }
        if hidden != Hidden::Sound {
            embeddings.video = self.replace(embeddings.video, 1, moment);
            embeddings.v2a = self.replace(embeddings.v2a, self.audio_runs, moment);
        }
        embeddings
    }

    /// `[batch, runs * count * n, dim]` with the moment's tokens replaced by the means of the others'.
    fn replace<B: Backend>(&self, x: Tensor<B, 3>, runs: usize, moment: usize) -> Tensor<B, 3> {
        let [batch, tokens, dim] = x.dims();
        let n = tokens / runs / self.count;
        let x: Tensor<B, 4> = x.reshape([batch * runs, self.count, n, dim]);
        let own = x.clone().narrow(1, moment, 1);
        let others = (x.clone().sum_dim(1) - own) / (self.count - 1) as f64;
        let mut parts = Vec::with_capacity(3);
        if moment > 0 {
            parts.push(x.clone().narrow(1, 0, moment));
        }
        parts.push(others);
        if moment + 1 < self.count {
            parts.push(x.narrow(1, moment + 1, self.count - moment - 1));
        }
        Tensor::cat(parts, 1).reshape([batch, tokens, dim])
    }
}

impl<B: Backend> Classifier<B> {
    /// By how much the first output - fake - stands over the second - real - when the moments, one by one, are
    /// hidden: less than for the whole where a moment speaks for fake.
    ///
    /// # Shapes
    /// - output: `[batch, moments]`
    pub fn occluded(
        &self,
        embeddings: &Embeddings<B>,
        moments: &Moments,
        hidden: Hidden,
    ) -> Tensor<B, 2> {
        let without = (0..moments.count()).map(|moment| {
            let logits = self.classify(moments.hide(embeddings, moment, hidden));
            logits.clone().narrow(1, 0, 1) - logits.narrow(1, 1, 1)
        });
        Tensor::cat(without.collect(), 1)
    }
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::init::Init;

    type B = Flex;

    fn tiny(audio_slices: AudioSlices) -> AvffConfig {
        let mut config = AvffConfig::avff_tiny();
        config.audio_slices = audio_slices;
        config
    }

    /// Embeddings whose every number is the time of its token, in moments.
    fn times(config: &AvffConfig) -> Embeddings<B> {
        let device = Default::default();
        let (audio, video) = (config.audio_grid(), config.video_grid());
        let dim = config.encoder.dim;
        let moments = Moments::new(config).count();
        let sound: Vec<f32> = (0..audio.tokens())
            .map(|token| match config.audio_slices {
                AudioSlices::Time => token / audio.mel,
                AudioSlices::Mel => token % audio.time,
            })
            .flat_map(|time| vec![(time * moments / audio.time) as f32; dim])
            .collect();
        let plane = video.rows * video.columns;
        let pictures: Vec<f32> = (0..video.tokens())
            .flat_map(|token| vec![(token / plane * moments / video.time) as f32; dim])
            .collect();
        let tensor = |values: &Vec<f32>| {
            let shape = [1, values.len() / dim, dim];
            Tensor::<B, 3>::from_data(burn::tensor::TensorData::new(values.clone(), shape), &device)
        };
        Embeddings {
            audio: tensor(&sound),
            video: tensor(&pictures),
            a2v: tensor(&pictures),
            v2a: tensor(&sound),
        }
    }

    #[test]
    fn only_the_tokens_of_a_moment_are_hidden() {
        for slices in [AudioSlices::Time, AudioSlices::Mel] {
            let config = tiny(slices);
            let moments = Moments::new(&config);
            assert_eq!(moments.count(), 8);
            let whole = times(&config);
            for hidden in [Hidden::Sound, Hidden::Pictures, Hidden::Both] {
                let without = moments.hide(&whole, 2, hidden);
                let sound = hidden != Hidden::Pictures;
                let pictures = hidden != Hidden::Sound;
                for (whole, without, gone) in [
                    (&whole.audio, without.audio, sound),
                    (&whole.a2v, without.a2v, sound),
                    (&whole.video, without.video, pictures),
                    (&whole.v2a, without.v2a, pictures),
                ] {
                    let pairs: Vec<(f32, f32)> = whole
                        .to_data()
                        .iter::<f32>()
                        .zip(without.to_data().iter::<f32>())
                        .collect();
                    // The mean of 0, 1, 3, 4, 5, 6 and 7.
                    let mean = 26.0 / 7.0;
                    for (was, is) in pairs {
                        let want = if gone && was == 2.0 { mean } else { was };
                        assert!((is - want).abs() < 1e-5, "{slices:?} {hidden:?}: {was} to {is}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_moments_tell_nothing_and_others_do() {
        let config = tiny(AudioSlices::Time);
        let model =
            Classifier::<B>::new(&config, &mut Init::seeded(5), &Default::default()).unwrap();
        let moments = Moments::new(&config);
        let embeddings = times(&config);
        let same = Embeddings {
            audio: embeddings.audio.zeros_like(),
            video: embeddings.video.zeros_like(),
            a2v: embeddings.a2v.zeros_like(),
            v2a: embeddings.v2a.zeros_like(),
        };
        let told = |embeddings: &Embeddings<B>| -> Vec<f32> {
            let logits: Vec<f32> = model.classify(embeddings.clone()).into_data().iter().collect();
            let without = model.occluded(embeddings, &moments, Hidden::Both);
            assert_eq!(without.dims(), [1, 8]);
            without.into_data().iter::<f32>().map(|value| logits[0] - logits[1] - value).collect()
        };
        assert!(told(&same).iter().all(|value| value.abs() < 1e-6));
        assert!(told(&embeddings).iter().any(|value| value.abs() > 1e-4));
    }
}

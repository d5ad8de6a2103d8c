//! The importance of time segments, and of each modality in them, by occlusion.
//!
//! The embeddings of one segment are replaced by the mean embeddings of the other segments at equal
//! positions in the frame or spectrum. The segment then carries no information of its own, and the
//! head scores the clip again. The encoders run only once. (Occluding the input instead would give
//! the network clips unlike its training data.)

use burn::prelude::*;

use crate::{
    classifier::{Classifier, Embeddings},
    config::{AudioSlices, AvffConfig},
};

/// The modality that is occluded in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occluded {
    /// The audio tokens, and the visual tokens that A2V predicts from them.
    Audio,
    /// The visual tokens, and the audio tokens that V2A predicts from them.
    Video,
    /// Both modalities.
    Both,
}

/// Equal time segments of a clip: the largest number for which every segment holds whole tokens of
/// both modalities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    count: usize,
    /// Number of runs of audio tokens that each span the clip: the mel rows if tokens are
    /// mel-major.
    audio_runs: usize,
}

impl Segments {
    /// Returns the segments of a network's clips.
    #[must_use]
    pub fn new(config: &AvffConfig) -> Self {
        let audio = config.audio_grid();
        let audio_runs = match config.audio_slices {
            AudioSlices::Mel => audio.mel,
            AudioSlices::Time => 1,
        };
        Self { count: gcd(audio.time, config.video_grid().time), audio_runs }
    }

    /// Returns the number of segments.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the embeddings with one segment occluded; segments count from 0. The embeddings stay
    /// unchanged if there is no such segment or only one.
    ///
    /// # Shapes
    /// The input and output have the shapes of [`Embeddings`].
    #[must_use]
    pub fn occlude<B: Backend>(
        &self,
        embeddings: &Embeddings<B>,
        segment: usize,
        modality: Occluded,
    ) -> Embeddings<B> {
        let mut embeddings = embeddings.clone();
        if segment >= self.count || self.count < 2 {
            return embeddings;
        }
        if modality != Occluded::Video {
            embeddings.audio = self.replace(embeddings.audio, self.audio_runs, segment);
            embeddings.a2v = self.replace(embeddings.a2v, 1, segment);
        }
        if modality != Occluded::Audio {
            embeddings.video = self.replace(embeddings.video, 1, segment);
            embeddings.v2a = self.replace(embeddings.v2a, self.audio_runs, segment);
        }
        embeddings
    }

    /// Replaces the segment's tokens by the means of the other segments' tokens in
    /// `[batch, runs * count * n, dim]`.
    fn replace<B: Backend>(&self, x: Tensor<B, 3>, runs: usize, segment: usize) -> Tensor<B, 3> {
        let [batch, tokens, dim] = x.dims();
        let n = tokens / runs / self.count;
        let x: Tensor<B, 4> = x.reshape([batch * runs, self.count, n, dim]);
        let own = x.clone().narrow(1, segment, 1);
        let others = (x.clone().sum_dim(1) - own) / (self.count - 1) as f64;
        let mut parts = Vec::with_capacity(3);
        if segment > 0 {
            parts.push(x.clone().narrow(1, 0, segment));
        }
        parts.push(others);
        if segment + 1 < self.count {
            parts.push(x.narrow(1, segment + 1, self.count - segment - 1));
        }
        Tensor::cat(parts, 1).reshape([batch, tokens, dim])
    }
}

impl<B: Backend> Classifier<B> {
    /// Computes the logit margin (output for fake minus output for real) with each segment occluded
    /// in turn. If a segment is evidence of a fake, its margin is smaller than that of the whole
    /// clip.
    ///
    /// # Shapes
    /// - output: `[batch, segments]`
    pub fn occluded_margins(
        &self,
        embeddings: &Embeddings<B>,
        segments: &Segments,
        modality: Occluded,
    ) -> Tensor<B, 2> {
        let without = (0..segments.count()).map(|segment| {
            let logits = self.classify(segments.occlude(embeddings, segment, modality));
            logits.clone().narrow(1, 0, 1) - logits.narrow(1, 1, 1)
        });
        Tensor::cat(without.collect(), 1)
    }
}

/// The greatest common divisor.
fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
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

    /// Returns embeddings whose values are the segment numbers of their tokens.
    fn times(config: &AvffConfig) -> Embeddings<B> {
        let device = Default::default();
        let (audio, video) = (config.audio_grid(), config.video_grid());
        let dim = config.encoder.dim;
        let segments = Segments::new(config).count();
        let audio_times: Vec<f32> = (0..audio.tokens())
            .map(|token| match config.audio_slices {
                AudioSlices::Time => token / audio.mel,
                AudioSlices::Mel => token % audio.time,
            })
            .flat_map(|time| vec![(time * segments / audio.time) as f32; dim])
            .collect();
        let plane = video.rows * video.columns;
        let video_times: Vec<f32> = (0..video.tokens())
            .flat_map(|token| vec![(token / plane * segments / video.time) as f32; dim])
            .collect();
        let tensor = |values: &Vec<f32>| {
            let shape = [1, values.len() / dim, dim];
            Tensor::<B, 3>::from_data(burn::tensor::TensorData::new(values.clone(), shape), &device)
        };
        Embeddings {
            audio: tensor(&audio_times),
            video: tensor(&video_times),
            a2v: tensor(&video_times),
            v2a: tensor(&audio_times),
        }
    }

    #[test]
    fn only_tokens_of_the_segment_are_occluded() {
        for slices in [AudioSlices::Time, AudioSlices::Mel] {
            let config = tiny(slices);
            let segments = Segments::new(&config);
            assert_eq!(segments.count(), 8);
            let whole = times(&config);
            for modality in [Occluded::Audio, Occluded::Video, Occluded::Both] {
                let without = segments.occlude(&whole, 2, modality);
                let audio_occluded = modality != Occluded::Video;
                let video_occluded = modality != Occluded::Audio;
                for (whole, without, is_occluded) in [
                    (&whole.audio, without.audio, audio_occluded),
                    (&whole.a2v, without.a2v, audio_occluded),
                    (&whole.video, without.video, video_occluded),
                    (&whole.v2a, without.v2a, video_occluded),
                ] {
                    let pairs: Vec<(f32, f32)> = whole
                        .to_data()
                        .iter::<f32>()
                        .zip(without.to_data().iter::<f32>())
                        .collect();
                    // The mean of 0, 1, 3, 4, 5, 6 and 7.
                    let mean = 26.0 / 7.0;
                    for (was, is) in pairs {
                        let want = if is_occluded && was == 2.0 { mean } else { was };
                        assert!((is - want).abs() < 1e-5, "{slices:?} {modality:?}: {was} to {is}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_distinct_segments_have_importance() {
        let config = tiny(AudioSlices::Time);
        let model =
            Classifier::<B>::new(&config, &mut Init::seeded(5), &Default::default()).unwrap();
        let segments = Segments::new(&config);
        let embeddings = times(&config);
        let same = Embeddings {
            audio: embeddings.audio.zeros_like(),
            video: embeddings.video.zeros_like(),
            a2v: embeddings.a2v.zeros_like(),
            v2a: embeddings.v2a.zeros_like(),
        };
        let importance = |embeddings: &Embeddings<B>| -> Vec<f32> {
            let logits: Vec<f32> = model.classify(embeddings.clone()).into_data().iter().collect();
            let without = model.occluded_margins(embeddings, &segments, Occluded::Both);
            assert_eq!(without.dims(), [1, 8]);
            without.into_data().iter::<f32>().map(|value| logits[0] - logits[1] - value).collect()
        };
        assert!(importance(&same).iter().all(|value| value.abs() < 1e-6));
        assert!(importance(&embeddings).iter().any(|value| value.abs() > 1e-4));
    }
}

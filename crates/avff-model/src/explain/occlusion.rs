//! The importance of time segments, and of each modality in them, by occlusion.
//!
//! The embeddings of one segment are replaced by the mean of the other segments' at the same place of
//! the frame or spectrum, so that the segment carries no information of its own. Then the head scores
//! again. The encoders run once. (Occluding the input instead would give the network clips unlike any
//! that it was trained on.)

use burn::prelude::*;

use crate::{
    classifier::{Classifier, Embeddings},
    config::{AudioSlices, AvffConfig},
};

/// The modality of a segment that is occluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Its audio tokens, and the visual tokens that A2V makes of them.
    Audio,
    /// Its visual tokens, and the audio tokens that V2A makes of them.
    Video,
    /// Both.
    Both,
}

/// Equal parts of a clip in time, as many as possible with whole tokens of both modalities in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    count: usize,
    /// Runs of audio tokens that each go through all of time: mel rows where tokens are mel-major.
    audio_runs: usize,
}

impl Segments {
    /// The segments of a network's clips.
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

    /// The embeddings with one segment occluded; segments count from 0. Where there is no such segment or no
    /// other one, nothing is occluded.
    ///
    /// # Shapes
    /// As [`Embeddings`], and so is the output.
    #[must_use]
    pub fn hide<B: Backend>(
        &self,
        embeddings: &Embeddings<B>,
        segment: usize,
        hidden: Hidden,
    ) -> Embeddings<B> {
        let mut embeddings = embeddings.clone();
        if segment >= self.count || self.count < 2 {
            return embeddings;
        }
        if hidden != Hidden::Video {
            embeddings.audio = self.replace(embeddings.audio, self.audio_runs, segment);
            embeddings.a2v = self.replace(embeddings.a2v, 1, segment);
        }
        if hidden != Hidden::Audio {
            embeddings.video = self.replace(embeddings.video, 1, segment);
            embeddings.v2a = self.replace(embeddings.v2a, self.audio_runs, segment);
        }
        embeddings
    }

    /// `[batch, runs * count * n, dim]` with the segment's tokens replaced by the means of the others'.
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
    /// The logit margin - the output for fake minus the output for real - with each segment occluded in
    /// turn. Where a segment is evidence of a fake, the margin is smaller than the whole clip's.
    ///
    /// # Shapes
    /// - output: `[batch, segments]`
    pub fn occluded(
        &self,
        embeddings: &Embeddings<B>,
        segments: &Segments,
        hidden: Hidden,
    ) -> Tensor<B, 2> {
        let without = (0..segments.count()).map(|segment| {
            let logits = self.classify(segments.hide(embeddings, segment, hidden));
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

    /// Embeddings whose every number is the time of its token, in segments.
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
    fn only_the_tokens_of_a_segment_are_hidden() {
        for slices in [AudioSlices::Time, AudioSlices::Mel] {
            let config = tiny(slices);
            let segments = Segments::new(&config);
            assert_eq!(segments.count(), 8);
            let whole = times(&config);
            for hidden in [Hidden::Audio, Hidden::Video, Hidden::Both] {
                let without = segments.hide(&whole, 2, hidden);
                let audio_hidden = hidden != Hidden::Video;
                let video_hidden = hidden != Hidden::Audio;
                for (whole, without, occluded) in [
                    (&whole.audio, without.audio, audio_hidden),
                    (&whole.a2v, without.a2v, audio_hidden),
                    (&whole.video, without.video, video_hidden),
                    (&whole.v2a, without.v2a, video_hidden),
                ] {
                    let pairs: Vec<(f32, f32)> = whole
                        .to_data()
                        .iter::<f32>()
                        .zip(without.to_data().iter::<f32>())
                        .collect();
                    // The mean of 0, 1, 3, 4, 5, 6 and 7.
                    let mean = 26.0 / 7.0;
                    for (was, is) in pairs {
                        let want = if occluded && was == 2.0 { mean } else { was };
                        assert!((is - want).abs() < 1e-5, "{slices:?} {hidden:?}: {was} to {is}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_segments_have_no_importance_and_others_do() {
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
            let without = model.occluded(embeddings, &segments, Hidden::Both);
            assert_eq!(without.dims(), [1, 8]);
            without.into_data().iter::<f32>().map(|value| logits[0] - logits[1] - value).collect()
        };
        assert!(importance(&same).iter().all(|value| value.abs() < 1e-6));
        assert!(importance(&embeddings).iter().any(|value| value.abs() > 1e-4));
    }
}

//! How well the slices of audio and video agree at each offset.

use burn::{prelude::*, tensor::TensorData};

use crate::{config::AvffConfig, contrastive::ContrastiveEmbeddings, layers::matmul};

/// The numbers that the head sees: the similarity in time, and elsewhere.
pub(crate) const FEATURES: usize = 2;

/// A lag of the audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// The lag as a share of the clip: above 0 where the audio is late.
    pub share: f64,
    /// Whether such a lag counts as in time.
    pub in_time: bool,
}

/// The comparison of audio and video at several offsets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Agreement {
    slices: usize,
    /// The scale of similarities in the contrastive loss.
    scale: f64,
}

impl Agreement {
    pub(crate) fn new(config: &AvffConfig) -> Self {
        Self { slices: config.slices, scale: config.slices as f64 / config.loss.temperature }
    }

    /// The largest offset, in slices: a quarter of the clip.
    fn span(self) -> usize {
        self.slices / 4
    }

    /// The lags of the audio that count as in time, in slices: a fortieth of the clip early to a
    /// twentieth late, -0.08 to 0.16 s of 3.2 s. Files have such lags, and viewers accept 90 ms
    /// of early and 185 ms of late audio (ITU-R BT.1359-1).
    fn in_time(self) -> [usize; 2] {
        [self.slices / 40, self.slices / 20]
    }

    fn offsets(self) -> usize {
        2 * self.span() + 1
    }

    /// Computes the highest similarity of audio and video at the offsets that count as in time, and
    /// the highest at others. Between the two lies one offset on either side that counts as neither.
    ///
    /// # Shapes
    /// - `audio`: `[batch, audio tokens, dim]`, `video`: `[batch, visual tokens, dim]`
    /// - output: `[batch, 2]`
    pub(crate) fn forward<B: Backend>(
        self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 3>,
    ) -> Tensor<B, 2> {
        let (span, [early, late]) = (self.span(), self.in_time());
        let similarity = self.similarity(audio, video);
        let part = |from: usize, to: usize| similarity.clone().narrow(1, from, to - from);
        let in_time = part(span - late, span + early + 1).max_dim(1);
        let others = [(0, span - late - 1), (span + early + 2, self.offsets())];
        let others = others.into_iter().filter(|(from, to)| from < to);
        let elsewhere = Tensor::cat(others.map(|(from, to)| part(from, to)).collect(), 1);
        Tensor::cat(vec![in_time, elsewhere.max_dim(1)], 1)
    }

    /// Computes the mean cosine similarity of audio and video at each lag of the audio.
    ///
    /// # Shapes
    /// - output: `[batch, lags]`; the first is of the audio that is earliest
    pub(crate) fn by_lag<B: Backend>(
        self,
        audio: Tensor<B, 3>,
        video: Tensor<B, 3>,
    ) -> Tensor<B, 2> {
        (self.similarity(audio, video) / self.scale).flip([1])
    }

    /// The lags of the audio that [`by_lag`](Self::by_lag) compares.
    pub(crate) fn lags(self) -> impl Iterator<Item = Lag> {
        let (span, slices) = (self.span() as i32, self.slices as f64);
        let [early, late] = self.in_time().map(|slices| slices as i32);
        (-span..=span).map(move |slice| Lag {
            share: f64::from(slice) / slices,
            in_time: (-early..=late).contains(&slice),
        })
    }

    /// Computes the similarity of audio and video at each offset: the mean cosine similarity of the
    /// slices that are so far apart, in the scale of the contrastive loss. The similarity in the
    /// middle is the one that pre-training raises for clips that belong together.
    ///
    /// # Shapes
    /// - output: `[batch, offsets]`; the first is of audio that is late
    fn similarity<B: Backend>(self, audio: Tensor<B, 3>, video: Tensor<B, 3>) -> Tensor<B, 2> {
        let [batch, _, dim] = audio.dims();
        let ContrastiveEmbeddings { audio, video, .. } =
            ContrastiveEmbeddings::new(audio, video, self.slices);
        let by_slice = |x: Tensor<B, 2>| x.reshape([batch, self.slices, dim]);
        let cosines = by_slice(video).matmul(by_slice(audio).swap_dims(1, 2));
        let device = cosines.device();
        let shape = [self.slices * self.slices, self.offsets()];
        let weights = Tensor::from_data(TensorData::new(self.weights(), shape), &device);
        matmul(cosines.reshape([batch, self.slices * self.slices]), weights)
    }

    /// The weight of the cosine of each pair of slices, video by audio, in each offset's similarity.
    fn weights(self) -> Vec<f32> {
        let (slices, span, offsets) = (self.slices, self.span(), self.offsets());
        let mut weights = vec![0.0; slices * slices * offsets];
        for video in 0..slices {
            for audio in (0..slices).filter(|audio| audio.abs_diff(video) <= span) {
                let pairs = slices - audio.abs_diff(video);
                let offset = span + video - audio;
                weights[(video * slices + audio) * offsets + offset] =
                    (self.scale / pairs as f64) as f32;
            }
        }
        weights
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Distribution;
    use burn_flex::Flex;

    use super::*;
    use crate::config::AvffConfig;

    fn random(shape: [usize; 3]) -> Tensor<Flex, 3> {
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Default::default())
    }

    #[test]
    fn computes_its_definition() {
        let agreement = Agreement::new(&AvffConfig::avff_tiny());
        let (slices, dim) = (8, 6);
        let (audio, video) = (random([3, 2 * slices, dim]), random([3, 4 * slices, dim]));
        let actual: Vec<f32> =
            agreement.similarity(audio.clone(), video.clone()).into_data().to_vec().unwrap();
        // Two and four tokens a slice.
        let unit = |x: &Tensor<Flex, 3>, clip: usize, slice: usize, tokens: usize| -> Vec<f32> {
            let x = x.clone().slice([clip..clip + 1, slice * tokens..(slice + 1) * tokens, 0..dim]);
            let mean: Vec<f32> = x.mean_dim(1).into_data().to_vec().unwrap();
            let norm = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
            mean.iter().map(|value| value / norm).collect()
        };
        for clip in 0..3 {
            for (at, offset) in (-2_i32..=2).enumerate() {
                let pairs = (0..slices as i32).map(|audio| (audio, audio + offset));
                let pairs: Vec<_> =
                    pairs.filter(|(_, video)| (0..slices as i32).contains(video)).collect();
                let cosine = |&(a, v): &(i32, i32)| -> f32 {
                    let (a, v) =
                        (unit(&audio, clip, a as usize, 2), unit(&video, clip, v as usize, 4));
                    a.iter().zip(&v).map(|(a, v)| a * v).sum()
                };
                let mean = pairs.iter().map(cosine).sum::<f32>() / pairs.len() as f32;
                // The sum over all slices, over a temperature of 0.1.
                let expected = mean * slices as f32 / 0.1;
                let got = actual[clip * 5 + at];
                assert!((got - expected).abs() < 1e-3, "{got}, expected {expected}");
            }
        }
    }

    /// Audio that is two of eight slices late is similar to the frames two slices earlier.
    #[test]
    fn the_first_offset_is_of_late_audio() {
        let agreement = Agreement::new(&AvffConfig::avff_tiny());
        let video = random([1, 8, 64]);
        let late = Tensor::cat(vec![random([1, 2, 64]), video.clone().narrow(1, 0, 6)], 1);
        let offsets = agreement.similarity(late.clone(), video.clone());
        assert_eq!(offsets.argmax(1).into_scalar(), 0);
        let by_lag = agreement.by_lag(late.clone(), video.clone());
        let lags = agreement.lags().map(|lag| (lag.share, lag.in_time));
        let expected =
            [(-0.25, false), (-0.125, false), (0.0, true), (0.125, false), (0.25, false)];
        assert_eq!(lags.collect::<Vec<_>>(), expected);
        assert_eq!(by_lag.clone().argmax(1).into_scalar(), 4);
        assert!((by_lag.max().into_scalar() - 1.0).abs() < 1e-4, "a cosine of equal slices");
        let features: Vec<f32> = agreement.forward(late, video).into_data().to_vec().unwrap();
        assert!(features[0] < features[1], "{features:?}");
    }

    /// Of 40 slices, lags of -1 to 2 count as in time, and lags of -3 and 4 do not.
    #[test]
    fn a_small_lag_is_in_time() {
        let mut config = AvffConfig::avff_tiny();
        config.slices = 40;
        let agreement = Agreement::new(&config);
        let video = random([1, 40, 64]);
        for (lag, in_time) in [(-1, true), (0, true), (1, true), (2, true), (4, false), (-3, false)]
        {
            let gap = i32::unsigned_abs(lag) as usize;
            let (kept, other) = (40 - gap, random([1, gap.max(1), 64]));
            let audio = match lag {
                0 => video.clone(),
                1.. => Tensor::cat(vec![other, video.clone().narrow(1, 0, kept)], 1),
                _ => Tensor::cat(vec![video.clone().narrow(1, gap, kept), other], 1),
            };
            let features: Vec<f32> =
                agreement.forward(audio, video.clone()).into_data().to_vec().unwrap();
            assert_eq!(features[0] > features[1], in_time, "lag {lag}: {features:?}");
        }
    }
}

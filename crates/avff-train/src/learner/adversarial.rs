//! Discriminators of the reconstructions: Wasserstein losses (Arjovsky et al. 2017) that ask of each made
//! patch whether it could be a true one.
//!
//! A discriminator is a small network over the numbers of a patch. It sees hidden patches only, since a visible
//! one is no achievement. Network and discriminators step in turns: the network's loss has minus the discriminators'
//! mean score of what it made, at the recipe's weight; then the discriminators learn to score true patches above
//! made ones. What keeps them Lipschitz is a bound on their weights or on their spectral norms; a
//! gradient penalty would need second derivatives, which Burn has not.

use avff_model::{
    AvffConfig, Mask, PretrainOutput,
    checkpoint::archive::{ArchiveReader, Entry},
};
use burn::{
    module::{AutodiffModule, Module, Param},
    prelude::*,
    tensor::{TensorData, activation::leaky_relu, backend::AutodiffBackend},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Values, scalar};
use crate::{
    distributed::Processes,
    error::TrainError,
    gradients::{Gradients, recording},
    optim::{Optimizer, OptimizerConfig},
    params,
};

/// Discriminators of the reconstructions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdversarialConfig {
    /// Of the discriminators' term in the network's loss.
    pub weight: f64,
    /// The discriminators' own learning rate.
    pub lr: f64,
    /// Steps of the discriminators for each of the network.
    pub steps: u64,
    /// Features of their hidden layers.
    pub hidden: usize,
    /// Hidden layers.
    pub depth: usize,
    /// What keeps them Lipschitz.
    pub lipschitz: Lipschitz,
}

impl Default for AdversarialConfig {
    fn default() -> Self {
        Self {
            weight: 0.1,
            lr: 1e-4,
            steps: 1,
            hidden: 256,
            depth: 2,
            lipschitz: Lipschitz::SpectralNorm,
        }
    }
}

/// What keeps discriminators Lipschitz.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Lipschitz {
    /// Every weight stays within plus and minus `bound` (Arjovsky et al. 2017).
    WeightClip {
        /// The bound.
        bound: f64,
    },
    /// Every matrix is divided by its largest singular value where that is above 1 (after Miyato et al.
    /// 2018), found by power iteration after each step.
    SpectralNorm,
}

/// Slope of the activation below 0.
const SLOPE: f64 = 0.2;
/// Rounds of the power iteration that a step adds; weights move little between steps.
const ROUNDS: usize = 2;

/// Layers of a discriminator: the last one gives the score.
#[derive(Module, Debug)]
pub(super) struct Discriminator<B: Backend> {
    weights: Vec<Param<Tensor<B, 2>>>,
    biases: Vec<Param<Tensor<B, 1>>>,
}

impl<B: Backend> Discriminator<B> {
    fn new(sizes: &[usize], rng: &mut ChaCha8Rng, device: &B::Device) -> Self {
        let mut draw = |inputs: usize, outputs: usize| {
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            let values: Vec<f32> = (0..inputs * outputs)
                .map(|_| ((rng.random::<f64>() * 2.0 - 1.0) * bound) as f32)
                .collect();
            Param::from_data(TensorData::new(values, [inputs, outputs]), device)
        };
        let weights = sizes.windows(2).map(|pair| draw(pair[0], pair[1])).collect();
        let zeros = |&size: &usize| Param::from_data(TensorData::zeros::<f32, _>([size]), device);
        Self { weights, biases: sizes.iter().skip(1).map(zeros).collect() }
    }

    /// The mean score.
    ///
    /// # Shapes
    /// - `patches`: `[batch, tokens, patch]`
    /// - output: `[1]`
    fn score(&self, patches: Tensor<B, 3>) -> Tensor<B, 1> {
        let [batch, tokens, patch] = patches.dims();
        let last = self.weights.len().saturating_sub(1);
        let mut x = patches.reshape([batch * tokens, patch]);
        for (layer, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            x = x.matmul(weight.val()) + bias.val().unsqueeze::<2>();
            if layer < last {
                x = leaky_relu(x, SLOPE);
            }
        }
        x.mean()
    }
}

/// Both discriminators.
#[derive(Module, Debug)]
pub(super) struct Pair<B: Backend> {
    audio: Discriminator<B>,
    video: Discriminator<B>,
}

/// What the discriminators of one part of a batch are shown: hidden patches, made and true.
#[derive(Debug)]
pub(super) struct Shown<B: Backend> {
    audio: [Tensor<B, 3>; 2],
    video: [Tensor<B, 3>; 2],
    share: f64,
}

/// The discriminators, and what makes them learn.
#[derive(Debug)]
pub(super) struct Discriminators<B: AutodiffBackend> {
    config: AdversarialConfig,
    pair: Pair<B>,
    optimizer: Optimizer<B::InnerBackend>,
    /// Left singular vectors of every matrix, as far as power iteration has come.
    directions: Vec<Option<Tensor<B::InnerBackend, 2>>>,
}

impl<B: AutodiffBackend> Discriminators<B> {
    pub(super) fn new(
        config: &AdversarialConfig,
        network: &AvffConfig,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self, TrainError> {
        // Their former name is part of what a seed means.
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ u64::from_le_bytes(*b"critics\0"));
        let sizes = |patch: usize| {
            let hidden = std::iter::repeat_n(config.hidden, config.depth);
            std::iter::once(patch).chain(hidden).chain([1]).collect::<Vec<_>>()
        };
        let pair = Pair {
            audio: Discriminator::new(&sizes(network.audio_patch_len()), &mut rng, device),
            video: Discriminator::new(&sizes(network.video_patch_len()), &mut rng, device),
        };
        // Half the usual momentum: the ground they walk on moves.
        let optimizer = OptimizerConfig { betas: [0.5, 0.9], ..OptimizerConfig::adam(config.lr) };
        let parameters = params::list(&pair);
        let directions = parameters.iter().map(|_| None).collect();
        let optimizer = Optimizer::new(&optimizer, parameters)?;
        let mut discriminators = Self { config: config.clone(), pair, optimizer, directions };
        discriminators.bound();
        Ok(discriminators)
    }

    /// The term of the network's loss for one part of a batch, and what to show the discriminators of it.
    pub(super) fn judge(
        &self,
        out: &PretrainOutput<B>,
        mask: &Mask,
        share: f64,
    ) -> (Tensor<B, 1>, Shown<B::InnerBackend>) {
        let audio = [&out.audio_patches, &out.audio_target].map(|x| mask.hidden_audio(x.clone()));
        let video = [&out.video_patches, &out.video_target].map(|x| mask.hidden_video(x.clone()));
        let fixed = self.pair.clone().no_grad();
        let score = fixed.audio.score(audio[0].clone()) + fixed.video.score(video[0].clone());
        let shown =
            Shown { audio: audio.map(Tensor::inner), video: video.map(Tensor::inner), share };
        (score * (-self.config.weight * share), shown)
    }

    /// Lets the discriminators learn from what they are shown. The values are the estimated distances, true
    /// minus made, which are to shrink as reconstructions get better.
    ///
    /// # Errors
    /// [`TrainError::Discriminators`] where a gradient is not finite, which would else be the network's at the next step.
    pub(super) fn learn(
        &mut self,
        shown: &[Shown<B::InnerBackend>],
        step: u64,
        peers: &mut dyn Processes,
    ) -> Result<Values, TrainError> {
        let _recording = recording();
        let mut distances = [0.0_f32; 2];
        for _ in 0..self.config.steps {
            let mut gradients: Option<Gradients<B::InnerBackend>> = None;
            distances = [0.0; 2];
            for part in shown {
                let on = |x: &Tensor<B::InnerBackend, 3>| Tensor::<B, 3>::from_inner(x.clone());
                let apart =
                    |discriminator: &Discriminator<B>,
                     [made, real]: &[Tensor<B::InnerBackend, 3>; 2]| {
                        (discriminator.score(on(real)) - discriminator.score(on(made))) * part.share
                    };
                let audio = apart(&self.pair.audio, &part.audio);
                let video = apart(&self.pair.video, &part.video);
                distances[0] += scalar(audio.clone()) as f32;
                distances[1] += scalar(video.clone()) as f32;
                let found = Gradients::take::<B, _>((audio + video).neg().backward(), &self.pair);
                match &mut gradients {
                    Some(sum) => sum.add(found),
                    none => *none = Some(found),
                }
            }
            let Some(mut gradients) = gradients else { break };
            gradients.sum_over(peers)?;
            peers.sum(&mut distances)?;
            let norm = gradients.norm();
            if !norm.is_finite() {
                return Err(TrainError::Discriminators { step, norm });
            }
            self.pair = self.optimizer.step::<B, _>(self.config.lr, self.pair.clone(), gradients);
            self.bound();
        }
        let [audio, video] = distances.map(f64::from);
        Ok(vec![("discriminator_audio", audio), ("discriminator_video", video)])
    }

    /// Keeps the discriminators Lipschitz.
    fn bound(&mut self) {
        let shapes: Vec<Vec<usize>> =
            params::list(&self.pair).into_iter().map(|parameter| parameter.shape).collect();
        let (lipschitz, directions) = (self.config.lipschitz, &mut self.directions);
        self.pair = params::update::<B, _>(self.pair.clone(), |place, values| {
            match (lipschitz, shapes.get(place)?.as_slice()) {
                (Lipschitz::WeightClip { bound }, _) => Some(values.clamp(-bound, bound)),
                (Lipschitz::SpectralNorm, &[inputs, outputs]) => {
                    let matrix = values.reshape([inputs, outputs]);
                    let direction = directions.get_mut(place)?;
                    let (norm, left) = spectral_norm(matrix.clone(), direction.take());
                    *direction = Some(left);
                    Some((matrix / norm.max(1.0)).reshape([inputs * outputs]))
                }
                (Lipschitz::SpectralNorm, _) => None,
            }
        });
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let pair = self.pair.valid();
        let parameters = params::list(&pair);
        let mut entries = self.optimizer.entries("discriminators/optimizer");
        for (parameter, tensor) in parameters.iter().zip(params::values(&pair)) {
            entries.push(Entry {
                name: format!("discriminators/{}", parameter.key),
                shape: vec![parameter.len()],
                data: Box::new(move || tensor.to_data()),
            });
        }
        for (parameter, direction) in parameters.iter().zip(&self.directions) {
            let Some(direction) = direction.clone() else { continue };
            entries.push(Entry {
                name: format!("discriminators/direction/{}", parameter.key),
                shape: direction.dims().to_vec(),
                data: Box::new(move || direction.to_data()),
            });
        }
        entries
    }

    pub(super) fn steps(&self) -> Vec<u64> {
        self.optimizer.steps()
    }

    pub(super) fn restore(
        &mut self,
        steps: &[u64],
        reader: &mut ArchiveReader<'_>,
        device: &B::Device,
    ) -> Result<(), TrainError> {
        let parameters = params::list(&self.pair);
        let mut values = Vec::new();
        for (parameter, direction) in parameters.iter().zip(&mut self.directions) {
            let count = parameter.len();
            let read = reader.read(&format!("discriminators/{}", parameter.key), &[count])?;
            values.push(Tensor::from_data(TensorData::new(read, [count]), device));
            if let (Some(_), &[inputs, _]) = (&direction, parameter.shape.as_slice()) {
                let name = format!("discriminators/direction/{}", parameter.key);
                let read = reader.read(&name, &[inputs, 1])?;
                *direction = Some(Tensor::from_data(TensorData::new(read, [inputs, 1]), device));
            }
        }
        self.pair =
            params::update::<B, _>(self.pair.clone(), |place, _| values.get(place).cloned());
        self.optimizer.restore("discriminators/optimizer", steps, reader, device)
    }
}

/// The largest singular value of a matrix, and its left singular vector, from where power iteration
/// stood.
///
/// # Shapes
/// - `matrix`: `[rows, columns]`
/// - `left`: `[rows, 1]`
fn spectral_norm<B: Backend>(
    matrix: Tensor<B, 2>,
    left: Option<Tensor<B, 2>>,
) -> (f64, Tensor<B, 2>) {
    let unit = |x: Tensor<B, 2>| {
        let norm = x.clone().powi_scalar(2).sum().sqrt().clamp_min(1e-12);
        x / norm.unsqueeze::<2>()
    };
    let rounds = if left.is_some() { ROUNDS } else { 16 * ROUNDS };
    let [rows, _] = matrix.dims();
    // Not ones: a matrix of random signs may have next to nothing along them.
    let start = || {
        let wave: Vec<f32> = (0..rows).map(|row| ((row * row) as f32 * 0.7 + 0.3).sin()).collect();
        Tensor::from_data(TensorData::new(wave, [rows, 1]), &matrix.device())
    };
    let mut left = unit(left.unwrap_or_else(start));
    let mut right = unit(matrix.clone().transpose().matmul(left.clone()));
    for _ in 0..rounds {
        left = unit(matrix.clone().matmul(right));
        right = unit(matrix.clone().transpose().matmul(left.clone()));
    }
    let norm = left.clone().transpose().matmul(matrix).matmul(right);
    (scalar(norm.reshape([1])), left)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_model::{Init, Pretrain};
    use burn::{backend::Autodiff, tensor::Distribution};
    use burn_flex::Flex;

    use super::*;
    use crate::distributed::Alone;

    type B = Autodiff<Flex>;

    fn discriminators(lipschitz: Lipschitz) -> Discriminators<B> {
        // Fast enough that only a bound can hold them.
        let config = AdversarialConfig { lipschitz, lr: 0.05, hidden: 24, ..Default::default() };
        Discriminators::new(&config, &AvffConfig::avff_tiny(), 3, &Default::default()).unwrap()
    }

    /// Off the graph, since tests of other threads record theirs.
    fn output() -> (PretrainOutput<B>, Mask) {
        let (config, device) = (AvffConfig::avff_tiny(), Default::default());
        let model = Pretrain::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
        let (a, v) = (&config.audio, &config.video);
        let normal = Distribution::Normal(0.0, 1.0);
        let audio = Tensor::random([2, a.frames, a.mels], normal, &device);
        let video = Tensor::random([2, v.channels, v.frames, v.height, v.width], normal, &device);
        let mask = Mask::draw(&config, 2, &mut ChaCha8Rng::seed_from_u64(4));
        let out = model.forward(audio, video, &mask).unwrap();
        let number = Tensor::from_inner;
        let patches = Tensor::from_inner;
        let out = PretrainOutput {
            total: number(out.total),
            contrastive: number(out.contrastive),
            retrieval_accuracy: number(out.retrieval_accuracy),
            audio_loss: number(out.audio_loss),
            video_loss: number(out.video_loss),
            audio_patches: patches(out.audio_patches),
            video_patches: patches(out.video_patches),
            audio_target: patches(out.audio_target),
            video_target: patches(out.video_target),
        };
        (out, mask)
    }

    /// They say so themselves, before the network takes what they judge.
    #[test]
    fn discriminators_that_are_no_numbers_end_the_run() {
        let (out, mask) = output();
        let mut discriminators = discriminators(Lipschitz::SpectralNorm);
        let (_, mut shown) = discriminators.judge(&out, &mask, 1.0);
        let [made, _] = &mut shown.audio;
        *made = made.clone() * f32::NAN;
        let learned = discriminators.learn(&[shown], 7, &mut Alone);
        assert!(
            matches!(learned, Err(TrainError::Discriminators { step: 7, norm }) if norm.is_nan())
        );
    }

    fn learned(lipschitz: Lipschitz) -> Discriminators<B> {
        let (out, mask) = output();
        let mut discriminators = discriminators(lipschitz);
        let mut first = None;
        for _ in 0..6 {
            let (_, shown) = discriminators.judge(&out, &mask, 1.0);
            let distances = discriminators.learn(&[shown], 0, &mut Alone).unwrap();
            first.get_or_insert(distances);
        }
        let (_, shown) = discriminators.judge(&out, &mask, 1.0);
        let last = discriminators.learn(&[shown], 0, &mut Alone).unwrap();
        for (first, last) in first.unwrap().iter().zip(&last) {
            assert!(last.1 > first.1, "they tell made from true better: {first:?} {last:?}");
        }
        discriminators
    }

    #[test]
    fn no_matrix_of_a_bound_discriminator_stretches() {
        let pair = learned(Lipschitz::SpectralNorm).pair;
        for weight in pair.audio.weights.iter().chain(&pair.video.weights) {
            let (norm, _) = spectral_norm(weight.val().inner(), None);
            // Power iteration comes from below.
            assert!(norm < 1.05, "{norm}");
        }
    }

    #[test]
    fn clipped_weights_stay_within_their_bound() {
        let pair = learned(Lipschitz::WeightClip { bound: 0.03 }).pair;
        let most = |values: Tensor<Flex, 1>| scalar(values.abs().max());
        for values in params::values(&pair.valid()) {
            assert!(most(values) <= 0.03 + 1e-6);
        }
    }

    #[test]
    fn visible_patches_are_not_judged() {
        let (out, mask) = output();
        let discriminators = discriminators(Lipschitz::SpectralNorm);
        let score = |out: &PretrainOutput<B>| scalar(discriminators.judge(out, &mask, 1.0).0);
        let whole = score(&out);
        // What is hidden stays, all else is noise.
        let [batch, tokens, _] = out.audio_patches.dims();
        let hidden = mask.hidden_audio(
            Tensor::<B, 1, Int>::arange(0..(batch * tokens) as i64, &Default::default())
                .float()
                .reshape([batch, tokens, 1]),
        );
        let kept: Vec<f32> = hidden.into_data().iter().collect();
        let keep: Vec<f32> = (0..batch * tokens)
            .map(|place| f32::from(u8::from(kept.contains(&(place as f32)))))
            .collect();
        assert_eq!(kept.len(), batch * tokens / 2);
        let keep = Tensor::<B, 3>::from_data(
            TensorData::new(keep, [batch, tokens, 1]),
            &Default::default(),
        );
        let noise = out.audio_patches.random_like(Distribution::Normal(0.0, 5.0));
        let mut other = out.clone();
        other.audio_patches = out.audio_patches.clone() * keep.clone() + noise * (keep.neg() + 1.0);
        let found = score(&other);
        assert!((found - whole).abs() < 1e-5, "{found} for {whole}");
        // And what is hidden counts.
        other.audio_patches = out.audio_patches * 3.0;
        assert!((score(&other) - whole).abs() > 1e-4);
    }
}

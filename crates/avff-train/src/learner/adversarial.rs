//! Discriminators of the reconstructions, with Wasserstein losses (Arjovsky et al. 2017).
//!
//! A discriminator, also called critic for this loss, is a small network over the values of a
//! patch. It estimates whether a patch is real or reconstructed. It only sees masked patches,
//! because visible patches are easy to reconstruct. Network and discriminators are trained
//! alternately. The network's loss contains the negative mean score of its reconstructions, with
//! the recipe's weight. The discriminators then learn to score real patches higher than
//! reconstructed ones. A bound on their weights or on their spectral norms keeps them Lipschitz. A
//! gradient penalty would need second derivatives, which Burn does not support.

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
    distributed::{Processes, Replicas},
    error::TrainError,
    gradients::{Gradients, ReplicaSum, recording},
    optim::{Optimizer, OptimizerConfig},
    params,
};

/// Settings of the discriminators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdversarialConfig {
    /// Weight of the discriminator term in the network's loss.
    pub weight: f64,
    /// Learning rate of the discriminators.
    pub lr: f64,
    /// Discriminator steps per step of the network.
    pub steps: u64,
    /// Features per hidden layer.
    pub hidden: usize,
    /// Number of hidden layers.
    pub depth: usize,
    /// Constraint that keeps the discriminators Lipschitz.
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

/// A constraint that keeps discriminators Lipschitz.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Lipschitz {
    /// Clips every weight to plus and minus `bound` (Arjovsky et al. 2017).
    WeightClip {
        /// Largest absolute weight.
        bound: f64,
    },
    /// Divides every matrix by its largest singular value if that exceeds 1 (after Miyato et al.
    /// 2018). Power iteration estimates the value after each step.
    SpectralNorm,
}

/// Negative slope of the leaky ReLU.
const NEGATIVE_SLOPE: f64 = 0.2;
/// Power iterations per step; weights change little between steps.
const ITERATIONS: usize = 2;

/// A multilayer perceptron whose last layer gives the score.
#[derive(Module, Debug)]
pub(super) struct Discriminator<B: Backend> {
    weights: Vec<Param<Tensor<B, 2>>>,
    biases: Vec<Param<Tensor<B, 1>>>,
}

impl<B: Backend> Discriminator<B> {
    fn new(sizes: &[usize], rng: &mut ChaCha8Rng, device: &B::Device) -> Self {
        let mut init_weight = |inputs: usize, outputs: usize| {
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            let values: Vec<f32> = (0..inputs * outputs)
                .map(|_| ((rng.random::<f64>() * 2.0 - 1.0) * bound) as f32)
                .collect();
            Param::from_data(TensorData::new(values, [inputs, outputs]), device)
        };
        let weights = sizes.windows(2).map(|pair| init_weight(pair[0], pair[1])).collect();
        let zeros = |&size: &usize| Param::from_data(TensorData::zeros::<f32, _>([size]), device);
        Self { weights, biases: sizes.iter().skip(1).map(zeros).collect() }
    }

    /// Computes the mean score of patches.
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
                x = leaky_relu(x, NEGATIVE_SLOPE);
            }
        }
        x.mean()
    }
}

/// The discriminators of both modalities.
#[derive(Module, Debug)]
pub(super) struct Pair<B: Backend> {
    audio: Discriminator<B>,
    video: Discriminator<B>,
}

/// Masked patches of one part of a batch for the discriminators: reconstructed and real.
#[derive(Debug)]
pub(super) struct DiscriminatorInput<B: Backend> {
    audio: [Tensor<B, 3>; 2],
    video: [Tensor<B, 3>; 2],
    /// Share of the part in its replica.
    share: f64,
}

/// The discriminators with their optimizer.
#[derive(Debug)]
pub(super) struct Discriminators<B: AutodiffBackend> {
    config: AdversarialConfig,
    pair: Pair<B>,
    optimizer: Optimizer<B::InnerBackend>,
    /// Estimated left singular vectors of every matrix.
    directions: Vec<Option<Tensor<B::InnerBackend, 2>>>,
}

impl<B: AutodiffBackend> Discriminators<B> {
    pub(super) fn new(
        config: &AdversarialConfig,
        network: &AvffConfig,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self, TrainError> {
        // The former name "critics" determines the random numbers of a seed.
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ u64::from_le_bytes(*b"critics\0"));
        let sizes = |patch: usize| {
            let hidden = std::iter::repeat_n(config.hidden, config.depth);
            std::iter::once(patch).chain(hidden).chain([1]).collect::<Vec<_>>()
        };
        let pair = Pair {
            audio: Discriminator::new(&sizes(network.audio_patch_len()), &mut rng, device),
            video: Discriminator::new(&sizes(network.video_patch_len()), &mut rng, device),
        };
        // Half the usual momentum, because the reconstructions keep changing.
        let optimizer = OptimizerConfig { betas: [0.5, 0.9], ..OptimizerConfig::adam(config.lr) };
        let parameters = params::list(&pair);
        let directions = parameters.iter().map(|_| None).collect();
        let optimizer = Optimizer::new(&optimizer, parameters)?;
        let mut discriminators = Self { config: config.clone(), pair, optimizer, directions };
        discriminators.apply_constraint();
        Ok(discriminators)
    }

    /// Computes the discriminator term of the network's loss for one part of a batch, and the
    /// patches for [`learn`](Self::learn). The part has a share in the batch of all processes and
    /// another in its replica's clips.
    pub(super) fn loss_term(
        &self,
        out: &PretrainOutput<B>,
        mask: &Mask,
        share: f64,
        replica_share: f64,
    ) -> (Tensor<B, 1>, DiscriminatorInput<B::InnerBackend>) {
        let audio = [&out.audio_patches, &out.audio_target].map(|x| mask.hidden_audio(x.clone()));
        let video = [&out.video_patches, &out.video_target].map(|x| mask.hidden_video(x.clone()));
        let frozen = self.pair.clone().no_grad();
        let score = frozen.audio.score(audio[0].clone()) + frozen.video.score(video[0].clone());
        let inputs = DiscriminatorInput {
            audio: audio.map(Tensor::inner),
            video: video.map(Tensor::inner),
            share: replica_share,
        };
        (score * (-self.config.weight * share), inputs)
    }

    /// Trains the discriminators on the given patches: for each replica of this process, its parts.
    /// Replicas count alike. The returned values are the estimated distances, real minus
    /// reconstructed, which should decrease as reconstructions improve.
    ///
    /// # Errors
    /// [`TrainError::Discriminators`] for a non-finite gradient, which would reach the network at
    /// the next step.
    pub(super) fn learn(
        &mut self,
        inputs: &[Vec<DiscriminatorInput<B::InnerBackend>>],
        step: u64,
        replicas: Replicas,
        peers: &mut dyn Processes,
    ) -> Result<Values, TrainError> {
        let mut distances = Vec::new();
        for _ in 0..self.config.steps {
            let mut sum = ReplicaSum::new(replicas);
            let mut own = Vec::new();
            for parts in inputs {
                let Some((gradients, distances)) = self.gradients(parts) else { continue };
                sum.push(gradients);
                own.push(distances.to_vec());
            }
            let mut gradients = sum.finish(peers)?;
            distances = replicas.means(&own, peers)?;
            gradients.scale(1.0 / replicas.count() as f64);
            let norm = gradients.norm();
            if !norm.is_finite() {
                return Err(TrainError::Discriminators { step, norm });
            }
            self.pair = self.optimizer.step::<B, _>(self.config.lr, self.pair.clone(), gradients);
            self.apply_constraint();
        }
        Ok(["discriminator_audio", "discriminator_video"].into_iter().zip(distances).collect())
    }

    /// Returns the gradients over the parts of a replica, and the distances for audio and video.
    fn gradients(
        &self,
        parts: &[DiscriminatorInput<B::InnerBackend>],
    ) -> Option<(Gradients<B::InnerBackend>, [f64; 2])> {
        let _recording = recording();
        let mut distances = [0.0; 2];
        let mut gradients: Option<Gradients<B::InnerBackend>> = None;
        for part in parts {
            let recorded = |x: &Tensor<B::InnerBackend, 3>| Tensor::<B, 3>::from_inner(x.clone());
            let distance =
                |discriminator: &Discriminator<B>,
                 [reconstructed, real]: &[Tensor<B::InnerBackend, 3>; 2]| {
                    (discriminator.score(recorded(real))
                        - discriminator.score(recorded(reconstructed)))
                        * part.share
                };
            let audio = distance(&self.pair.audio, &part.audio);
            let video = distance(&self.pair.video, &part.video);
            distances[0] += scalar(audio.clone());
            distances[1] += scalar(video.clone());
            let part_gradients =
                Gradients::take::<B, _>((audio + video).neg().backward(), &self.pair);
            match &mut gradients {
                Some(sum) => sum.add(part_gradients),
                none => *none = Some(part_gradients),
            }
        }
        Some((gradients?, distances))
    }

    /// Applies the Lipschitz constraint.
    fn apply_constraint(&mut self) {
        let shapes: Vec<Vec<usize>> =
            params::list(&self.pair).into_iter().map(|parameter| parameter.shape).collect();
        let (lipschitz, directions) = (self.config.lipschitz, &mut self.directions);
        self.pair = params::update::<B, _>(self.pair.clone(), |index, values| {
            match (lipschitz, shapes.get(index)?.as_slice()) {
                (Lipschitz::WeightClip { bound }, _) => Some(values.clamp(-bound, bound)),
                (Lipschitz::SpectralNorm, &[inputs, outputs]) => {
                    let matrix = values.reshape([inputs, outputs]);
                    let direction = directions.get_mut(index)?;
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
            params::update::<B, _>(self.pair.clone(), |index, _| values.get(index).cloned());
        self.optimizer.restore("discriminators/optimizer", steps, reader, device)
    }
}

/// Estimates the largest singular value of a matrix and its left singular vector, continuing an
/// earlier power iteration.
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
    let iterations = if left.is_some() { ITERATIONS } else { 16 * ITERATIONS };
    let [rows, _] = matrix.dims();
    // Not all ones, because a matrix with random signs may be nearly orthogonal to them.
    let initial = || {
        let wave: Vec<f32> = (0..rows).map(|row| ((row * row) as f32 * 0.7 + 0.3).sin()).collect();
        Tensor::from_data(TensorData::new(wave, [rows, 1]), &matrix.device())
    };
    let mut left = unit(left.unwrap_or_else(initial));
    let mut right = unit(matrix.clone().transpose().matmul(left.clone()));
    for _ in 0..iterations {
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
    use crate::distributed::SingleProcess;

    type B = Autodiff<Flex>;

    fn alone() -> Replicas {
        Replicas::of_processes(&SingleProcess)
    }

    fn discriminators(lipschitz: Lipschitz) -> Discriminators<B> {
        // A high learning rate, so that only the constraint limits the weights.
        let config = AdversarialConfig { lipschitz, lr: 0.05, hidden: 24, ..Default::default() };
        Discriminators::new(&config, &AvffConfig::avff_tiny(), 3, &Default::default()).unwrap()
    }

    /// Returns an output without a graph, because tests in other threads record their own graphs.
    fn output() -> (PretrainOutput<B>, Mask) {
        let (config, device) = (AvffConfig::avff_tiny(), Default::default());
        let model = Pretrain::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
        let (a, v) = (&config.audio, &config.video);
        let normal = Distribution::Normal(0.0, 1.0);
        let audio = Tensor::random([2, a.frames, a.mels], normal, &device);
        let video = Tensor::random([2, v.channels, v.frames, v.height, v.width], normal, &device);
        let mask = Mask::random(&config, 2, &mut ChaCha8Rng::seed_from_u64(4));
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

    /// Non-finite discriminators end the run before their loss reaches the network.
    #[test]
    fn nonfinite_discriminators_end_the_run() {
        let (out, mask) = output();
        let mut discriminators = discriminators(Lipschitz::SpectralNorm);
        let (_, mut inputs) = discriminators.loss_term(&out, &mask, 1.0, 1.0);
        let [reconstructed, _] = &mut inputs.audio;
        *reconstructed = reconstructed.clone() * f32::NAN;
        let learned = discriminators.learn(&[vec![inputs]], 7, alone(), &mut SingleProcess);
        assert!(
            matches!(learned, Err(TrainError::Discriminators { step: 7, norm }) if norm.is_nan())
        );
    }

    fn learned(lipschitz: Lipschitz) -> Discriminators<B> {
        let (out, mask) = output();
        let mut discriminators = discriminators(lipschitz);
        let mut first = None;
        for _ in 0..6 {
            let (_, inputs) = discriminators.loss_term(&out, &mask, 1.0, 1.0);
            let distances =
                discriminators.learn(&[vec![inputs]], 0, alone(), &mut SingleProcess).unwrap();
            first.get_or_insert(distances);
        }
        let (_, inputs) = discriminators.loss_term(&out, &mask, 1.0, 1.0);
        let last = discriminators.learn(&[vec![inputs]], 0, alone(), &mut SingleProcess).unwrap();
        for (first, last) in first.unwrap().iter().zip(&last) {
            assert!(last.1 > first.1, "the discriminators did not learn: {first:?} {last:?}");
        }
        discriminators
    }

    #[test]
    fn spectral_norms_stay_below_one() {
        let pair = learned(Lipschitz::SpectralNorm).pair;
        for weight in pair.audio.weights.iter().chain(&pair.video.weights) {
            let (norm, _) = spectral_norm(weight.val().inner(), None);
            // Power iteration underestimates the norm.
            assert!(norm < 1.05, "{norm}");
        }
    }

    #[test]
    fn clipped_weights_stay_within_bound() {
        let pair = learned(Lipschitz::WeightClip { bound: 0.03 }).pair;
        let max_abs = |values: Tensor<Flex, 1>| scalar(values.abs().max());
        for values in params::values(&pair.valid()) {
            assert!(max_abs(values) <= 0.03 + 1e-6);
        }
    }

    #[test]
    fn visible_patches_do_not_affect_loss_term() {
        let (out, mask) = output();
        let discriminators = discriminators(Lipschitz::SpectralNorm);
        let score =
            |out: &PretrainOutput<B>| scalar(discriminators.loss_term(out, &mask, 1.0, 1.0).0);
        let whole = score(&out);
        // Replace the visible patches by noise.
        let [batch, tokens, _] = out.audio_patches.dims();
        let hidden = mask.hidden_audio(
            Tensor::<B, 1, Int>::arange(0..(batch * tokens) as i64, &Default::default())
                .float()
                .reshape([batch, tokens, 1]),
        );
        let masked: Vec<f32> = hidden.into_data().iter().collect();
        let keep: Vec<f32> = (0..batch * tokens)
            .map(|index| f32::from(u8::from(masked.contains(&(index as f32)))))
            .collect();
        assert_eq!(masked.len(), batch * tokens / 2);
        let keep = Tensor::<B, 3>::from_data(
            TensorData::new(keep, [batch, tokens, 1]),
            &Default::default(),
        );
        let noise = out.audio_patches.random_like(Distribution::Normal(0.0, 5.0));
        let mut other = out.clone();
        other.audio_patches = out.audio_patches.clone() * keep.clone() + noise * (keep.neg() + 1.0);
        let actual = score(&other);
        assert!((actual - whole).abs() < 1e-5, "{actual} for {whole}");
        // A change of masked patches must change the score.
        other.audio_patches = out.audio_patches * 3.0;
        assert!((score(&other) - whole).abs() > 1e-4);
    }
}

//! Stages 1 and 2: masked reconstruction across modalities, and the contrastive loss.

use avff_metrics::Metric;
use avff_model::{
    AvffConfig, ContrastiveBatch, ContrastiveEmbeddings, Mask, Pretrain,
    checkpoint::{
        Kind,
        archive::{ArchiveReader, Entry},
    },
    precision::cast,
};
use burn::{
    module::AutodiffModule,
    prelude::*,
    tensor::{TensorData, backend::AutodiffBackend},
};

use super::{
    LabeledClips, Learner, Step, StepContext, Values,
    adversarial::{AdversarialConfig, DiscriminatorInput, Discriminators},
    gradients, parts, scalar,
    step_rng::{self, Purpose},
    tensors,
};
use crate::{
    distributed::{Processes, Replicas},
    error::TrainError,
    gradients::recording,
};

/// Trains the pre-training model.
#[derive(Debug)]
pub struct PretrainLearner<B: AutodiffBackend> {
    network: AvffConfig,
    /// Slices masked in audio in every step, instead of random ones.
    hidden: Option<Vec<usize>>,
    discriminators: Option<Discriminators<B>>,
    /// Patches for the discriminators, kept until the network took its step: the step and, for each
    /// replica of this process, its parts.
    discriminator_inputs: (u64, Vec<Vec<DiscriminatorInput<B::InnerBackend>>>),
}

impl<B: AutodiffBackend> PretrainLearner<B> {
    /// Creates a learner for a network with this config.
    ///
    /// # Errors
    /// [`TrainError::Keys`] cannot occur, because discriminators have no parameter groups.
    pub fn new(
        network: &AvffConfig,
        adversarial: Option<&AdversarialConfig>,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self, TrainError> {
        let discriminators = adversarial
            .map(|config| Discriminators::new(config, network, seed, device))
            .transpose()?;
        Ok(Self {
            network: network.clone(),
            hidden: None,
            discriminators,
            discriminator_inputs: (0, Vec::new()),
        })
    }

    /// Masks these slices in audio, and the others in video, in every training step. Fixed masks
    /// allow reproducing the steps of another implementation. Returns `None` unless they are half
    /// of all slices.
    #[must_use]
    pub fn with_mask(self, slices: &[usize]) -> Option<Self> {
        Mask::shared(self.network.slices, slices, 1)?;
        Some(Self { hidden: Some(slices.to_vec()), ..self })
    }

    /// Returns the masks of this process's clips. The random masks of a batch cover all processes,
    /// and this process has every `world`-th clip.
    fn mask(&self, own: usize, context: &StepContext<'_, B>) -> Mask {
        let given = self.hidden.as_deref();
        if let Some(mask) = given.and_then(|hidden| Mask::shared(self.network.slices, hidden, own))
        {
            return mask;
        }
        let (rank, world) = (context.peers.rank(), context.peers.world());
        let mut rng = step_rng::generator(context.seed, context.step, Purpose::Mask);
        rng.set_stream(context.replica.index as u64);
        let all = Mask::random(&self.network, own * world, &mut rng);
        all.subset((0..own).map(|clip| rank + clip * world))
    }

    /// Gathers the contrastive embeddings of all processes for a batch that is computed in parts.
    /// Returns `None` for an empty batch.
    fn gather_embeddings(
        &self,
        model: &Pretrain<B::InnerBackend>,
        batch: &LabeledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Option<ContrastiveEmbeddings<B::InnerBackend>>, TrainError> {
        let own = self.own_embeddings(model, batch, context);
        let all = own.map(|own| {
            own.try_map(|own| -> Result<_, TrainError> {
                let [_, dim] = own.dims();
                let own: Vec<f32> = own.into_data().iter().collect();
                let all = context.peers.gather(&own)?;
                let rows = all.len() / dim;
                Ok(Tensor::from_data(TensorData::new(all, [rows, dim]), context.device))
            })
        });
        all.transpose()
    }

    /// Computes the contrastive embeddings of this process's clips. Returns `None` for none.
    fn own_embeddings(
        &self,
        model: &Pretrain<B::InnerBackend>,
        batch: &LabeledClips,
        context: &StepContext<'_, B>,
    ) -> Option<ContrastiveEmbeddings<B::InnerBackend>> {
        let mut all = Vec::new();
        for part in parts(batch.clips.len(), context.micro_batch) {
            let (fbanks, frames) = tensors(&batch.clips[part], context.spec, context.device);
            all.push(model.contrastive_embeddings(fbanks, frames));
        }
        ContrastiveEmbeddings::cat(all)
    }
}

/// Metrics of a forward pass.
const METRICS: [Metric; 5] = [
    Metric::LOSS,
    Metric::AUDIO_LOSS,
    Metric::VIDEO_LOSS,
    Metric::CONTRASTIVE_LOSS,
    Metric::RETRIEVAL,
];

fn named(values: impl IntoIterator<Item = f64>) -> Values {
    METRICS.iter().map(|metric| metric.key).zip(values).collect()
}

impl<B: AutodiffBackend> Learner<B> for PretrainLearner<B> {
    type Model = Pretrain<B>;
    type Accumulator = Sums;

    const KIND: Kind = Kind::Pretrain;
    const LABELED: bool = false;

    fn step(
        &mut self,
        model: &Pretrain<B>,
        batch: &LabeledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Step<B::InnerBackend>, TrainError> {
        let _recording = recording();
        let own = batch.clips.len();
        let (rank, world) = (context.peers.rank(), context.peers.world());
        let mask = self.mask(own, context);
        let is_partial = world > 1 || own > context.micro_batch;
        let all = if is_partial && self.network.loss.contrastive > 0.0 {
            let model = match context.precision {
                Some(dtype) => cast::<B, _>(model.clone(), dtype).valid(),
                None => model.valid(),
            };
            let all = self.gather_embeddings(&model, batch, context)?;
            all.map(|all| all.try_map(|all| Ok::<_, TrainError>(Tensor::from_inner(all))))
                .transpose()?
        } else {
            None
        };
        let weights = &self.network.loss;
        let (spec, device) = (context.spec, context.device);
        let mut sums = [0.0_f64; 6];
        let mut all_inputs = Vec::new();
        let gradients = gradients(model, own, context, |model, part| {
            let share = part.len() as f64 / (own * world) as f64;
            let (audio, video) = tensors::<B>(&batch.clips[part.clone()], spec, device);
            let start = rank * own + part.start;
            let full_batch = all.clone().map(|all| ContrastiveBatch { all, start });
            let mask = mask.subset(part);
            let out = model.forward_in_batch(audio, video, &mask, full_batch.as_ref())?;
            // Each part uses the contrastive loss of the whole batch; the gradients of the parts'
            // own clips add up to its gradient.
            let contrastive_share = if full_batch.is_some() { 1.0 } else { share };
            let mut loss = out.contrastive.clone() * (weights.contrastive * contrastive_share);
            // A loss without weight would take a backward pass through the decoders.
            if weights.reconstruction > 0.0 {
                let reconstruction = out.video_loss.clone() + out.audio_loss.clone();
                loss = reconstruction * (weights.reconstruction * share) + loss;
            }
            let mut adversarial = 0.0;
            if let Some(discriminators) = &self.discriminators {
                let own_share = share * world as f64;
                let (term, discriminator_inputs) =
                    discriminators.loss_term(&out, &mask, share, own_share);
                adversarial = scalar(term.clone());
                loss = loss + term;
                all_inputs.push(discriminator_inputs);
            }
            let values = [out.audio_loss, out.video_loss, out.contrastive, out.retrieval_accuracy]
                .map(|value| scalar(value) * share);
            for (sum, value) in sums[1..5].iter_mut().zip(values) {
                *sum += value;
            }
            sums[5] += adversarial;
            Ok(loss)
        })?;
        let mut sums = sums.map(|sum| sum as f32);
        context.peers.sum(&mut sums)?;
        let mut sums = sums.map(f64::from);
        sums[0] = (sums[1] + sums[2]) * weights.reconstruction + sums[3] * weights.contrastive;
        let mut values = named(sums);
        if self.discriminators.is_some() {
            values.push(("adversarial_loss", sums[5]));
        }
        if self.discriminator_inputs.0 != context.step {
            self.discriminator_inputs = (context.step, Vec::new());
        }
        self.discriminator_inputs.1.push(all_inputs);
        Ok(Step { gradients, values })
    }

    fn after_step(
        &mut self,
        replicas: Replicas,
        context: &mut StepContext<'_, B>,
    ) -> Result<Values, TrainError> {
        let (_, inputs) = std::mem::take(&mut self.discriminator_inputs);
        match &mut self.discriminators {
            Some(discriminators) => {
                discriminators.learn(&inputs, context.step + 1, replicas, context.peers)
            }
            None => Ok(Vec::new()),
        }
    }

    fn evaluate(
        &self,
        model: &<Pretrain<B> as AutodiffModule<B>>::InnerModule,
        batch: &LabeledClips,
        first: u64,
        context: &mut StepContext<'_, B>,
        accumulator: &mut Sums,
    ) -> Result<(), TrainError> {
        // Each process compares only its own clips, because the numbers of clips may differ.
        let whole = batch.clips.len() <= context.micro_batch;
        let all = match whole {
            true => None,
            false => self.own_embeddings(model, batch, context),
        };
        for part in parts(batch.clips.len(), context.micro_batch) {
            let full_batch = all.clone().map(|all| ContrastiveBatch { all, start: part.start });
            // Masks are equal in every epoch, so that epochs are comparable.
            let step = first + part.start as u64;
            let mut rng = step_rng::generator(context.seed, step, Purpose::ValidationMask);
            let mask = Mask::random(&self.network, part.len(), &mut rng);
            let count = part.len() as f64;
            let (audio, video) = tensors(&batch.clips[part], context.spec, context.device);
            let out = model.forward_in_batch(audio, video, &mask, full_batch.as_ref())?;
            let values = [
                out.total,
                out.audio_loss,
                out.video_loss,
                out.contrastive,
                out.retrieval_accuracy,
            ];
            for (sum, value) in accumulator.sums.iter_mut().zip(values) {
                *sum += scalar(value) * count;
            }
            accumulator.clips += count;
        }
        Ok(())
    }

    fn finish(&self, accumulator: Sums, peers: &mut dyn Processes) -> Result<Values, TrainError> {
        let mut all = [0.0_f32; 6];
        for (to, from) in all.iter_mut().zip(accumulator.sums.iter().chain([&accumulator.clips])) {
            *to = *from as f32;
        }
        let (sums, clips) = if peers.world() == 1 {
            (accumulator.sums, accumulator.clips)
        } else {
            peers.sum(&mut all)?;
            let [total, audio, video, contrastive, retrieval, clips] = all.map(f64::from);
            ([total, audio, video, contrastive, retrieval], clips)
        };
        Ok(named(sums.map(|sum| sum / clips)))
    }

    fn entries(&self) -> Vec<Entry> {
        self.discriminators.as_ref().map(Discriminators::entries).unwrap_or_default()
    }

    fn steps(&self) -> Vec<u64> {
        self.discriminators.as_ref().map(Discriminators::steps).unwrap_or_default()
    }

    fn restore(
        &mut self,
        steps: &[u64],
        reader: &mut ArchiveReader<'_>,
        device: &B::Device,
    ) -> Result<(), TrainError> {
        match &mut self.discriminators {
            Some(discriminators) => discriminators.restore(steps, reader, device),
            None => Ok(()),
        }
    }
}

/// Sums over the validated clips.
#[derive(Debug, Default)]
pub struct Sums {
    sums: [f64; 5],
    clips: f64,
}

//! Stages 1 and 2: half of each modality is made from the other, and clips are told apart.

use avff_metrics::Metric;
use avff_model::{
    Among, AvffConfig, Mask, Pretrain, Summary,
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
    LabelledClips, Learner, Step, StepContext, Values,
    adversarial::{AdversarialConfig, Discriminators, Shown},
    gradients, parts, scalar,
    step_rng::{self, Purpose},
    tensors,
};
use crate::{distributed::Processes, error::TrainError, gradients::recording};

/// Trains the pre-training model.
#[derive(Debug)]
pub struct PretrainLearner<B: AutodiffBackend> {
    network: AvffConfig,
    /// Hidden from audio in every step, where it is not drawn.
    hidden: Option<Vec<usize>>,
    discriminators: Option<Discriminators<B>>,
    /// What the discriminators are shown once the network took its step.
    shown: Vec<Shown<B::InnerBackend>>,
}

impl<B: AutodiffBackend> PretrainLearner<B> {
    /// A learner of a network with this config.
    ///
    /// # Errors
    /// [`TrainError::Keys`] never; discriminators have no groups.
    pub fn new(
        network: &AvffConfig,
        adversarial: Option<&AdversarialConfig>,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self, TrainError> {
        let discriminators = adversarial
            .map(|config| Discriminators::new(config, network, seed, device))
            .transpose()?;
        Ok(Self { network: network.clone(), hidden: None, discriminators, shown: Vec::new() })
    }

    /// Hides these slices from audio in every training step, and the others from video, instead of
    /// drawing: to repeat steps that someone else took. `None` unless they are half of all slices.
    #[must_use]
    pub fn hiding(self, slices: &[usize]) -> Option<Self> {
        Mask::shared(self.network.slices, slices, 1)?;
        Some(Self { hidden: Some(slices.to_vec()), ..self })
    }

    /// The masks of a batch of all processes, of which this one has every `world`-th clip.
    fn mask(
        &self,
        own: usize,
        seed: u64,
        step: u64,
        purpose: Purpose,
        peers: &dyn Processes,
    ) -> Mask {
        let given = self.hidden.as_deref();
        if let Some(mask) = given.and_then(|hidden| Mask::shared(self.network.slices, hidden, own))
        {
            return mask;
        }
        let (rank, world) = (peers.rank(), peers.world());
        let mut rng = step_rng::generator(seed, step, purpose);
        let all = Mask::draw(&self.network, own * world, &mut rng);
        all.part((0..own).map(|clip| rank + clip * world))
    }

    /// What contrast compares of every clip of all processes' batches, where they are computed in parts.
    fn summaries(
        &self,
        model: &Pretrain<B::InnerBackend>,
        batch: &LabelledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Summary<B::InnerBackend>, TrainError> {
        let own = self.summaries_of_own(model, batch, context);
        let dim = self.network.encoder.dim * self.network.contrasted();
        let mut gather = |own: Tensor<B::InnerBackend, 2>| -> Result<_, TrainError> {
            let own: Vec<f32> = own.into_data().iter().collect();
            let all = context.peers.gather(&own)?;
            let rows = all.len() / dim;
            Ok(Tensor::from_data(TensorData::new(all, [rows, dim]), context.device))
        };
        Ok(Summary { audio: gather(own.audio)?, video: gather(own.video)? })
    }

    /// The same of this process's clips.
    fn summaries_of_own(
        &self,
        model: &Pretrain<B::InnerBackend>,
        batch: &LabelledClips,
        context: &StepContext<'_, B>,
    ) -> Summary<B::InnerBackend> {
        let (mut audio, mut video) = (Vec::new(), Vec::new());
        for part in parts(batch.clips.len(), context.micro_batch) {
            let (sound, frames) = tensors(&batch.clips[part], context.spec, context.device);
            let summary = model.summarise(sound, frames);
            audio.push(summary.audio);
            video.push(summary.video);
        }
        Summary { audio: Tensor::cat(audio, 0), video: Tensor::cat(video, 0) }
    }
}

/// What a pass through the network measures.
const MEASURED: [Metric; 5] = [
    Metric::LOSS,
    Metric::AUDIO_LOSS,
    Metric::VIDEO_LOSS,
    Metric::CONTRASTIVE_LOSS,
    Metric::RETRIEVAL,
];

fn named(values: impl IntoIterator<Item = f64>) -> Values {
    MEASURED.iter().map(|metric| metric.key).zip(values).collect()
}

impl<B: AutodiffBackend> Learner<B> for PretrainLearner<B> {
    type Model = Pretrain<B>;
    type Accumulator = Sums;

    const KIND: Kind = Kind::Pretrain;
    const LABELLED: bool = false;

    fn step(
        &mut self,
        model: &Pretrain<B>,
        batch: &LabelledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Step<B::InnerBackend>, TrainError> {
        let _recording = recording();
        let own = batch.clips.len();
        let (rank, world) = (context.peers.rank(), context.peers.world());
        let mask = self.mask(own, context.seed, context.step, Purpose::Mask, &*context.peers);
        let in_parts = world > 1 || own > context.micro_batch;
        let all = if in_parts && self.network.loss.contrast > 0.0 {
            let model = match context.precision {
                Some(dtype) => cast::<B, _>(model.clone(), dtype).valid(),
                None => model.valid(),
            };
            let Summary { audio, video } = self.summaries(&model, batch, context)?;
            let [audio, video] = [audio, video].map(Tensor::from_inner);
            Some(Summary { audio, video })
        } else {
            None
        };
        let weights = &self.network.loss;
        let (spec, device) = (context.spec, context.device);
        let mut sums = [0.0_f64; 6];
        let mut all_shown = Vec::new();
        let gradients = gradients(model, own, context, |model, part| {
            let share = part.len() as f64 / (own * world) as f64;
            let (audio, video) = tensors::<B>(&batch.clips[part.clone()], spec, device);
            let start = rank * own + part.start;
            let among = all.clone().map(|all| Among { all, start });
            let mask = mask.part(part);
            let out = model.forward_among(audio, video, &mask, among.as_ref())?;
            let reconstruction = (out.video_loss.clone() + out.audio_loss.clone())
                * (weights.reconstruction * share);
            // With a batch in parts, contrast is the whole batch's in each of them: the gradients of
            // the parts' own clips add up to it.
            let contrast_share = if among.is_some() { 1.0 } else { share };
            let mut loss =
                reconstruction + out.contrastive.clone() * (weights.contrast * contrast_share);
            let mut adversarial = 0.0;
            if let Some(discriminators) = &self.discriminators {
                let (term, shown) = discriminators.judge(&out, &mask, share);
                adversarial = scalar(term.clone());
                loss = loss + term;
                all_shown.push(shown);
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
        sums[0] = (sums[1] + sums[2]) * weights.reconstruction + sums[3] * weights.contrast;
        let mut values = named(sums);
        if self.discriminators.is_some() {
            values.push(("adversarial_loss", sums[5]));
        }
        self.shown = all_shown;
        Ok(Step { gradients, values })
    }

    fn after_step(&mut self, context: &mut StepContext<'_, B>) -> Result<Values, TrainError> {
        let shown = std::mem::take(&mut self.shown);
        match &mut self.discriminators {
            Some(discriminators) => discriminators.learn(&shown, context.step + 1, context.peers),
            None => Ok(Vec::new()),
        }
    }

    fn judge(
        &self,
        model: &<Pretrain<B> as AutodiffModule<B>>::InnerModule,
        batch: &LabelledClips,
        first: u64,
        context: &mut StepContext<'_, B>,
        accumulator: &mut Sums,
    ) -> Result<(), TrainError> {
        // Contrast compares a process's own clips: parts of validation may differ in length.
        let whole = batch.clips.len() <= context.micro_batch;
        let all = match whole {
            true => None,
            false => Some(self.summaries_of_own(model, batch, context)),
        };
        for part in parts(batch.clips.len(), context.micro_batch) {
            let among = all.clone().map(|all| Among { all, start: part.start });
            // The same masks in every epoch, so that epochs compare.
            let step = first + part.start as u64;
            let mut rng = step_rng::generator(context.seed, step, Purpose::ValidationMask);
            let mask = Mask::draw(&self.network, part.len(), &mut rng);
            let count = part.len() as f64;
            let (audio, video) = tensors(&batch.clips[part], context.spec, context.device);
            let out = model.forward_among(audio, video, &mask, among.as_ref())?;
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

/// Sums over judged clips.
#[derive(Debug, Default)]
pub struct Sums {
    sums: [f64; 5],
    clips: f64,
}

//! A step over the replicas of this process, one after the other.

use std::ops::Range;

use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};

use super::{LabeledClips, Learner, Replica, Step, StepContext, Values};
use crate::{
    distributed::{Processes, Replicas, SingleProcess},
    error::TrainError,
    gradients::ReplicaSum,
};

/// How the losses of replicas make the loss of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicaLoss {
    /// Their mean, as in the reference's third stage.
    #[default]
    Mean,
    /// Their sum, as in the reference's first two stages: gradients grow with the number of
    /// replicas, which Adam divides out, but for its weight decay.
    Sum,
}

/// How the replicas of a run are computed and what they count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replication {
    pub(crate) replicas: Replicas,
    pub(crate) loss: ReplicaLoss,
}

impl Replication {
    /// Computes the gradients of a batch. `parts` are the places of this process's replicas in the
    /// batch of all processes, in order. The values are the means over all replicas.
    ///
    /// # Errors
    /// The errors of the learner and of other processes.
    pub(crate) fn step<B: AutodiffBackend, L: Learner<B>>(
        self,
        learner: &mut L,
        model: &L::Model,
        batch: &mut LabeledClips,
        parts: &[Range<usize>],
        context: &mut StepContext<'_, B>,
    ) -> Result<Step<B::InnerBackend>, TrainError> {
        let weight = match self.loss {
            ReplicaLoss::Mean => 1.0 / self.replicas.count() as f64,
            ReplicaLoss::Sum => 1.0,
        };
        let mut sum = ReplicaSum::new(self.replicas);
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (index, part) in self.replicas.own().zip(parts) {
            let clips = take_first(batch, part.len());
            let mut alone = SingleProcess;
            let replica = Replica { index, first: part.start, weight };
            let mut own = context.of_replica(replica, &mut alone);
            let step = learner.step(model, &clips, &mut own)?;
            sum.push(step.gradients);
            names = step.values.iter().map(|(name, _)| *name).collect();
            values.push(step.values.into_iter().map(|(_, value)| value).collect());
        }
        let gradients = sum.finish(context.peers)?;
        let values = self.replicas.means(&values, context.peers)?;
        Ok(Step { gradients, values: Values::from_iter(names.into_iter().zip(values)) })
    }
}

/// Takes the first clips out of a batch.
pub(crate) fn take_first(batch: &mut LabeledClips, count: usize) -> LabeledClips {
    let clips = batch.clips.drain(..count.min(batch.clips.len())).collect();
    let targets = batch.targets.drain(..count.min(batch.targets.len())).collect();
    LabeledClips { clips, targets }
}

impl<B: AutodiffBackend> StepContext<'_, B> {
    /// Returns the context of a replica, which knows no other process.
    fn of_replica<'a>(
        &'a self,
        replica: Replica,
        alone: &'a mut dyn Processes,
    ) -> StepContext<'a, B> {
        StepContext { replica, peers: alone, ..*self }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_data::{Clip, ClipSpec};
    use avff_model::{
        AvffConfig, Init, Pretrain,
        config::{FusionAttention, MaskScope},
    };
    use burn::backend::Autodiff;
    use burn_flex::Flex;

    use super::*;
    use crate::{gradients::Gradients, learner::PretrainLearner};

    type B = Autodiff<Flex>;

    fn network() -> AvffConfig {
        let mut network = AvffConfig::avff_tiny();
        (network.mask, network.fusion_attention) = (MaskScope::PerBatch, FusionAttention::Batch);
        network
    }

    /// Clips whose numbers differ.
    fn batch(network: &AvffConfig, range: Range<usize>) -> LabeledClips {
        let (a, v) = (&network.audio, &network.video);
        let values = |count: usize, clip: usize| -> Vec<f32> {
            (0..count).map(|at| ((at * (clip + 3)) as f32 * 0.37).sin()).collect()
        };
        let clip = |clip| Clip {
            audio: values(a.frames * a.mels, clip),
            video: values(v.channels * v.frames * v.height * v.width, clip),
        };
        LabeledClips { clips: range.map(clip).collect(), targets: Vec::new() }
    }

    fn flat(gradients: &Gradients<Flex>) -> Vec<f32> {
        let all = gradients.0.iter().flatten();
        all.flat_map(|tensor| tensor.to_data().iter::<f32>().collect::<Vec<_>>()).collect()
    }

    /// A replica's loss and gradients are those of its clips alone; the batch's are their mean or
    /// their sum.
    #[test]
    fn replicas_are_batches_of_their_own() {
        let network = network();
        let mut spec = ClipSpec::open_avff();
        (spec.audio.frames, spec.audio.mels) = (network.audio.frames, network.audio.mels);
        let video = &network.video;
        (spec.video.frames, spec.video.height, spec.video.width) =
            (video.frames, video.height, video.width);
        let device = Default::default();
        let model = Pretrain::<B>::new(&network, &mut Init::seeded(1), &device).unwrap();
        let mut peers = SingleProcess;
        let mut learner = PretrainLearner::<B>::new(&network, None, 1, &device).unwrap();
        let mut context = StepContext {
            seed: 5,
            step: 3,
            micro_batch: usize::MAX,
            precision: None,
            loss_scale: 1.0,
            spec: &spec,
            device: &device,
            peers: &mut peers,
            replica: Replica::WHOLE,
        };
        let mut alone = Vec::new();
        for (index, part) in [0..2, 2..4].into_iter().enumerate() {
            context.replica = Replica { index, first: part.start, weight: 1.0 };
            alone.push(learner.step(&model, &batch(&network, part), &mut context).unwrap());
        }
        context.replica = Replica::WHOLE;
        let together = learner.step(&model, &batch(&network, 0..4), &mut context).unwrap();
        let sums: Vec<f32> = flat(&alone[0].gradients)
            .into_iter()
            .zip(flat(&alone[1].gradients))
            .map(|(first, second)| first + second)
            .collect();
        let replicas = Replicas::new(2, &SingleProcess);
        for (loss, factor) in [(ReplicaLoss::Sum, 1.0), (ReplicaLoss::Mean, 0.5)] {
            let mut all = batch(&network, 0..4);
            let step = Replication { replicas, loss }
                .step(&mut learner, &model, &mut all, &[0..2, 2..4], &mut context)
                .unwrap();
            // Halving is exact in floating point.
            let expected: Vec<f32> = sums.iter().map(|sum| sum * factor).collect();
            assert_eq!(flat(&step.gradients), expected, "{loss:?}");
            for (index, (name, value)) in step.values.iter().enumerate() {
                let mean = (alone[0].values[index].1 + alone[1].values[index].1) / 2.0;
                assert!((value - mean).abs() < 1e-6, "{name}: {value} for {mean}");
            }
            let far = flat(&step.gradients).into_iter().zip(flat(&together.gradients));
            assert!(far.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) > 1e-4, "one batch");
        }
    }
}

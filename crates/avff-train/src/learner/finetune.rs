//! Stage 3: fine-tuning the classifier.

use avff_metrics::{BinaryReport, Metric, Scored};
use avff_model::{AvffConfig, Classifier, FusionScope, checkpoint::Kind};
use burn::{
    module::AutodiffModule,
    prelude::*,
    tensor::{activation::log_softmax, backend::AutodiffBackend},
};
use serde::{Deserialize, Serialize};

use super::{
    LabeledClips, Learner, Replica, Step, StepContext, Values, gradients, labels, parts, scalar,
    step_rng::{self, Purpose},
    tensors,
};
use crate::{distributed::Processes, error::TrainError, gradients::recording};

/// Loss and label settings of stage 3.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// The loss function.
    pub loss: FinetuneLoss,
    /// Label smoothing: the fraction of a label that is spread over both outputs.
    pub label_smoothing: f64,
    /// Mixup: blends pairs of clips and labels with a share from Beta(alpha, alpha).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
}

/// The loss function of stage 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinetuneLoss {
    /// Binary cross entropy with logits, averaged over both outputs, as in the reference.
    #[default]
    Bce,
    /// Cross entropy over both outputs.
    CrossEntropy,
}

impl FinetuneLoss {
    /// Computes the mean loss over the batch.
    ///
    /// # Shapes
    /// - `logits`, `targets`: `[batch, 2]`
    /// - output: `[1]`
    pub fn of<B: Backend>(self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
        match self {
            Self::Bce => {
                let softplus = (logits.clone().abs().neg().exp() + 1.0).log();
                (logits.clone().clamp_min(0.0) - logits * targets + softplus).mean()
            }
            Self::CrossEntropy => (log_softmax(logits, 1) * targets).sum_dim(1).mean().neg(),
        }
    }
}

/// Trains the classifier.
#[derive(Debug)]
pub struct Finetune {
    config: FinetuneConfig,
    training: FusionScope,
    validation: FusionScope,
}

impl Finetune {
    /// Creates a learner for a network with this config.
    #[must_use]
    pub fn new(config: FinetuneConfig, network: &AvffConfig) -> Self {
        let training = FusionScope::training(network.fusion_attention);
        Self { config, training, validation: FusionScope::PerClip }
    }

    /// Sets the attention of A2V and V2A in validation; per clip by default.
    #[must_use]
    pub fn validating(self, validation: FusionScope) -> Self {
        Self { validation, ..self }
    }
}

/// Scores of the validated clips.
#[derive(Debug, Default)]
pub struct Scores {
    loss: f64,
    scored: Vec<Scored>,
}

impl<B: AutodiffBackend> Learner<B> for Finetune {
    type Model = Classifier<B>;
    type Accumulator = Scores;

    const KIND: Kind = Kind::Classifier;
    const LABELED: bool = true;

    fn step(
        &mut self,
        model: &Classifier<B>,
        batch: &LabeledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Step<B::InnerBackend>, TrainError> {
        let _recording = recording();
        let (rank, world) = (context.peers.rank(), context.peers.world());
        let mut rng = step_rng::generator(context.seed, context.step, Purpose::Mixup);
        let Replica { index, first, .. } = context.replica;
        rng.set_stream((index + rank) as u64);
        let mixed = self
            .config
            .mixup
            .and_then(|alpha| labels::mix(&batch.clips, &batch.targets, alpha, &mut rng));
        let (clips, targets) = match &mixed {
            Some((clips, targets)) => (clips, targets),
            None => (&batch.clips, &batch.targets),
        };
        let (seed, step, spec, device) = (context.seed, context.step, context.spec, context.device);
        let mut total = 0.0;
        let gradients = gradients(model, clips.len(), context, |model, part| {
            let share = part.len() as f64 / (clips.len() * world) as f64;
            let mut generators: Vec<_> = part
                .clone()
                .map(|clip| step_rng::of_clip(seed, step, first + rank + world * clip))
                .collect();
            let (audio, video) = tensors::<B>(&clips[part.clone()], spec, device);
            let rows = labels::rows(&targets[part], self.config.label_smoothing, device);
            let logits = model.forward_with_dropout(audio, video, self.training, &mut generators);
            let loss = self.config.loss.of(logits, rows) * share;
            total += scalar(loss.clone());
            Ok(loss)
        })?;
        let mut total = [total as f32];
        context.peers.sum(&mut total)?;
        Ok(Step { gradients, values: vec![("loss", f64::from(total[0]))] })
    }

    fn evaluate(
        &self,
        model: &<Classifier<B> as AutodiffModule<B>>::InnerModule,
        batch: &LabeledClips,
        _first: u64,
        context: &mut StepContext<'_, B>,
        accumulator: &mut Scores,
    ) -> Result<(), TrainError> {
        for part in parts(batch.clips.len(), context.micro_batch) {
            let (audio, video) = tensors(&batch.clips[part.clone()], context.spec, context.device);
            let logits = model.forward(audio, video, self.validation);
            let targets = &batch.targets[part];
            let loss =
                self.config.loss.of(logits.clone(), labels::rows(targets, 0.0, context.device));
            accumulator.loss += scalar(loss) * targets.len() as f64;
            let values: Vec<f32> = logits.into_data().iter::<f32>().collect();
            let rows = values.as_chunks::<2>().0.iter().zip(targets);
            accumulator.scored.extend(rows.map(|(&[fake, real], &target)| Scored {
                fake,
                real,
                target: u8::from(target > 0.5),
            }));
        }
        Ok(())
    }

    fn finish(&self, accumulator: Scores, peers: &mut dyn Processes) -> Result<Values, TrainError> {
        let accumulator = accumulator.gathered(peers)?;
        let count = accumulator.scored.len() as f64;
        let mut values = vec![(Metric::LOSS.key, accumulator.loss / count)];
        // Labels are 0 or 1, so a report exists; undefined metrics become NaN.
        if let Ok(report) = BinaryReport::new(&accumulator.scored) {
            let metrics = report.values.iter();
            values.extend(metrics.map(|(metric, value)| (metric.key, value.unwrap_or(f64::NAN))));
        }
        Ok(values)
    }
}

impl Scores {
    /// Gathers the scores of all processes, whose numbers of clips may differ by one.
    fn gathered(self, peers: &mut dyn Processes) -> Result<Self, TrainError> {
        if peers.world() == 1 {
            return Ok(self);
        }
        let counts = peers.gather(&[self.scored.len() as f32])?;
        let longest = counts.iter().fold(0.0_f32, |a, &b| a.max(b)) as usize;
        let mut flat: Vec<f32> =
            self.scored.iter().flat_map(|s| [s.fake, s.real, f32::from(s.target)]).collect();
        flat.resize(longest * 3, 0.0);
        let all = peers.gather(&flat)?;
        let mut loss = [self.loss as f32];
        peers.sum(&mut loss)?;
        let mut scored = Vec::new();
        for (rows, &count) in all.chunks(longest.max(1) * 3).zip(&counts) {
            let rows = rows.as_chunks::<3>().0.iter().take(count as usize);
            scored.extend(rows.map(|&[fake, real, target]| Scored {
                fake,
                real,
                target: u8::from(target > 0.5),
            }));
        }
        Ok(Self { loss: f64::from(loss[0]), scored })
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    /// Values from PyTorch 2.9.1: `BCEWithLogitsLoss` and `CrossEntropyLoss` with soft targets.
    #[test]
    fn losses_match_pytorch() {
        let device = Default::default();
        let logits =
            Tensor::<Flex, 2>::from_data([[1.5_f32, -0.5], [-20.0, 3.0], [0.25, 0.75]], &device);
        let targets = Tensor::from_data([[1.0_f32, 0.0], [0.05, 0.95], [0.3, 0.7]], &device);
        for (loss, expected) in
            [(FinetuneLoss::Bce, 0.539_481_34), (FinetuneLoss::CrossEntropy, 0.633_668_36)]
        {
            let actual = scalar(loss.of(logits.clone(), targets.clone()));
            assert!((actual - expected).abs() < 1e-6, "{loss:?}: {actual}");
        }
    }
}

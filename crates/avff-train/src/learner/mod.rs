//! Learners: the gradients and the validation of each stage.
//!
//! All stages share the training loop ([`trainer`](crate::trainer)). A [`Learner`] gets a whole
//! batch and computes it in parts that fit into memory. The gradients of the parts add up to the
//! gradients of the batch (gradient accumulation).
//!
//! - [`pretrain`]: stages 1 and 2
//! - [`finetune`]: stage 3
//! - [`adversarial`]: optional discriminators of the reconstructions for pre-training
//! - `replicated`: a step over the replicas of this process
//! - `labels`: targets, label smoothing and mixup
//! - `step_rng`: random numbers that depend only on seed and step

pub mod adversarial;
pub mod finetune;
mod labels;
pub mod pretrain;
pub(crate) mod replicated;
mod step_rng;

use std::ops::Range;

use avff_data::{Clip, ClipSpec, batcher};
use avff_model::{
    checkpoint::{
        Kind,
        archive::{ArchiveReader, Entry},
    },
    precision::cast,
};
use burn::{
    module::AutodiffModule,
    prelude::*,
    tensor::{FloatDType, backend::AutodiffBackend},
};

pub use self::{
    adversarial::{AdversarialConfig, Lipschitz},
    finetune::{Finetune, FinetuneConfig, FinetuneLoss},
    pretrain::PretrainLearner,
    replicated::ReplicaLoss,
};
use crate::{
    distributed::{Processes, Replicas},
    error::TrainError,
    gradients::Gradients,
};

/// Named numbers, in display order.
pub type Values = Vec<(&'static str, f64)>;

/// The clips of a batch that this process computes.
#[derive(Debug)]
pub struct LabeledClips {
    /// The clips.
    pub clips: Vec<Clip>,
    /// Their labels, 1 for fake; empty if the stage needs none.
    pub targets: Vec<f32>,
}

/// The inputs of a step besides the network and the clips.
pub struct StepContext<'a, B: AutodiffBackend> {
    /// The random seed of the run.
    pub seed: u64,
    /// Number of earlier steps.
    pub step: u64,
    /// Maximum number of clips per forward pass.
    pub micro_batch: usize,
    /// Compute precision of the forward pass; `None` for f32.
    pub precision: Option<FloatDType>,
    /// Loss scale: the loss is multiplied and the gradients are divided by it.
    pub loss_scale: f64,
    /// Specification of the clips.
    pub spec: &'a ClipSpec,
    /// Device of the tensors.
    pub device: &'a B::Device,
    /// Collective operations over the processes that compute this batch together.
    pub peers: &'a mut dyn Processes,
    /// The replica whose clips these are.
    pub replica: Replica,
}

/// The place of a replica in the batch of all processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replica {
    /// Its number, from 0.
    pub index: usize,
    /// The place of its first clip in the batch.
    pub first: usize,
    /// What its loss counts in the batch's: 1 if losses are summed.
    pub weight: f64,
}

impl Replica {
    /// The only replica of a batch.
    pub const WHOLE: Self = Self { index: 0, first: 0, weight: 1.0 };
}

/// The result of a step.
#[derive(Debug)]
pub struct Step<B: Backend> {
    /// This process's part of the unscaled gradients of the mean loss over the clips of all
    /// processes. The sum over all processes is the whole.
    pub gradients: Gradients<B>,
    /// Losses and further values; the first one is the minimized loss.
    pub values: Values,
}

/// A stage of training.
pub trait Learner<B: AutodiffBackend> {
    /// The trained network.
    type Model: AutodiffModule<B>;
    /// Accumulates the evaluation over batches.
    type Accumulator: Default;

    /// Kind of checkpoint that stores the network.
    const KIND: Kind;
    /// Whether the stage needs labels.
    const LABELED: bool;

    /// Computes the gradients of a batch.
    ///
    /// # Errors
    /// The errors of forward passes and of other processes.
    fn step(
        &mut self,
        model: &Self::Model,
        batch: &LabeledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Step<B::InnerBackend>, TrainError>;

    /// Trains other networks, such as discriminators, after the network took a step on the clips
    /// of all replicas.
    ///
    /// # Errors
    /// The errors of other processes.
    fn after_step(
        &mut self,
        replicas: Replicas,
        context: &mut StepContext<'_, B>,
    ) -> Result<Values, TrainError> {
        let _ = (replicas, context);
        Ok(Vec::new())
    }

    /// Evaluates a batch of validation clips; `first` is the index of its first clip.
    ///
    /// # Errors
    /// The errors of forward passes.
    fn evaluate(
        &self,
        model: &<Self::Model as AutodiffModule<B>>::InnerModule,
        batch: &LabeledClips,
        first: u64,
        context: &mut StepContext<'_, B>,
        accumulator: &mut Self::Accumulator,
    ) -> Result<(), TrainError>;

    /// Computes the metrics over the evaluated batches of all processes.
    ///
    /// # Errors
    /// The errors of other processes.
    fn finish(
        &self,
        accumulator: Self::Accumulator,
        peers: &mut dyn Processes,
    ) -> Result<Values, TrainError>;

    /// Returns the state of other networks as entries of a training checkpoint.
    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }

    /// Returns the step counts of the optimizers in [`entries`](Self::entries).
    fn steps(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Restores the values of [`entries`](Self::entries) and [`steps`](Self::steps).
    ///
    /// # Errors
    /// [`TrainError::Model`] for an incomplete file.
    fn restore(
        &mut self,
        steps: &[u64],
        reader: &mut ArchiveReader<'_>,
        device: &B::Device,
    ) -> Result<(), TrainError> {
        let _ = (steps, reader, device);
        Ok(())
    }
}

/// Computes the gradients of a batch with gradient accumulation. `loss` computes the loss of a
/// range of clips; the parts must add up to the mean over the batches of all processes. The caller
/// adds the gradients of the other processes.
///
/// The caller must hold the guard of [`recording`](crate::gradients::recording).
fn gradients<B: AutodiffBackend, M: AutodiffModule<B>>(
    model: &M,
    clips: usize,
    context: &mut StepContext<'_, B>,
    mut loss: impl FnMut(&M, Range<usize>) -> Result<Tensor<B, 1>, TrainError>,
) -> Result<Gradients<B::InnerBackend>, TrainError> {
    let in_half = context.precision.map(|dtype| cast::<B, _>(model.clone(), dtype));
    let running = in_half.as_ref().unwrap_or(model);
    let mut sum: Option<Gradients<B::InnerBackend>> = None;
    for part in parts(clips, context.micro_batch) {
        let loss = loss(running, part)? * (context.loss_scale * context.replica.weight);
        let part_gradients = Gradients::take::<B, _>(loss.backward(), model);
        match &mut sum {
            Some(sum) => sum.add(part_gradients),
            none => *none = Some(part_gradients),
        }
    }
    let mut gradients = sum.unwrap_or(Gradients(Vec::new()));
    if context.loss_scale != 1.0 {
        gradients.scale(1.0 / context.loss_scale);
    }
    Ok(gradients)
}

/// Returns ranges of at most `micro_batch` clips that cover `count` clips.
fn parts(count: usize, micro_batch: usize) -> impl Iterator<Item = Range<usize>> {
    let size = micro_batch.max(1);
    (0..count).step_by(size).map(move |start| start..(start + size).min(count))
}

/// Converts clips to tensors.
fn tensors<B: Backend>(
    clips: &[Clip],
    spec: &ClipSpec,
    device: &B::Device,
) -> (Tensor<B, 3>, Tensor<B, 5>) {
    let batch = batcher::batch::<B>(clips, spec, device);
    (batch.audio, batch.video)
}

/// Returns the value of a tensor with one element.
fn scalar<B: Backend>(tensor: Tensor<B, 1>) -> f64 {
    tensor.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

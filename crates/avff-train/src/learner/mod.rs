//! What the stages differ in: how a batch becomes gradients, and how a network is judged.
//!
//! The loop around them ([`trainer`](crate::trainer)) is one. A [`Learner`] gets a whole batch and
//! computes it in parts as large as memory allows; the gradients of the parts add up to those of the
//! batch.
//!
//! - [`pretrain`]: stages 1 and 2
//! - [`finetune`]: stage 3
//! - [`adversarial`]: discriminators of the reconstructions, an option of pre-training
//! - `labels`: targets, smoothing and mixup
//! - `step_rng`: the random numbers of a step, from seed and step alone

pub mod adversarial;
pub mod finetune;
mod labels;
pub mod pretrain;
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
};
use crate::{distributed::Processes, error::TrainError, gradients::Gradients};

/// Named numbers, in the order in which they are shown.
pub type Values = Vec<(&'static str, f64)>;

/// A batch as the loader hands it over: this process's clips.
#[derive(Debug)]
pub struct LabelledClips {
    /// The clips.
    pub clips: Vec<Clip>,
    /// Their labels, 1 for fake; empty where none are needed.
    pub targets: Vec<f32>,
}

/// What a step depends on besides network and clips.
pub struct StepContext<'a, B: AutodiffBackend> {
    /// The run's seed.
    pub seed: u64,
    /// Steps before this one.
    pub step: u64,
    /// The most clips in one pass.
    pub micro_batch: usize,
    /// What passes are computed in; `None` for f32.
    pub precision: Option<FloatDType>,
    /// What the loss is multiplied by before gradients are taken; they are divided by it again.
    pub loss_scale: f64,
    /// Sizes of the clips.
    pub spec: &'a ClipSpec,
    /// Where tensors go.
    pub device: &'a B::Device,
    /// The other processes.
    pub peers: &'a mut dyn Processes,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Step<B: Backend> {
    /// Of the mean loss over all clips of all processes' batches, unscaled.
    pub gradients: Gradients<B>,
    /// Losses and the like; the first one is what is minimised.
    pub values: Values,
}

/// A stage of training.
pub trait Learner<B: AutodiffBackend> {
    /// The network.
    type Model: AutodiffModule<B>;
    /// What judging adds up over batches.
    type Accumulator: Default;

    /// Which checkpoint the network is.
    const KIND: Kind;
    /// Whether clips need labels.
    const LABELLED: bool;

    /// The gradients of a batch.
    ///
    /// # Errors
    /// What passes or other processes report.
    fn step(
        &mut self,
        model: &Self::Model,
        batch: &LabelledClips,
        context: &mut StepContext<'_, B>,
    ) -> Result<Step<B::InnerBackend>, TrainError>;

    /// To be called once the network took the step: what else learns along.
    ///
    /// # Errors
    /// What other processes report.
    fn after_step(&mut self, context: &mut StepContext<'_, B>) -> Result<Values, TrainError> {
        let _ = context;
        Ok(Vec::new())
    }

    /// Judges a batch of validation clips, whose first one has number `first`.
    ///
    /// # Errors
    /// What passes report.
    fn judge(
        &self,
        model: &<Self::Model as AutodiffModule<B>>::InnerModule,
        batch: &LabelledClips,
        first: u64,
        context: &mut StepContext<'_, B>,
        accumulator: &mut Self::Accumulator,
    ) -> Result<(), TrainError>;

    /// The numbers of all judged batches, of every process.
    ///
    /// # Errors
    /// What other processes report.
    fn finish(
        &self,
        accumulator: Self::Accumulator,
        peers: &mut dyn Processes,
    ) -> Result<Values, TrainError>;

    /// What else learns along, for a file.
    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }

    /// Steps that the optimizers of [`entries`](Self::entries) took.
    fn steps(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Reads back what [`entries`](Self::entries) and [`steps`](Self::steps) gave.
    ///
    /// # Errors
    /// [`TrainError::Model`] for a file that lacks something.
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

/// The gradients of a batch, of which `loss` gives the part of some of its clips, by their place: the parts add up
/// to the batch's mean over all processes.
///
/// To be called while [`recording`](crate::gradients::recording).
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
        let loss = loss(running, part)? * context.loss_scale;
        let found = Gradients::take::<B, _>(loss.backward(), model);
        match &mut sum {
            Some(sum) => sum.add(found),
            none => *none = Some(found),
        }
    }
    let mut gradients = sum.unwrap_or(Gradients(Vec::new()));
    gradients.sum_over(context.peers)?;
    if context.loss_scale != 1.0 {
        gradients.scale(1.0 / context.loss_scale);
    }
    Ok(gradients)
}

/// Ranges of at most `micro_batch` clips that cover `count`.
fn parts(count: usize, micro_batch: usize) -> impl Iterator<Item = Range<usize>> {
    let size = micro_batch.max(1);
    (0..count).step_by(size).map(move |start| start..(start + size).min(count))
}

/// Clips as tensors.
fn tensors<B: Backend>(
    clips: &[Clip],
    spec: &ClipSpec,
    device: &B::Device,
) -> (Tensor<B, 3>, Tensor<B, 5>) {
    let batch = batcher::batch::<B>(clips, spec, device);
    (batch.audio, batch.video)
}

/// The one number of a tensor.
fn scalar<B: Backend>(tensor: Tensor<B, 1>) -> f64 {
    tensor.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

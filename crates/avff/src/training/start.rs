//! The network at the start of a run.

use std::path::Path;

use avff_model::{Checkpoint, Classifier, Init, Pretrain};
use avff_train::recipe::Start;
use burn::tensor::backend::Backend;

use super::{Planned, TrainingError, kind};

/// Stages 1 and 2.
pub(super) fn pretrain<B: Backend>(
    plan: &Planned,
    device: &B::Device,
) -> Result<Pretrain<B>, TrainingError> {
    match from(plan) {
        Start::Scratch => Ok(Pretrain::new(&plan.network, &mut seeded(plan), device)?),
        Start::Checkpoint { path } | Start::Adapt { path } => {
            Ok(open(plan, path)?.pretrain(&plan.network, device)?)
        }
    }
}

/// Stage 3.
pub(super) fn classifier<B: Backend>(
    plan: &Planned,
    device: &B::Device,
) -> Result<Classifier<B>, TrainingError> {
    match from(plan) {
        Start::Scratch => Ok(Classifier::new(&plan.network, &mut seeded(plan), device)?),
        Start::Checkpoint { path } => Ok(open(plan, path)?.classifier(&plan.network, device)?),
        Start::Adapt { path } => {
            Ok(Checkpoint::open(path)?.adapt(&plan.network, plan.recipe.seed, device)?)
        }
    }
}

/// A run that goes on needs values of the right shapes alone: its state has the weights.
fn from(plan: &Planned) -> &Start {
    if plan.goes_on { &Start::Scratch } else { &plan.recipe.start }
}

fn seeded(plan: &Planned) -> Init {
    Init::seeded(plan.recipe.seed)
}

fn open(plan: &Planned, path: &Path) -> Result<Checkpoint, TrainingError> {
    let checkpoint = Checkpoint::open(path)?;
    checkpoint.require(kind(plan.recipe.stage))?;
    Ok(checkpoint)
}

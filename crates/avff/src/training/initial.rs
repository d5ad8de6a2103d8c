//! The weights that a run starts with.

use std::path::Path;

use avff_model::{
    AvffConfig, Checkpoint, Classifier, Init, ModelError, Pretrain, checkpoint::Kind,
};
use avff_train::recipe::Initialization;
use burn::tensor::backend::Backend;

use super::{Planned, TrainingError, kind, network_diff};
use crate::checkpoint::inherited_note;

/// A network with its initial weights.
pub(super) struct Initial<M> {
    pub(super) model: M,
    /// The note that the run's weights inherit.
    pub(super) note: Option<String>,
}

/// Stages 1 and 2.
pub(super) fn pretrain<B: Backend>(
    plan: &Planned,
    device: &B::Device,
) -> Result<Initial<Pretrain<B>>, TrainingError> {
    let network = &plan.network;
    match from(plan) {
        Initialization::Scratch => {
            Ok(Initial { model: Pretrain::new(network, &mut seeded(plan), device)?, note: None })
        }
        Initialization::Checkpoint { path } | Initialization::Adapt { path } => {
            load(plan, path, "checkpoint", kind(plan.recipe.stage), |checkpoint| {
                checkpoint.pretrain(network, device)
            })
        }
    }
}

/// Stage 3.
pub(super) fn classifier<B: Backend>(
    plan: &Planned,
    device: &B::Device,
) -> Result<Initial<Classifier<B>>, TrainingError> {
    let network = &plan.network;
    match from(plan) {
        Initialization::Scratch => {
            Ok(Initial { model: Classifier::new(network, &mut seeded(plan), device)?, note: None })
        }
        Initialization::Checkpoint { path } => {
            load(plan, path, "checkpoint", kind(plan.recipe.stage), |checkpoint| {
                checkpoint.classifier(network, device)
            })
        }
        Initialization::Adapt { path } => load(plan, path, "adapt", Kind::Pretrain, |checkpoint| {
            checkpoint.adapt(network, plan.recipe.seed, device)
        }),
    }
}

/// A resumed run loads its weights from its training checkpoint later, so any weights of the right shapes do here.
fn from(plan: &Planned) -> &Initialization {
    if plan.resumed { &Initialization::Scratch } else { &plan.recipe.initialize }
}

fn seeded(plan: &Planned) -> Init {
    Init::seeded(plan.recipe.seed)
}

/// Loads a network from the checkpoint at `path`, which must hold a model of kind `expected`.
fn load<M>(
    plan: &Planned,
    path: &Path,
    from: &'static str,
    expected: Kind,
    load: impl FnOnce(&Checkpoint) -> Result<M, ModelError>,
) -> Result<Initial<M>, TrainingError> {
    let checkpoint = Checkpoint::open(path)?;
    let actual = checkpoint.kind();
    if actual != expected {
        return Err(TrainingError::InitializationKind {
            path: path.into(),
            from,
            actual,
            expected,
            stage: plan.recipe.stage,
        });
    }
    let model = load(&checkpoint).map_err(|error| explained(error, &checkpoint, plan))?;
    Ok(Initial { model, note: inherited_note(&checkpoint) })
}

/// Replaces a list of keys that do not match by the settings in which the networks differ.
fn explained(error: ModelError, checkpoint: &Checkpoint, plan: &Planned) -> TrainingError {
    let stored: Option<AvffConfig> = match &error {
        ModelError::Keys { .. } => checkpoint.config(None).ok(),
        _ => None,
    };
    let needed = kind(plan.recipe.stage);
    match stored.and_then(|stored| network_diff::describe(&stored, &plan.network, needed)) {
        Some(differences) => {
            TrainingError::OtherNetwork { path: checkpoint.path().into(), differences }
        }
        None => error.into(),
    }
}

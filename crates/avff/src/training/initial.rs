//! The weights that a run starts with.

use std::path::Path;

use avff_model::{
    AvffConfig, Checkpoint, Classifier, Init, ModelError, Pretrain,
    checkpoint::{Kind, Matched, MatchingWeights},
};
use avff_train::{Recipe, recipe::Initialization};
use burn::{module::Module, tensor::backend::Backend};

use super::{Planned, TrainingError, kind, network_diff};
use crate::checkpoint::{inherited, inherited_note};

/// A network with its initial weights.
pub(super) struct Initial<M> {
    pub(super) model: M,
    /// The note that the run's weights inherit.
    pub(super) note: Option<String>,
    /// The keys, for weights that are taken where they match.
    pub(super) matched: Option<Matched>,
}

impl<M> Initial<M> {
    fn random(model: M) -> Self {
        Self { model, note: None, matched: None }
    }
}

/// Stages 1 and 2.
pub(super) fn pretrain<B: Backend>(
    plan: &Planned,
    device: &B::Device,
) -> Result<Initial<Pretrain<B>>, TrainingError> {
    let network = &plan.network;
    match from(plan) {
        Initialization::Scratch => {
            Ok(Initial::random(Pretrain::new(network, &mut seeded(plan), device)?))
        }
        Initialization::Matching { path } => {
            matching::<B, _>(path, Pretrain::new(network, &mut seeded(plan), device)?)
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
            Ok(Initial::random(Classifier::new(network, &mut seeded(plan), device)?))
        }
        Initialization::Matching { path } => {
            matching::<B, _>(path, Classifier::new(network, &mut seeded(plan), device)?)
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
    Ok(Initial { model, note: inherited_note(&checkpoint), matched: None })
}

/// Takes the weights of the file at `path` that match `model`, which has its random weights.
fn matching<B: Backend, M: Module<B>>(path: &Path, model: M) -> Result<Initial<M>, TrainingError> {
    let weights = MatchingWeights::open(path)?;
    let (model, matched) = weights.load_into(model)?;
    Ok(Initial { model, note: weights.note().map(inherited), matched: Some(matched) })
}

/// Logs which weights match and which do not.
pub(super) fn log(matched: &Matched, recipe: &Recipe) {
    let Matched { loaded, left } = matched;
    let path = recipe.initialize.path().unwrap_or(Path::new("")).display();
    let random = left.missing.len() + left.misshapen.len() + left.not_float.len();
    tracing::info!(
        "{path}: {} of {} weights match the network; run.json lists all keys",
        loaded.len(),
        loaded.len() + random
    );
    if !left.is_empty() {
        tracing::warn!("{path}: weights that do not match are random: {left}");
    }
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

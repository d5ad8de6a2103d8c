//! Tests that replicas are computed alike by any number of processes, and what they mean.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "support/clips.rs"]
mod clips;
#[path = "support/threads.rs"]
mod threads;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use avff_data::loader::{Cut, Loader, LoaderConfig, Order};
use avff_model::{Classifier, Init, Pretrain};
use avff_train::{
    Recipe, TrainError,
    distributed::{Processes, Replicas},
    learner::{Finetune, Learner, PretrainLearner},
    trainer::{CheckpointStore, Identity, Observer, Outcome, Parts, StepReport, Trainer},
};
use burn::backend::Autodiff;
use burn_flex::Flex;
use clips::{NETWORK, SyntheticReader, dataset};
use threads::in_threads;

type B = Autodiff<Flex>;

/// Everything that has a state or mixes clips: masks, contrast, discriminators, mixup, dropout,
/// averages, augmentation.
fn recipe(stage: &str, more: &str) -> Recipe {
    let text = format!(
        r#"
name = "small"
stage = "{stage}"
seed = 9
epochs = 10
{NETWORK}
fusion_attention = "batch"
mask = "per-batch"
[data]
train = "train.csv"
validation = "val.csv"
batch = 16
workers = 1
augment.noise = {{ level = 0.1, roll = true }}
[optimizer]
lr = 1e-3
weight_decay = 1e-4
[schedule]
kind = "multi-step"
milestones = [4]
gamma = 0.5
[average]
ema = 0.9
{more}
"#
    );
    Recipe::parse(&text, Path::new("recipe.toml"), &[]).unwrap()
}

fn parts<L: Learner<B>>(
    recipe: &Recipe,
    folder: &Path,
    peers: Box<dyn Processes>,
    learner: L,
    model: L::Model,
) -> Parts<B, L> {
    let network = recipe.config().unwrap();
    let spec = recipe.clip_spec(&network).unwrap();
    let reader = Arc::new(SyntheticReader(spec.clone()));
    let replicas = Replicas::new(recipe.steps.replicas.unwrap(), &*peers);
    let cut = Cut { parts: replicas.count(), own: replicas.own() };
    let names = |from: usize, count: usize| -> Vec<String> {
        (from..from + count).map(|clip| format!("c{clip}")).collect()
    };
    let load = |names: Vec<String>, config: LoaderConfig| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let config = LoaderConfig { workers: 1, cut: cut.clone(), ..config };
        Loader::new(dataset(&names), reader.clone(), config).unwrap()
    };
    let training = LoaderConfig {
        order: Order::Shuffled,
        augment: recipe.data.augment.clone(),
        ..LoaderConfig::training(recipe.data.batch, recipe.seed)
    };
    Parts {
        identity: Identity {
            recipe: recipe.clone(),
            manifests: vec![("train".into(), "1234".into())],
            version: "0.0.0".into(),
            device: "cpu".into(),
            world: peers.world(),
        },
        learner,
        model,
        network,
        spec: spec.clone(),
        // Two batches and a rest in an epoch.
        train: load(names(0, 37), training),
        validation: Some(load(names(50, 19), LoaderConfig::validation(16))),
        checkpoints: CheckpointStore::new(folder, recipe.keep.last),
        device: Default::default(),
        peers,
        note: None,
    }
}

/// More steps than a run has: 10 epochs of two batches.
const WHOLE: u64 = u64::MAX;

/// Stops a run after some steps.
struct StopAfter<'a>(u64, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        assert_eq!(report.clips, 16);
        self.1.store(report.step >= self.0, Ordering::Relaxed);
        Ok(())
    }
}

/// Trains with `world` processes until `until` steps, from the training checkpoint in `folder` if
/// there is one. All processes share the folder, as on one machine.
fn train(stage: &str, more: &str, world: usize, until: u64, folder: &Path) {
    let recipe = recipe(stage, more);
    let network = recipe.config().unwrap();
    let device = Default::default();
    in_threads(world, |peers| match stage {
        "pretrain" => {
            let adversarial = recipe.adversarial.as_ref();
            let learner =
                PretrainLearner::new(&network, adversarial, recipe.seed, &device).unwrap();
            let model = Pretrain::new(&network, &mut Init::seeded(2), &device).unwrap();
            run(parts(&recipe, folder, peers, learner, model), until);
        }
        _ => {
            let learner = Finetune::new(recipe.finetune.clone().unwrap_or_default(), &network);
            let model = Classifier::new(&network, &mut Init::seeded(2), &device).unwrap();
            run(parts(&recipe, folder, peers, learner, model), until);
        }
    });
}

fn run<L: Learner<B>>(parts: Parts<B, L>, until: u64) {
    let mut trainer = Trainer::new(parts).unwrap();
    trainer.resume().unwrap();
    let stop = AtomicBool::new(false);
    let outcome = trainer.run(&mut StopAfter(until, &stop), &stop).unwrap();
    assert_eq!(outcome, if until == WHOLE { Outcome::Done } else { Outcome::Stopped });
}

/// The bytes of the weights and of their moving average.
fn weights(folder: &Path) -> [Vec<u8>; 2] {
    ["last", "ema"].map(|name| fs::read(folder.join(format!("{name}.safetensors"))).unwrap())
}

/// Trains 20 steps in several ways and compares all weights with those of a single process.
fn any_processes_end_with_the_same_bits(stage: &str, more: &str, steps: &str) {
    let folders: Vec<_> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let whole = format!("{more}\n[steps]\nreplicas = 8\n{steps}");
    let cut = format!("{whole}\nmicro_batch = 2");
    train(stage, &whole, 1, WHOLE, folders[0].path());
    train(stage, &whole, 4, WHOLE, folders[1].path());
    // Three processes have two or three replicas, which are no node of the tree.
    train(stage, &whole, 3, WHOLE, folders[2].path());
    // A replica has two clips, so each fits into one part of the accumulation.
    train(stage, &cut, 1, WHOLE, folders[3].path());
    // In the middle of an epoch, and on with fewer processes.
    train(stage, &whole, 4, 9, folders[4].path());
    train(stage, &whole, 2, WHOLE, folders[4].path());
    let expected = weights(folders[0].path());
    for (folder, how) in folders.iter().zip(["1", "4", "3", "accumulated", "resumed"]).skip(1) {
        assert!(weights(folder.path()) == expected, "{stage}: {how}");
    }
}

#[test]
fn pretraining_in_replicas_is_the_same_for_any_number_of_processes() {
    let more = "[adversarial]\nweight = 0.1";
    any_processes_end_with_the_same_bits("pretrain", more, "replica_loss = \"sum\"");
}

#[test]
fn finetuning_in_replicas_is_the_same_for_any_number_of_processes() {
    any_processes_end_with_the_same_bits("finetune", "[finetune]\nmixup = 0.4", "clip_norm = 1.0");
}

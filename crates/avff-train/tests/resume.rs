//! Tests that interrupted and resumed runs end with bit-identical weights.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "support/clips.rs"]
mod clips;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use avff_data::{
    ClipError, DataError,
    loader::{LastBatch, Loader, LoaderConfig},
};
use avff_media::MediaError;
use avff_model::{AvffConfig, Checkpoint, Classifier, Init, Pretrain, checkpoint::Kind};
use avff_train::{
    Recipe, TrainError,
    distributed::SingleProcess,
    learner::{Finetune, Learner, PretrainLearner},
    trainer::{
        CheckpointStore, EpochReport, Identity, NoObserver, Observer, Outcome, Parts, StepReport,
        Trainer,
    },
};
use burn::backend::Autodiff;
use burn_flex::Flex;
use clips::{NETWORK, SyntheticReader, dataset};

type B = Autodiff<Flex>;

/// Returns a recipe that uses everything with a state: moving average, plateau, order,
/// augmentation, discriminators.
fn recipe(stage: &str, more: &str) -> Recipe {
    let text = format!(
        r#"
name = "small"
stage = "{stage}"
seed = 9
epochs = 3
{NETWORK}
[data]
train = "train.csv"
validation = "val.csv"
batch = 4
workers = 2
augment.noise = {{ level = 0.1, roll = true }}
augment.flip = {{ probability = 0.5 }}
[optimizer]
lr = 1e-3
weight_decay = 1e-4
[schedule]
kind = "plateau"
patience = 0
factor = 0.5
[average]
ema = 0.9
epochs = [2, 3]
[steps]
micro_batch = 2
clip_norm = 1.0
{more}
"#
    );
    Recipe::parse(&text, Path::new("recipe.toml"), &[]).unwrap()
}

/// Settings that differ between runs.
#[derive(Clone, Copy)]
struct Setup<'a> {
    recipe: &'a Recipe,
    folder: &'a Path,
    train: &'a [&'a str],
}

const CLIPS: [&str; 13] =
    ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12"];

fn parts<L: Learner<B>>(
    of: &Setup<'_>,
    learner: impl FnOnce(&AvffConfig) -> L,
    model: impl FnOnce(&AvffConfig) -> L::Model,
) -> Parts<B, L> {
    let network = of.recipe.config().unwrap();
    let spec = of.recipe.clip_spec(&network).unwrap();
    let reader = Arc::new(SyntheticReader(spec.clone()));
    let data = &of.recipe.data;
    let training = LoaderConfig {
        augment: data.augment.clone(),
        workers: 2,
        unreadable: data.unreadable,
        ..LoaderConfig::training(data.batch, of.recipe.seed)
    };
    assert_eq!(training.last, LastBatch::Drop);
    let train = Loader::new(dataset(of.train), reader.clone(), training).unwrap();
    // One clip more than whole batches hold, so that none may be dropped.
    let validation = LoaderConfig { workers: 1, ..LoaderConfig::validation(4) };
    let names = ["c20", "c21", "c22", "c23", "c24", "c25", "c26"];
    let validation = Loader::new(dataset(&names), reader, validation).unwrap();
    Parts {
        identity: Identity {
            recipe: of.recipe.clone(),
            manifests: vec![("train".into(), "1234".into())],
            version: "0.0.0".into(),
            device: "cpu".into(),
            world: 1,
        },
        learner: learner(&network),
        model: model(&network),
        network,
        spec,
        train,
        validation: Some(validation),
        checkpoints: CheckpointStore::new(of.folder, of.recipe.keep.last),
        device: Default::default(),
        peers: Box::new(SingleProcess),
        note: None,
    }
}

fn pretrain(of: &Setup<'_>) -> Trainer<B, PretrainLearner<B>> {
    let recipe = of.recipe;
    let device = Default::default();
    let learner = |config: &AvffConfig| {
        PretrainLearner::new(config, recipe.adversarial.as_ref(), recipe.seed, &device).unwrap()
    };
    let model = |config: &AvffConfig| Pretrain::new(config, &mut Init::seeded(2), &device).unwrap();
    Trainer::new(parts(of, learner, model)).unwrap()
}

fn finetune(of: &Setup<'_>) -> Trainer<B, Finetune> {
    let recipe = of.recipe;
    let learner =
        |config: &AvffConfig| Finetune::new(recipe.finetune.clone().unwrap_or_default(), config);
    let model = |config: &AvffConfig| {
        Classifier::new(config, &mut Init::seeded(2), &Default::default()).unwrap()
    };
    Trainer::new(parts(of, learner, model)).unwrap()
}

/// Stops the run after a number of steps.
struct StopAfter<'a>(u64, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        if report.step == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Returns the files of a finished run.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

/// Runs in pieces of two steps each, with a new trainer for every piece.
fn in_pieces<L: Learner<B>>(make: impl Fn() -> Trainer<B, L>) {
    for piece in 1.. {
        let stop = AtomicBool::new(false);
        let mut trainer = make();
        assert_eq!(trainer.resume().unwrap(), piece > 1);
        let after = trainer.progress().step + 2;
        match trainer.run(&mut StopAfter(after, &stop), &stop).unwrap() {
            Outcome::Stopped => assert_eq!(trainer.progress().step, after),
            Outcome::Done => return assert!(piece > 3, "the run was not interrupted"),
        }
        assert!(piece < 20, "the run never ends");
    }
}

fn whole<L: Learner<B>>(mut trainer: Trainer<B, L>) {
    assert_eq!(trainer.run(&mut NoObserver, &AtomicBool::new(false)).unwrap(), Outcome::Done);
}

#[test]
fn resumed_pretraining_with_discriminators_is_bit_identical() {
    let recipe = recipe("pretrain", "[adversarial]\nweight = 0.1\n[keep]\neach_epoch = true");
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    whole(pretrain(&Setup { recipe: &recipe, folder: one.path(), train: &CLIPS }));
    in_pieces(|| pretrain(&Setup { recipe: &recipe, folder: other.path(), train: &CLIPS }));
    let (one, other) = (files(one.path()), files(other.path()));
    // 13 clips give three full batches per epoch: nine steps.
    let expected = [
        "best.safetensors",
        "ema.safetensors",
        "epoch-001.safetensors",
        "epoch-002.safetensors",
        "epoch-003.safetensors",
        "last.safetensors",
        "mean.safetensors",
        "state-00000006.safetensors",
        "state-00000009.safetensors",
    ];
    assert_eq!(names(&one), expected);
    for file in &one {
        // The pieces left other training checkpoints behind; files that both runs have are equal.
        if let Some(same) = other.iter().find(|(name, _)| *name == file.0) {
            assert!(same.1 == file.1, "{} differs", file.0);
        } else {
            assert_eq!(file.0, "state-00000006.safetensors");
        }
    }
}

/// A stopped run leaves its weights and its note, and the resumed run keeps the note.
#[test]
fn stopped_run_has_its_current_weights() {
    let recipe = recipe("finetune", "");
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS };
    let read = |name: &str| {
        let checkpoint = Checkpoint::open(folder.path().join(name)).unwrap();
        let extra = checkpoint.metadata().unwrap().extra.clone();
        (extra["run"]["step"].as_u64(), extra.get("note").cloned())
    };
    let network = recipe.config().unwrap();
    let learner = Finetune::new(Default::default(), &network);
    let model = Classifier::new(&network, &mut Init::seeded(2), &Default::default()).unwrap();
    let noted = Parts { note: Some("beware".into()), ..parts(&setup, |_| learner, |_| model) };
    let stop = AtomicBool::new(false);
    let outcome = Trainer::<B, _>::new(noted).unwrap().run(&mut StopAfter(2, &stop), &stop);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert_eq!(read("last.safetensors"), (Some(2), Some("beware".into())));
    let mut resumed = finetune(&setup);
    assert!(resumed.resume().unwrap());
    whole(resumed);
    assert_eq!(read("last.safetensors"), (Some(9), Some("beware".into())));
    assert_eq!(read("best.safetensors").1, Some("beware".into()));
}

/// During validation, stops the run or fails; counts steps.
struct InValidation<'a> {
    stop: &'a AtomicBool,
    fails: bool,
    steps: u64,
}

impl Observer for InValidation<'_> {
    fn step(&mut self, _: &StepReport) -> Result<(), TrainError> {
        self.steps += 1;
        Ok(())
    }

    fn validated(&mut self, _: u64) -> Result<(), TrainError> {
        if self.fails {
            return Err(TrainError::Data(DataError::from(MediaError::Empty)));
        }
        self.stop.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// An epoch is saved before its validation, and no step is repeated.
#[test]
fn interrupted_validation_repeats_no_step() {
    let recipe = recipe("finetune", "");
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    whole(finetune(&Setup { recipe: &recipe, folder: one.path(), train: &CLIPS }));
    let make = || finetune(&Setup { recipe: &recipe, folder: other.path(), train: &CLIPS });
    for (fails, from, steps) in [(false, 0, 3), (true, 3, 0)] {
        let stop = AtomicBool::new(false);
        let mut trainer = make();
        trainer.resume().unwrap();
        assert_eq!(trainer.progress().step, from);
        let mut observer = InValidation { stop: &stop, fails, steps: 0 };
        let outcome = trainer.run(&mut observer, &stop);
        assert_eq!(matches!(outcome, Ok(Outcome::Stopped)), !fails);
        assert_eq!((observer.steps, trainer.progress().step), (steps, 3));
    }
    let mut trainer = make();
    assert!(trainer.resume().unwrap());
    whole(trainer);
    assert!(files(one.path()) == files(other.path()));
}

#[test]
fn resumed_fine_tuning_is_bit_identical() {
    let recipe = recipe("finetune", "[finetune]\nlabel_smoothing = 0.1\nmixup = 0.4");
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    whole(finetune(&Setup { recipe: &recipe, folder: one.path(), train: &CLIPS }));
    in_pieces(|| finetune(&Setup { recipe: &recipe, folder: other.path(), train: &CLIPS }));
    let (one, other) = (files(one.path()), files(other.path()));
    for name in ["best", "last", "ema", "mean", "state-00000009"] {
        let of = |files: &[(String, Vec<u8>)]| {
            let file = files.iter().find(|(file, _)| *file == format!("{name}.safetensors"));
            file.unwrap().1.clone()
        };
        assert!(of(&one) == of(&other), "{name} differs");
    }
}

#[test]
fn weights_load_as_checkpoint() {
    let recipe = recipe("finetune", "");
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS };
    let mut trainer = finetune(&of);
    trainer.run(&mut NoObserver, &AtomicBool::new(false)).unwrap();
    let checkpoint = Checkpoint::open(folder.path().join("best.safetensors")).unwrap();
    assert_eq!(checkpoint.kind(), Kind::Classifier);
    let metadata = checkpoint.metadata().unwrap();
    assert!(metadata.trained);
    assert!(metadata.extra["run"]["validation"]["auc"].is_number(), "{:?}", metadata.extra);
    let config = checkpoint.config(None).unwrap();
    assert_eq!(config, recipe.config().unwrap());
    checkpoint.classifier::<Flex>(&config, &Default::default()).unwrap();
}

/// Collects the reports of epochs and of skipped clips.
#[derive(Default)]
struct Epochs(Vec<EpochReport>, Vec<String>);

impl Observer for Epochs {
    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        self.0.push(report.clone());
        Ok(())
    }

    fn clip_skipped(&mut self, error: &ClipError) -> Result<(), TrainError> {
        self.1.push(error.to_string());
        Ok(())
    }
}

#[test]
fn training_reduces_the_loss() {
    let mut recipe = recipe("pretrain", "");
    recipe.epochs = 6;
    recipe.data.augment = Default::default();
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS };
    let mut epochs = Epochs::default();
    pretrain(&of).run(&mut epochs, &AtomicBool::new(false)).unwrap();
    let total =
        |values: &[(String, f64)]| values.iter().find(|(name, _)| name == "loss").unwrap().1;
    let (first, last) = (&epochs.0[0], &epochs.0[5]);
    assert!(total(&last.train) < total(&first.train), "{first:?} {last:?}");
    assert!(total(&last.validation) < total(&first.validation));
    assert!(last.validation.iter().any(|(name, _)| name == "ema_loss"));
}

#[test]
fn checkpoint_of_another_run_is_refused() {
    let recipe = recipe("finetune", "");
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS };
    finetune(&of).run(&mut StopAfter(1, &stop), &stop).unwrap();
    let mut other = recipe.clone();
    other.optimizer.lr = 2e-3;
    let refused = finetune(&Setup { recipe: &other, ..of }).resume().unwrap_err().to_string();
    assert!(refused.contains("`lr = 0.001`, but now it has `lr = 0.002`"), "{refused}");
    // Length, checkpoint settings and reading threads may change.
    let mut longer = recipe.clone();
    (longer.epochs, longer.keep.each_epoch, longer.data.workers) = (5, true, Some(7));
    assert!(finetune(&Setup { recipe: &longer, ..of }).resume().unwrap());
}

#[test]
fn damaged_checkpoint_falls_back_to_previous() {
    let mut recipe = recipe("finetune", "");
    recipe.keep.every_steps = 1;
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS };
    let stop = AtomicBool::new(false);
    finetune(&of).run(&mut StopAfter(2, &stop), &stop).unwrap();
    let latest = folder.path().join("state-00000002.safetensors");
    let bytes = fs::read(&latest).unwrap();
    fs::write(&latest, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(folder.path().join(".state-00000003.safetensors.77.tmp"), "half").unwrap();
    let mut trainer = finetune(&of);
    assert!(trainer.resume().unwrap());
    assert_eq!(trainer.progress().step, 1);
    trainer.run(&mut NoObserver, &AtomicBool::new(false)).unwrap();
    assert!(!names(&files(folder.path())).iter().any(|name| name.ends_with("tmp")));
}

#[test]
fn nonfinite_clip_is_named_or_skipped() {
    let clips = ["c0", "loud1", "c2", "c3"];
    let mut recipe = recipe("finetune", "");
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &clips };
    let error = finetune(&of).run(&mut NoObserver, &AtomicBool::new(false)).unwrap_err();
    let TrainError::NonFinite { step: 1, clips: named, .. } = &error else { panic!("{error}") };
    assert!(named.contains(&"loud1".to_owned()), "{error}");

    recipe.steps.non_finite = avff_train::recipe::NonFinite::Skip;
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &clips };
    let mut epochs = Epochs::default();
    finetune(&of).run(&mut epochs, &AtomicBool::new(false)).unwrap();
    assert_eq!(epochs.0.last().unwrap().skipped, 3, "one step per epoch, each with the bad clip");
}

#[test]
fn clips_mixed_with_nonfinite_clip_are_named() {
    let clips = ["c0", "loud1", "c2", "c3"];
    let mut recipe = recipe("finetune", "");
    let replace = "data.augment.mix={none=0.0, concat=0.0, replace=1.0}".to_owned();
    recipe = Recipe::parse(&recipe.to_toml().unwrap(), Path::new("r.toml"), &[replace]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &clips };
    let error = finetune(&of).run(&mut NoObserver, &AtomicBool::new(false)).unwrap_err();
    let TrainError::NonFinite { clips: named, .. } = &error else { panic!("{error}") };
    assert!(named.contains(&"loud1".to_owned()), "{error}");
}

/// Returns the tensors of a file whose keys start with a prefix.
fn tensors(path: &Path, prefix: &str) -> Vec<(String, Vec<f32>)> {
    let checkpoint = Checkpoint::open(path).unwrap();
    let config = checkpoint.config(None).unwrap();
    let model = checkpoint.classifier::<Flex>(&config, &Default::default()).unwrap();
    let keys = avff_train::params::list(&model).into_iter();
    keys.zip(avff_train::params::values(&model))
        .filter(|(parameter, _)| parameter.key.starts_with(prefix))
        .map(|(parameter, values)| (parameter.key, values.into_data().iter().collect()))
        .collect()
}

#[test]
fn frozen_weights_stay_fixed() {
    let mut recipe = recipe("finetune", "[keep]\neach_epoch = true");
    recipe.steps.freeze = vec!["audio_encoder.".into(), "a2v.mlp".into()];
    let folder = tempfile::tempdir().unwrap();
    whole(finetune(&Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS }));
    let at = |epoch: u64, prefix: &str| {
        tensors(&folder.path().join(format!("epoch-{epoch:03}.safetensors")), prefix)
    };
    for frozen in ["audio_encoder.", "a2v.mlp"] {
        assert!(!at(1, frozen).is_empty() && at(1, frozen) == at(3, frozen), "{frozen}");
    }
    for free in ["visual_encoder.blocks", "a2v.transformer", "mlp_head."] {
        assert!(at(1, free) != at(3, free), "{free}");
    }
}

#[test]
fn half_precision_matches_full_precision() {
    use avff_train::recipe::Precision;
    let losses = |precision: Precision, stage: &str| -> Vec<f64> {
        let mut recipe = recipe(stage, "");
        recipe.steps.precision = precision;
        recipe.data.augment = Default::default();
        let folder = tempfile::tempdir().unwrap();
        let of = Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS };
        let (mut epochs, stop) = (Epochs::default(), AtomicBool::new(false));
        let done = match stage {
            "pretrain" => pretrain(&of).run(&mut epochs, &stop),
            _ => finetune(&of).run(&mut epochs, &stop),
        };
        assert_eq!(done.unwrap(), Outcome::Done);
        epochs.0.iter().map(|epoch| epoch.train[0].1).collect()
    };
    for stage in ["pretrain", "finetune"] {
        let full = losses(Precision::F32, stage);
        for half in [Precision::F16, Precision::Bf16] {
            let losses_in_half = losses(half, stage);
            for (actual, full) in losses_in_half.iter().zip(&full) {
                assert!(
                    (actual - full).abs() < 2e-2 * full.abs(),
                    "{stage} {half:?}: {actual} {full}"
                );
            }
            assert_ne!(losses_in_half, full, "precision {half:?} had no effect");
        }
    }
}

#[test]
fn unreadable_clip_is_named_or_skipped() {
    let clips = ["c0", "bad1", "c2", "c3", "c4"];
    let mut recipe = recipe("finetune", "");
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &clips };
    let error = finetune(&of).run(&mut NoObserver, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, TrainError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("bad1"), "{error}");

    recipe.data.unreadable = avff_data::loader::Unreadable::Skip;
    let folder = tempfile::tempdir().unwrap();
    let of = Setup { recipe: &recipe, folder: folder.path(), train: &clips };
    let mut epochs = Epochs::default();
    finetune(&of).run(&mut epochs, &AtomicBool::new(false)).unwrap();
    assert_eq!(epochs.1.len(), 3, "once per epoch: {:?}", epochs.1);
}

/// Burn's autodiff loses gradients if several threads record at once, so only one thread at a time
/// computes a step.
#[test]
fn parallel_runs_are_independent() {
    let recipe = recipe("finetune", "[finetune]\nlabel_smoothing = 0.1\nmixup = 0.4");
    let run = || {
        let folder = tempfile::tempdir().unwrap();
        whole(finetune(&Setup { recipe: &recipe, folder: folder.path(), train: &CLIPS }));
        fs::read(folder.path().join("last.safetensors")).unwrap()
    };
    let alone = run();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            assert!(thread.join().unwrap() == alone, "the weights differ");
        }
    });
}

//! Training runs: a recipe, a folder and a device.

mod consistency;
mod data;
mod error;
mod initial;
mod network_diff;
mod preflight;
mod report;
mod shared_clips;
mod source;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use avff_data::{ClipError, ClipSpec, shards::ShardCoverage};
use avff_metrics::Metric;
use avff_model::{AvffConfig, checkpoint::Kind, precision};
use avff_train::{
    Recipe, TrainError,
    distributed::Processes,
    learner::{Finetune, Learner, PretrainLearner},
    recipe::{self, Stage},
    run::{
        About, BestBy, Position, RunError, RunFolder, RunLog, State,
        folder::{CHECKPOINTS, RECIPE, RUN},
    },
    trainer::{CheckpointStore, Identity, Observer, Outcome, Parts, Trainer},
};
use burn::{backend::Autodiff, tensor::backend::AutodiffBackend};

use self::{
    data::Clips,
    initial::Initial,
    report::{Reporter, name_of},
};
pub use self::{error::TrainingError, report::epoch_values};
use crate::{
    device::{Device, with_backend},
    hash, preprocessing,
};

/// Which run to train.
#[derive(Debug, Clone)]
pub enum TrainOptions {
    /// A new run.
    New {
        /// The path of the recipe.
        recipe: PathBuf,
        /// The run's folder. It must not exist, or it must be empty.
        folder: PathBuf,
    },
    /// An unfinished run.
    Resume {
        /// The run's folder.
        folder: PathBuf,
    },
}

/// A run that is ready to start. Everything that can be checked in advance is valid.
#[derive(Debug)]
pub struct Planned {
    /// The recipe with all overrides.
    pub recipe: Recipe,
    /// The network's config.
    pub network: AvffConfig,
    /// The clip spec: how clips are prepared.
    pub spec: ClipSpec,
    /// Hashes of the manifests and of the initial weights, by their role.
    pub hashes: BTreeMap<String, String>,
    /// What of a data set is in its shards, by role.
    pub coverage: BTreeMap<String, ShardCoverage>,
    device: Device,
    options: TrainOptions,
    /// Whether the run resumes from a training checkpoint.
    resumed: bool,
}

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trained {
    /// Whether all epochs are finished.
    pub outcome: Outcome,
    /// The number of training steps, including those before an interruption.
    pub steps: u64,
    /// The value and the epoch of the best validation.
    pub best: Option<(f64, u64)>,
    /// The number of different clips that were skipped because they could not be read.
    pub skipped_clips: u64,
}

/// Reads the recipe and all files that it names, except clips.
///
/// # Errors
/// Fails if the recipe is invalid, if a file does not exist, or if the device is not available.
pub fn plan(
    options: TrainOptions,
    overrides: &[String],
    device: Device,
) -> Result<Planned, TrainingError> {
    device.check()?;
    let recipe = match &options {
        TrainOptions::New { recipe, .. } => {
            Recipe::read(recipe, overrides).map_err(TrainError::Recipe)?
        }
        TrainOptions::Resume { folder } => {
            // Reads the folder without locking it. It is opened once everything else is valid.
            if !folder.join(RUN).is_file() {
                return Err(TrainError::Run(RunError::NotARun { path: folder.clone() }).into());
            }
            Recipe::read(folder.join(RECIPE), overrides).map_err(TrainError::Recipe)?
        }
    };
    let network = recipe.config().map_err(TrainError::Recipe)?;
    network.validate()?;
    let spec = recipe.clip_spec(&network).map_err(TrainError::Recipe)?;
    preprocessing::check(&spec, &network)?;
    let mut hashes = BTreeMap::new();
    let mut coverage = BTreeMap::new();
    let mut add_hash = |role: &str, key: &'static str, path: &Path| -> Result<(), TrainingError> {
        let (hash, of_shards) = source::identity(&recipe.data, path, key)?;
        hashes.insert(role.to_owned(), hash);
        if let Some(of_shards) = of_shards {
            coverage.insert(role.to_owned(), of_shards);
        }
        Ok(())
    };
    add_hash("train", "data.train", &recipe.data.train)?;
    if let Some(path) = &recipe.data.validation {
        add_hash("validation", "data.validation", path)?;
    }
    // A resumed run has its own weights, and the files of its initial weights may no longer exist. A run
    // that was stopped before its first training checkpoint starts again.
    let resumed = match &options {
        TrainOptions::New { .. } => false,
        TrainOptions::Resume { folder } => is_resumable(folder, recipe.keep.last)?,
    };
    let initializes =
        |set: &String| key(set) == "initialize" || key(set).starts_with("initialize.");
    if resumed && overrides.iter().any(initializes) {
        return Err(TrainingError::InitializationOfResumed);
    }
    if let Some(path) = recipe.initialize.path().filter(|_| !resumed) {
        let key = "initialize.path";
        let failed = |source| TrainingError::File { key, source: ClipError::new(path, source) };
        hashes.insert("start".to_owned(), hash::content(path).map_err(failed)?);
    }
    Ok(Planned { recipe, network, spec, hashes, coverage, device, options, resumed })
}

/// Returns whether a run has a training checkpoint.
///
/// # Errors
/// [`TrainingError::NoTrainingCheckpoint`] where it has weights alone, which a new start would replace.
fn is_resumable(folder: &Path, last: usize) -> Result<bool, TrainingError> {
    let store = CheckpointStore::new(&folder.join(CHECKPOINTS), last);
    if !store.list()?.is_empty() {
        return Ok(true);
    }
    match store.latest_weights() {
        Some(weights) => {
            Err(TrainingError::NoTrainingCheckpoint { folder: folder.into(), weights })
        }
        None => Ok(false),
    }
}

impl Planned {
    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match &self.options {
            TrainOptions::New { folder, .. } | TrainOptions::Resume { folder } => folder,
        }
    }

    /// The number of the CUDA device that the run uses; `None` for another kind of device.
    #[must_use]
    pub fn cuda_device(&self) -> Option<usize> {
        match self.device {
            Device::Cuda(number) => Some(number),
            _ => None,
        }
    }

    /// Trains until the run is finished or `stop` is set, and reports the progress to `watch`.
    ///
    /// # Errors
    /// Returns any error that ends the run early. The run's folder records it, and the run can be resumed.
    pub fn run(
        self,
        processes: Box<dyn Processes>,
        watch: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Trained, TrainingError> {
        let tf32 = self.recipe.steps.precision == recipe::Precision::Tf32;
        if tf32 && !matches!(self.device, Device::Cuda(_)) {
            let device = self.device.to_string();
            return Err(TrainError::Precision { precision: "tf32", device }.into());
        }
        let device = self.device;
        let run = || {
            with_backend!(self.device, |B, device| {
                if self.recipe.steps.precision == recipe::Precision::F32 {
                    self.device.expect_exact::<B>(&device)?;
                }
                self.run_on::<Autodiff<B>>(device, processes, watch, stop)
            })
        };
        device.guard(|| precision::with_tf32(tf32, run))
    }

    fn run_on<B: AutodiffBackend>(
        self,
        device: B::Device,
        processes: Box<dyn Processes>,
        watch: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Trained, TrainingError> {
        let recipe = &self.recipe;
        match recipe.stage {
            Stage::Pretrain => {
                let discriminators = recipe.adversarial.as_ref();
                let learner =
                    PretrainLearner::<B>::new(&self.network, discriminators, recipe.seed, &device)?;
                let initial = initial::pretrain::<B>(&self, &device)?;
                self.train::<B, _>(learner, initial, device, processes, watch, stop)
            }
            Stage::Finetune => {
                let config = recipe.finetune.clone().unwrap_or_default();
                let learner = Finetune::new(config, &self.network)
                    .validating(recipe.validation.fusion_attention);
                let initial = initial::classifier::<B>(&self, &device)?;
                self.train::<B, _>(learner, initial, device, processes, watch, stop)
            }
        }
    }

    fn train<B: AutodiffBackend, L: Learner<B>>(
        self,
        learner: L,
        Initial { model, note, matched }: Initial<L::Model>,
        device: B::Device,
        processes: Box<dyn Processes>,
        watch: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Trained, TrainingError> {
        let Clips { train, validation } = data::open(&self, L::LABELED, &*processes, watch, stop)?;
        let (rank, world) = (processes.rank(), processes.world());
        if rank == 0 {
            self.log_coverage();
        }
        let recipe = self.recipe.clone();
        let folder = self.folder().to_path_buf();
        let manifests = ["train", "validation"].iter().filter_map(|role| {
            self.hashes.get(*role).map(|hash| ((*role).to_owned(), hash.clone()))
        });
        let identity = Identity {
            recipe: recipe.clone(),
            manifests: manifests.collect(),
            version: env!("CARGO_PKG_VERSION").into(),
            // Processes use different devices of the same kind.
            device: match recipe.steps.replicas {
                None if world == 1 => self.device.to_string(),
                _ => self.device.kind().into(),
            },
            world,
        };
        let mut trainer = Trainer::new(Parts {
            identity: identity.clone(),
            network: self.network.clone(),
            spec: self.spec.clone(),
            learner,
            model,
            train,
            validation,
            checkpoints: CheckpointStore::new(&folder.join(CHECKPOINTS), recipe.keep.last),
            device,
            peers: processes,
            note,
        })?;
        consistency::check(trainer.peers(), &identity, &self.hashes, self.resumed.into())?;
        // The folder is created once the recipe is known to be valid. Only process 0 writes to it.
        if let Some(matched) = matched.as_ref().filter(|_| rank == 0) {
            initial::log(matched, &recipe);
        }
        let about = About { matched, ..self.about(&identity.device) };
        let run = if rank == 0 { Some(self.open_folder(about.clone())?) } else { None };
        if self.resumed {
            trainer.resume()?;
            let step = trainer.progress().step;
            consistency::check(trainer.peers(), &identity, &self.hashes, step)?;
            let (now, last) = (trainer.progress().loader, recipe.epochs);
            if now.epoch > last || (now.epoch == last && now.step > 0) {
                let path = folder.clone();
                let reason = format!(
                    "the run is in epoch {}, but the recipe ends after epoch {last}: increase `epochs`",
                    now.epoch + 1
                );
                return Err(TrainError::Checkpoint { path, reason }.into());
            }
        }
        let log = match run {
            Some(run) if matches!(self.options, TrainOptions::Resume { .. }) => {
                let progress = trainer.progress();
                let position = Position { step: progress.step, epochs: progress.loader.epoch };
                let toml = recipe.to_toml().map_err(TrainError::Recipe)?;
                // A run resumes only on the device of its training checkpoint, which older runs do not record. A run
                // without a training checkpoint starts again, possibly on another device and from other files.
                let now = if self.resumed {
                    let About { epochs, device, .. } = about;
                    About { epochs, device, ..run.info().about.clone() }
                } else {
                    about
                };
                let log = RunLog::resume(run, position, now, &toml);
                Some(log.map_err(TrainError::Run)?)
            }
            Some(run) => Some(RunLog::start(run).map_err(TrainError::Run)?),
            None => None,
        };
        let mut reporter = Reporter::new(log, &recipe, watch);
        let outcome = trainer.run(&mut reporter, stop);
        let (state, reason) = match &outcome {
            Ok(Outcome::Done) => (State::Done, None),
            Ok(Outcome::Stopped) => (State::Interrupted, Some("asked to stop".to_owned())),
            Err(error) => (State::Failed, Some(crate::error_text::chain(error))),
        };
        let skipped_clips = reporter.skipped_clips();
        let closed = reporter.finish(state, reason);
        let outcome = outcome?;
        closed?;
        let progress = trainer.progress();
        Ok(Trained { outcome, steps: progress.step, best: progress.best, skipped_clips })
    }

    /// Opens or creates the run's folder and locks it.
    fn open_folder(&self, about: About) -> Result<RunFolder, TrainingError> {
        let folder = match &self.options {
            TrainOptions::Resume { folder } => RunFolder::open(folder),
            TrainOptions::New { folder, .. } => {
                let toml = self.recipe.to_toml().map_err(TrainError::Recipe)?;
                RunFolder::create(folder, about, &toml)
            }
        };
        Ok(folder.map_err(TrainError::Run)?)
    }

    /// Says which share of a packed data set is trained on.
    fn log_coverage(&self) {
        for (role, coverage) in &self.coverage {
            if coverage.clips < coverage.rows {
                tracing::warn!("data.{role}: the shards hold {coverage}");
            }
            for fault in &coverage.faults {
                tracing::warn!("data.{role}: left out: {fault}");
            }
        }
    }

    fn about(&self, device: &str) -> About {
        let recipe = &self.recipe;
        let best = recipe.best_metric().unwrap_or(Metric::LOSS);
        About {
            name: recipe.name.clone(),
            stage: recipe.stage.to_string(),
            code_version: crate::VERSION.into(),
            device: Some(device.into()),
            seed: recipe.seed,
            epochs: recipe.epochs,
            data: self.hashes.clone(),
            coverage: self
                .coverage
                .iter()
                .map(|(role, of)| (role.clone(), of.to_string()))
                .collect(),
            matched: None,
            best_by: BestBy { metric: name_of("val", best.key), better: best.better },
        }
    }
}

/// The key of `KEY=VALUE`.
fn key(set: &str) -> &str {
    set.split('=').next().unwrap_or_default().trim()
}

/// The kind of network that a stage trains.
fn kind(stage: Stage) -> Kind {
    match stage {
        Stage::Pretrain => Kind::Pretrain,
        Stage::Finetune => Kind::Classifier,
    }
}

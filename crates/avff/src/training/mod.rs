//! A training run: a recipe, a folder, a device.

mod agree;
mod data;
mod error;
mod report;
mod start;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use avff_data::ClipSpec;
use avff_metrics::Metric;
use avff_model::{AvffConfig, checkpoint::Kind, precision};
use avff_train::{
    Recipe, TrainError,
    distributed::Processes,
    learner::{Finetune, Learner, PretrainLearner},
    recipe::{self, Stage, Start},
    run::{
        About, BestBy, Position, RunError, RunFolder, RunLog, State,
        folder::{CHECKPOINTS, RECIPE, RUN},
    },
    trainer::{Identity, Keeper, Outcome, Parts, Trainer, Watch},
};
use burn::{backend::Autodiff, tensor::backend::AutodiffBackend};

use self::{
    data::Clips,
    report::{Reporter, name_of},
};
pub use self::{error::TrainingError, report::epoch_values};
use crate::{
    device::{Device, with_backend},
    hash, preprocessing,
};

/// What to train, and where to.
#[derive(Debug, Clone)]
pub enum TrainOptions {
    /// A new run.
    New {
        /// The recipe's file.
        recipe: PathBuf,
        /// The run's folder; it holds nothing yet.
        folder: PathBuf,
    },
    /// A run that stopped.
    Resume {
        /// The run's folder.
        folder: PathBuf,
    },
}

/// A run about to begin: all of it is checked but what only shows on the way.
#[derive(Debug)]
pub struct Planned {
    /// The recipe, as it will be followed.
    pub recipe: Recipe,
    /// The network.
    pub network: AvffConfig,
    /// How clips are prepared.
    pub spec: ClipSpec,
    /// Hashes of manifests and start weights, by what they are for.
    pub hashes: BTreeMap<String, String>,
    device: Device,
    options: TrainOptions,
    /// Whether weights come from a saved state.
    goes_on: bool,
}

/// How a run came out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trained {
    /// Whether all epochs are done.
    pub outcome: Outcome,
    /// Steps, those of earlier sittings too.
    pub steps: u64,
    /// Value and epoch of the best validation.
    pub best: Option<(f64, u64)>,
}

/// Reads the recipe and everything that it names, but for clips.
///
/// # Errors
/// A recipe that cannot be followed, a file that is not there, a device that does not answer.
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
            // Looked at without being held; it is opened once all else is known to be right.
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
    let mut hashed = |what: &str, path: &Path| -> Result<(), TrainingError> {
        let of = |source| avff_data::ClipError::new(path, source);
        hashes.insert(what.to_owned(), hash::content(path).map_err(of)?);
        Ok(())
    };
    hashed("train", &recipe.data.train)?;
    if let Some(path) = &recipe.data.validation {
        hashed("validation", path)?;
    }
    // A run that goes on has its weights already; those that it started from may be gone. One that
    // was killed before its first state starts again.
    let goes_on = match &options {
        TrainOptions::New { .. } => false,
        TrainOptions::Resume { folder } => {
            !Keeper::new(&folder.join(CHECKPOINTS), recipe.keep.last).states()?.is_empty()
        }
    };
    if goes_on && overrides.iter().any(|set| key(set) == "start" || key(set).starts_with("start."))
    {
        return Err(TrainingError::StartOfResumed);
    }
    match &recipe.start {
        Start::Checkpoint { path } | Start::Adapt { path } if !goes_on => hashed("start", path)?,
        _ => {}
    }
    Ok(Planned { recipe, network, spec, hashes, device, options, goes_on })
}

impl Planned {
    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match &self.options {
            TrainOptions::New { folder, .. } | TrainOptions::Resume { folder } => folder,
        }
    }

    /// Trains, and tells `watch` how it goes, until all is done or `stop` is set.
    ///
    /// # Errors
    /// Whatever ends the run early; the folder says so too, and the run can be resumed.
    pub fn run(
        self,
        peers: Box<dyn Processes>,
        watch: &mut dyn Watch,
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
                self.run_on::<Autodiff<B>>(device, peers, watch, stop)
            })
        };
        device.guard(|| precision::with_tf32(tf32, run))
    }

    fn run_on<B: AutodiffBackend>(
        self,
        device: B::Device,
        peers: Box<dyn Processes>,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<Trained, TrainingError> {
        let recipe = &self.recipe;
        match recipe.stage {
            Stage::Pretrain => {
                let discriminators = recipe.adversarial.as_ref();
                let learner =
                    PretrainLearner::<B>::new(&self.network, discriminators, recipe.seed, &device)?;
                let model = start::pretrain::<B>(&self, &device)?;
                self.train::<B, _>(learner, model, device, peers, watch, stop)
            }
            Stage::Finetune => {
                let config = recipe.finetune.clone().unwrap_or_default();
                let learner = Finetune::new(config, &self.network);
                let model = start::classifier::<B>(&self, &device)?;
                self.train::<B, _>(learner, model, device, peers, watch, stop)
            }
        }
    }

    fn train<B: AutodiffBackend, L: Learner<B>>(
        self,
        learner: L,
        model: L::Model,
        device: B::Device,
        peers: Box<dyn Processes>,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<Trained, TrainingError> {
        let Clips { train, validation } = data::open(&self, L::LABELLED, &*peers)?;
        let (rank, world) = (peers.rank(), peers.world());
        let recipe = self.recipe.clone();
        let folder = self.folder().to_path_buf();
        let manifests = ["train", "validation"].iter().filter_map(|what| {
            self.hashes.get(*what).map(|hash| ((*what).to_owned(), hash.clone()))
        });
        let identity = Identity {
            recipe: recipe.clone(),
            manifests: manifests.collect(),
            version: env!("CARGO_PKG_VERSION").into(),
            // Each process has a device of its own, of the same kind.
            device: if world == 1 { self.device.to_string() } else { self.device.kind().into() },
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
            keeper: Keeper::new(&folder.join(CHECKPOINTS), recipe.keep.last),
            device,
            peers,
        })?;
        agree::agree(trainer.peers(), &identity, &self.hashes, self.goes_on.into())?;
        // Once nothing is left that could be wrong with the recipe. What other processes write would be
        // the same.
        let about = self.about(&identity.device);
        let run = if rank == 0 { Some(self.open_folder(about.clone())?) } else { None };
        if self.goes_on {
            trainer.resume()?;
            let step = trainer.progress().step;
            agree::agree(trainer.peers(), &identity, &self.hashes, step)?;
            let (now, last) = (trainer.progress().loader, recipe.epochs);
            if now.epoch > last || (now.epoch == last && now.step > 0) {
                let path = folder.clone();
                let reason = format!(
                    "it is in epoch {}, and the recipe ends with epoch {last}: give more `epochs`",
                    now.epoch + 1
                );
                return Err(TrainError::State { path, reason }.into());
            }
        }
        let log = match run {
            Some(run) if matches!(self.options, TrainOptions::Resume { .. }) => {
                let progress = trainer.progress();
                let position = Position { step: progress.step, epochs: progress.loader.epoch };
                let toml = recipe.to_toml().map_err(TrainError::Recipe)?;
                // A state goes on where it was saved and no other device, older runs do not say which. One that
                // kept nothing starts again, maybe elsewhere and from other files.
                let now = if self.goes_on {
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
        let mut reporter = Reporter::new(log, recipe.best_metric().map(|metric| metric.key), watch);
        let outcome = trainer.run(&mut reporter, stop);
        let (state, reason) = match &outcome {
            Ok(Outcome::Done) => (State::Done, None),
            Ok(Outcome::Stopped) => (State::Interrupted, Some("asked to stop".to_owned())),
            Err(error) => (State::Failed, Some(crate::error_text::chain(error))),
        };
        let closed = reporter.finish(state, reason);
        let outcome = outcome?;
        closed?;
        let progress = trainer.progress();
        Ok(Trained { outcome, steps: progress.step, best: progress.best })
    }

    /// The run's folder, held against others.
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

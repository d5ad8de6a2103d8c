//! The training loop of all stages: batches, steps, validation, training checkpoints.
//!
//! A step depends only on the recipe, the data, and the training checkpoint. A training checkpoint
//! is complete: it holds weights, optimizer moments, averages, the position in the data, and the
//! state of the schedule. Random numbers come from seed and step. A run that is interrupted
//! anywhere and resumed therefore takes the steps of an uninterrupted run. Results are
//! bit-identical if the backend is deterministic (flex is).
//!
//! - [`progress`]: the progress of a run, and the identity that two runs must share
//! - [`checkpoints`]: the files of weights and training checkpoints
//! - `state`: writing and reading a training checkpoint
//! - `scale`: the loss scale of half precision
//! - [`observer`]: progress reports

pub mod checkpoints;
pub mod observer;
pub mod progress;
mod scale;
mod state;

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use avff_data::{
    ClipError, ClipSpec,
    loader::{Batch, Loader},
};
use avff_model::{
    AvffConfig,
    checkpoint::{self, Metadata, NOTE_ENTRY},
};
use burn::{
    module::{AutodiffModule, Module},
    tensor::{FloatDType, backend::AutodiffBackend},
};

pub use self::{
    checkpoints::{BEST, CheckpointStore, LAST},
    observer::{EpochReport, NoObserver, Observer, StepReport},
    progress::{Identity, Progress},
};
use crate::{
    average::Averages,
    distributed::{Processes, Replicas, SingleProcess},
    error::TrainError,
    gradients::ReplicaSum,
    learner::{
        LabeledClips, Learner, Replica, StepContext, Values,
        replicated::{self, Replication},
    },
    optim::Optimizer,
    params,
    recipe::{NonFinite, Precision},
    schedule,
};

/// Metadata entry of a checkpoint that describes the run.
pub const RUN_ENTRY: &str = "run";

/// The components of a run.
pub struct Parts<B: AutodiffBackend, L: Learner<B>> {
    /// Identity of the run: recipe, data, version and device.
    pub identity: Identity,
    /// Config of the network.
    pub network: AvffConfig,
    /// Preprocessing of the clips.
    pub spec: ClipSpec,
    /// Learner of the stage.
    pub learner: L,
    /// The network with its initial weights.
    pub model: L::Model,
    /// Training clips.
    pub train: Loader,
    /// Validation clips.
    pub validation: Option<Loader>,
    /// Store for weights and training checkpoints.
    pub checkpoints: CheckpointStore,
    /// Training device.
    pub device: B::Device,
    /// Collective operations over all processes.
    pub peers: Box<dyn Processes>,
    /// Warning that accompanies every output of the weights. A resumed run takes it from its
    /// training checkpoint.
    pub note: Option<String>,
}

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Done,
    /// The run was asked to stop and saved a training checkpoint.
    Stopped,
}

/// A training run.
pub struct Trainer<B: AutodiffBackend, L: Learner<B>> {
    parts: Parts<B, L>,
    parameters: Vec<params::Parameter>,
    optimizer: Optimizer<B::InnerBackend>,
    averages: Averages<B::InnerBackend>,
    progress: Progress,
    precision: Option<FloatDType>,
    replication: Option<Replication>,
}

impl<B: AutodiffBackend, L: Learner<B>> Trainer<B, L> {
    /// Creates a run at its start.
    ///
    /// # Errors
    /// [`TrainError::Keys`] for a key prefix that matches no parameter, [`TrainError::Precision`].
    pub fn new(mut parts: Parts<B, L>) -> Result<Self, TrainError> {
        let recipe = &parts.identity.recipe;
        let precision = match recipe.steps.precision {
            // The caller of the trainer allows TF32 products.
            Precision::F32 | Precision::Tf32 => None,
            Precision::F16 => Some(("f16", FloatDType::F16)),
            Precision::Bf16 => Some(("bf16", FloatDType::BF16)),
        };
        if let Some((precision, dtype)) = precision
            && !B::supports_dtype(&parts.device, dtype.into())
        {
            return Err(TrainError::Precision { precision, device: B::name(&parts.device) });
        }
        parts.model = params::freeze::<B, _>(parts.model, &recipe.steps.freeze)
            .map_err(|prefix| TrainError::Keys { setting: "steps.freeze", prefix })?;
        let parameters = params::list(&parts.model);
        let optimizer = Optimizer::new(&recipe.optimizer, parameters.clone())?;
        let averages = Averages::new(&recipe.average, &parts.model.valid());
        let progress = Progress::start(scale::start(recipe.steps.precision));
        let precision = precision.map(|(_, dtype)| dtype);
        let replication = recipe.steps.replicas.map(|count| Replication {
            replicas: Replicas::new(count, &*parts.peers),
            loss: recipe.steps.replica_loss,
        });
        Ok(Self { parts, parameters, optimizer, averages, progress, precision, replication })
    }

    /// Returns the progress of the run.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns the collective operations over all processes.
    pub fn peers(&mut self) -> &mut dyn Processes {
        &mut *self.parts.peers
    }

    /// Returns the network with its current weights.
    #[must_use]
    pub fn model(&self) -> &L::Model {
        &self.parts.model
    }

    /// Returns the parameters of the network.
    #[must_use]
    pub fn parameters(&self) -> &[params::Parameter] {
        &self.parameters
    }

    /// Returns the maximum number of steps per epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.parts.train.steps() as u64
    }

    /// Trains until all epochs are done or `stop` is set. The flag is checked after every step and,
    /// in a run of one process, after every validation batch.
    ///
    /// # Errors
    /// Any error that ends a run early. The run can resume from its last training checkpoint.
    pub fn run(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        self.parts.checkpoints.prepare()?;
        let epochs = self.parts.identity.recipe.epochs;
        while self.progress.loader.epoch < epochs {
            if self.train_epoch(observer, stop)? == Outcome::Stopped {
                let path = self.save()?;
                observer.saved(&path)?;
                return self.stopped();
            }
            if self.end_epoch(observer, stop)? == Outcome::Stopped {
                return self.stopped();
            }
        }
        self.finish()?;
        Ok(Outcome::Done)
    }

    fn train_epoch(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let mut batches = self.parts.train.resume(self.progress.loader)?;
        let mut reported = 0;
        loop {
            let start = Instant::now();
            let batch = batches.next();
            // The last clips of an epoch may be skipped without a batch after them.
            for clip in batches.skipped().iter().skip(reported) {
                observer.clip_skipped(&clip.error)?;
            }
            reported = batches.skipped().len();
            let Some(batch) = batch else { return Ok(Outcome::Done) };
            let batch = batch.map_err(|e| unreadable(&self.parts.identity.recipe.data.train, e))?;
            let waited = batch.waited;
            let (values, clips) = self.step(batch)?;
            self.progress.loader = batches.state();
            self.progress.step += 1;
            observer.step(&StepReport {
                epoch: self.progress.loader.epoch + 1,
                step: self.progress.step,
                step_in_epoch: self.progress.loader.step as u64,
                steps_per_epoch: self.steps_per_epoch(),
                clips: match self.replication {
                    Some(_) => clips,
                    None => clips * self.parts.peers.world(),
                },
                waited,
                took: start.elapsed(),
                values,
            })?;
            // All processes stop after the same step, whichever of them was asked to.
            let mut asked = [f32::from(u8::from(stop.load(Ordering::Relaxed)))];
            self.parts.peers.sum(&mut asked)?;
            if asked[0] > 0.0 {
                return Ok(Outcome::Stopped);
            }
            let every = self.parts.identity.recipe.keep.every_steps;
            if every > 0 && self.progress.step.is_multiple_of(every) {
                let path = self.save()?;
                observer.saved(&path)?;
            }
        }
    }

    /// Trains on one batch and returns the values and the number of clips: of all processes with
    /// replicas, else of this one. A step with non-finite gradients is skipped.
    fn step(&mut self, batch: Batch) -> Result<(Values, usize), TrainError> {
        let recipe = &self.parts.identity.recipe;
        let steps = &recipe.steps;
        let at = schedule::Progress {
            epoch: self.progress.loader.epoch,
            step_in_epoch: self.progress.loader.step as u64,
            steps_per_epoch: self.parts.train.steps() as u64,
            epochs: recipe.epochs,
        };
        let lr = recipe.optimizer.lr * recipe.schedule.factor(at, &self.progress.plateau);
        self.progress.lr = lr;
        let parts = batch.parts.clone();
        let (mut labeled, rows) = labeled::<B, L>(&self.parts.train, batch)?;
        let clips = match self.replication {
            Some(_) => recipe.data.batch,
            None => labeled.clips.len(),
        };
        let replicas = match self.replication {
            Some(replication) => replication.replicas,
            None => Replicas::of_processes(&*self.parts.peers),
        };
        let mut context = StepContext {
            seed: recipe.seed,
            step: self.progress.step,
            micro_batch: steps.micro_batch.unwrap_or(usize::MAX),
            precision: self.precision,
            loss_scale: self.progress.loss_scale,
            spec: &self.parts.spec,
            device: &self.parts.device,
            peers: &mut *self.parts.peers,
            replica: Replica::WHOLE,
        };
        let (learner, model) = (&mut self.parts.learner, &self.parts.model);
        let mut computed = match self.replication {
            Some(replication) => {
                replication.step(learner, model, &mut labeled, &parts, &mut context)?
            }
            None => {
                let mut step = learner.step(model, &labeled, &mut context)?;
                let mut sum = ReplicaSum::new(replicas);
                sum.push(step.gradients);
                step.gradients = sum.finish(context.peers)?;
                step
            }
        };
        let norm = computed.gradients.norm();
        let loss = computed.values.first().map_or(f64::NAN, |(_, value)| *value);
        let finite = norm.is_finite() && loss.is_finite();
        let may_continue = scale::after_step(steps.precision, &mut self.progress, finite);
        if !finite {
            if !may_continue && steps.non_finite == NonFinite::Stop {
                let (what, value) =
                    if loss.is_finite() { ("gradient norm", norm) } else { ("loss", loss) };
                let all = self.parts.train.dataset().rows();
                let clips = rows.iter().filter_map(|&row| Some(all.get(row)?.name.clone()));
                let step = self.progress.step + 1;
                return Err(TrainError::NonFinite { step, what, value, clips: clips.collect() });
            }
            self.progress.skipped += 1;
            return Ok((vec![("lr", lr), ("gradient_norm", norm), ("skipped", 1.0)], clips));
        }
        if let Some(limit) = steps.clip_norm {
            computed.gradients.clip(norm, limit);
        }
        let half = steps.precision == Precision::F16;
        let model = self.parts.model.clone();
        self.parts.model = self.optimizer.step::<B, _>(lr, model, computed.gradients);
        let mut values = computed.values;
        values.extend(self.parts.learner.after_step(replicas, &mut context)?);
        self.averages.after_step(&self.parts.model.valid());
        self.progress.count(&values, clips);
        values.extend([("lr", lr), ("gradient_norm", norm)]);
        if half {
            values.push(("loss_scale", self.progress.loss_scale));
        }
        Ok((values, clips))
    }

    /// Completes an epoch: a training checkpoint before validation, averages, validation, weights,
    /// and a training checkpoint.
    fn end_epoch(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let epoch = self.progress.loader.epoch + 1;
        let recipe = self.parts.identity.recipe.clone();
        let validates =
            epoch.is_multiple_of(recipe.validation.every.max(1)) || epoch == recipe.epochs;
        if validates && self.parts.validation.is_some() {
            // Validation may take long, and an interruption should not lose the epoch.
            let path = self.save()?;
            observer.saved(&path)?;
        }
        self.averages.after_epoch(epoch, &self.parts.model.valid());
        let start = Instant::now();
        let validation = if validates { self.validate(observer, stop)? } else { Some(Vec::new()) };
        let Some(validation) = validation else { return Ok(Outcome::Stopped) };
        let of = |metric: &str| {
            let entry = validation.iter().find(|(name, _)| name == metric);
            entry.map(|(_, value)| *value).filter(|value| value.is_finite())
        };
        let mut is_best = false;
        if let Some(metric) = recipe.best_metric()
            && let Some(value) = of(metric.key)
        {
            let improves = |(best, _): (f64, u64)| metric.better.improves(value, best);
            is_best = self.progress.best.is_none_or(improves);
            if is_best {
                self.progress.best = Some((value, epoch));
                self.write_weights(BEST, &self.parts.model.valid(), &validation)?;
            }
        }
        if let Some(metric) = recipe.plateau_metric()
            && let Some(value) = of(metric.key)
        {
            self.progress.plateau.observe(&recipe.schedule, value, metric.better);
        }
        if recipe.keep.each_epoch {
            let name = format!("epoch-{epoch:03}");
            self.write_weights(&name, &self.parts.model.valid(), &validation)?;
        }
        observer.epoch(&EpochReport {
            epoch,
            step: self.progress.step,
            train: self.progress.means(),
            lr: self.progress.lr,
            validation,
            is_best,
            validated_in: start.elapsed(),
            skipped: self.progress.skipped,
        })?;
        self.progress.next_epoch();
        let path = self.save()?;
        observer.saved(&path)?;
        Ok(Outcome::Done)
    }

    /// Evaluates the network, and its moving average if there is one; `None` if the run was asked
    /// to stop.
    fn validate(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<(String, f64)>>, TrainError> {
        let model = self.parts.model.valid();
        let prefixed = |prefix: &str, values: Values| -> Vec<(String, f64)> {
            values.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)).collect()
        };
        let Some(values) = self.evaluate(&model, observer, stop)? else { return Ok(None) };
        let mut values = prefixed("", values);
        if let Some(model) = self.averages.ema::<B, _>(&self.parts.model) {
            let Some(more) = self.evaluate(&model.valid(), observer, stop)? else {
                return Ok(None);
            };
            values.extend(prefixed("ema_", more));
        }
        Ok(Some(values))
    }

    /// Evaluates a network on all validation clips; `None` if the run was asked to stop.
    fn evaluate(
        &mut self,
        model: &<L::Model as AutodiffModule<B>>::InnerModule,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Values>, TrainError> {
        let Some(loader) = &self.parts.validation else { return Ok(Some(Vec::new())) };
        // Processes may have different numbers of batches, so they could not agree on one at which
        // to stop.
        let alone = self.parts.peers.world() == 1;
        let recipe = &self.parts.identity.recipe;
        let manifest = recipe.data.validation.as_ref().unwrap_or(&recipe.data.train);
        let mut accumulator = L::Accumulator::default();
        let mut first = 0;
        let mut batches = loader.epoch(0);
        let mut reported = 0;
        loop {
            let batch = batches.next();
            for clip in batches.skipped().iter().skip(reported) {
                observer.clip_skipped(&clip.error)?;
            }
            reported = batches.skipped().len();
            let Some(batch) = batch else { break };
            let batch = batch.map_err(|e| unreadable(manifest, e))?;
            let (start, parts) = (batch.first, batch.parts.clone());
            let (mut labeled, _) = labeled::<B, L>(loader, batch)?;
            let count = labeled.clips.len() as u64;
            let mut nobody = SingleProcess;
            let mut context = StepContext {
                seed: recipe.seed,
                step: self.progress.step,
                micro_batch: recipe.steps.micro_batch.unwrap_or(usize::MAX),
                precision: None,
                loss_scale: 1.0,
                spec: &self.parts.spec,
                device: &self.parts.device,
                peers: match self.replication {
                    Some(_) => &mut nobody,
                    None => &mut *self.parts.peers,
                },
                replica: Replica::WHOLE,
            };
            let learner = &self.parts.learner;
            if self.replication.is_some() {
                for part in parts {
                    let clips = replicated::take_first(&mut labeled, part.len());
                    let first = (start + part.start) as u64;
                    learner.evaluate(model, &clips, first, &mut context, &mut accumulator)?;
                }
            } else {
                learner.evaluate(model, &labeled, first, &mut context, &mut accumulator)?;
            }
            first += count;
            observer.validated(first)?;
            if alone && stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        self.parts.learner.finish(accumulator, &mut *self.parts.peers).map(Some)
    }

    /// Writes the current weights of a run that was asked to stop. Its training checkpoint is
    /// written before, because it matters more if the process is killed now.
    fn stopped(&self) -> Result<Outcome, TrainError> {
        self.write_weights(LAST, &self.parts.model.valid(), &[])?;
        Ok(Outcome::Stopped)
    }

    /// Writes the final weights and their averages.
    fn finish(&self) -> Result<(), TrainError> {
        self.write_weights(LAST, &self.parts.model.valid(), &[])?;
        if let Some(model) = self.averages.ema::<B, _>(&self.parts.model) {
            self.write_weights("ema", &model.valid(), &[])?;
        }
        if let Some(model) = self.averages.mean::<B, _>(&self.parts.model) {
            self.write_weights("mean", &model.valid(), &[])?;
        }
        Ok(())
    }

    /// Writes a checkpoint, in the first process only.
    fn write_weights<M: Module<B::InnerBackend>>(
        &self,
        name: &str,
        model: &M,
        metrics: &[(String, f64)],
    ) -> Result<(), TrainError> {
        if self.parts.peers.rank() != 0 {
            return Ok(());
        }
        let path = self.parts.checkpoints.weights(name);
        let json = |error: serde_json::Error| checkpoints::io_error(&path, error.into());
        let trained = self.progress.step > self.progress.skipped;
        let mut metadata = Metadata::new(L::KIND, &self.parts.network, trained);
        let spec = serde_json::to_value(self.parts.spec.for_weights()).map_err(json)?;
        metadata.extra.insert(avff_data::spec::CLIP_ENTRY.into(), spec);
        let metrics = metrics.iter().map(|(name, value)| (name.clone(), (*value).into()));
        let run = serde_json::json!({
            "name": self.parts.identity.recipe.name,
            "seed": self.parts.identity.recipe.seed,
            "step": self.progress.step,
            "manifests": self.parts.identity.manifests,
            "validation": metrics.collect::<serde_json::Map<_, _>>(),
        });
        metadata.extra.insert(RUN_ENTRY.into(), run);
        if let Some(note) = &self.parts.note {
            metadata.extra.insert(NOTE_ENTRY.into(), note.as_str().into());
        }
        Ok(checkpoint::save(model, &metadata, checkpoint::Precision::F32, path)?)
    }
}

fn unreadable(manifest: &Path, source: ClipError) -> TrainError {
    TrainError::Unreadable { manifest: manifest.into(), source: source.into() }
}

/// Returns a batch with its labels, and all manifest rows that contributed to it, including
/// mixed-in clips.
fn labeled<B: AutodiffBackend, L: Learner<B>>(
    loader: &Loader,
    batch: Batch,
) -> Result<(LabeledClips, Vec<usize>), TrainError> {
    let mut rows: Vec<usize> = batch.origins.iter().map(|origin| origin.row).collect();
    for partner in batch.origins.iter().filter_map(|origin| origin.partner) {
        if !rows.contains(&partner) {
            rows.push(partner);
        }
    }
    let mut targets = Vec::new();
    if L::LABELED {
        for origin in &batch.origins {
            let Some(target) = origin.target else {
                let row = loader.dataset().rows().get(origin.row);
                let (line, name) = row.map_or((0, String::new()), |r| (r.line, r.name.clone()));
                return Err(TrainError::NoTarget { line, name });
            };
            targets.push(f32::from(target));
        }
    }
    Ok((LabeledClips { clips: batch.clips, targets }, rows))
}

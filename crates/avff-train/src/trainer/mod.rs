//! The loop that all stages share: batches, steps, validation, states.
//!
//! All that a step depends on is in the recipe, the data, and a saved state, and a state is everything:
//! weights, moments, averages, the place in the data, the schedule's memory. What is random is drawn from
//! seed and step. So a run that is interrupted anywhere and resumed takes the same steps as one that is
//! not, to the last bit where the backend computes the same sum twice alike (flex does).
//!
//! - [`progress`]: where a run stands, and what two runs must share
//! - [`keep`]: files of weights and states
//! - `state`: a state as a file
//! - `scale`: the loss scale of half precision
//! - [`watch`]: what a run tells

pub mod keep;
pub mod progress;
mod scale;
mod state;
pub mod watch;

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
    checkpoint::{self, Metadata},
};
use burn::{
    module::{AutodiffModule, Module},
    tensor::{FloatDType, backend::AutodiffBackend},
};

pub use self::{
    keep::Keeper,
    progress::{Identity, Progress},
    watch::{EpochReport, StepReport, Unwatched, Watch},
};
use crate::{
    average::Averages,
    distributed::Processes,
    error::TrainError,
    learner::{LabelledClips, Learner, StepContext, Values},
    optim::Optimizer,
    params,
    recipe::{NonFinite, Precision},
    schedule,
};

/// Where a checkpoint's metadata keeps the run it comes from.
pub const RUN_ENTRY: &str = "run";

/// What a run is made of.
pub struct Parts<B: AutodiffBackend, L: Learner<B>> {
    /// How it is trained, who with, where.
    pub identity: Identity,
    /// The network's config.
    pub network: AvffConfig,
    /// How clips are prepared.
    pub spec: ClipSpec,
    /// The stage.
    pub learner: L,
    /// The network at its start.
    pub model: L::Model,
    /// Clips to train on.
    pub train: Loader,
    /// Clips to validate on.
    pub validation: Option<Loader>,
    /// Where weights and states go.
    pub keeper: Keeper,
    /// Where it runs.
    pub device: B::Device,
    /// The other processes.
    pub peers: Box<dyn Processes>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Done,
    /// It was asked to stop, and its state is saved.
    Stopped,
}

/// A run.
pub struct Trainer<B: AutodiffBackend, L: Learner<B>> {
    parts: Parts<B, L>,
    parameters: Vec<params::Parameter>,
    optimizer: Optimizer<B::InnerBackend>,
    averages: Averages<B::InnerBackend>,
    progress: Progress,
    precision: Option<FloatDType>,
}

impl<B: AutodiffBackend, L: Learner<B>> Trainer<B, L> {
    /// A run at its start.
    ///
    /// # Errors
    /// [`TrainError::Keys`] for keys that name no parameter, [`TrainError::Precision`].
    pub fn new(mut parts: Parts<B, L>) -> Result<Self, TrainError> {
        let recipe = &parts.identity.recipe;
        let precision = match recipe.steps.precision {
            // Whoever runs the trainer allows products to be TF32.
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
            .map_err(|start| TrainError::Keys { setting: "steps.freeze", start })?;
        let parameters = params::list(&parts.model);
        let optimizer = Optimizer::new(&recipe.optimizer, parameters.clone())?;
        let averages = Averages::new(&recipe.average, &parts.model.valid());
        let progress = Progress::start(scale::start(recipe.steps.precision));
        let precision = precision.map(|(_, dtype)| dtype);
        Ok(Self { parts, parameters, optimizer, averages, progress, precision })
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The other processes.
    pub fn peers(&mut self) -> &mut dyn Processes {
        &mut *self.parts.peers
    }

    /// The network as it is.
    #[must_use]
    pub fn model(&self) -> &L::Model {
        &self.parts.model
    }

    /// Parameters of the network.
    #[must_use]
    pub fn parameters(&self) -> &[params::Parameter] {
        &self.parameters
    }

    /// The most steps an epoch has.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.parts.train.steps() as u64
    }

    /// Trains until all epochs are done or `stop` is set, which is looked at after every step and, by a
    /// process that is alone, after every batch of a validation.
    ///
    /// # Errors
    /// Whatever ends a run early. The last saved state can be resumed from.
    pub fn run(&mut self, watch: &mut dyn Watch, stop: &AtomicBool) -> Result<Outcome, TrainError> {
        self.parts.keeper.prepare()?;
        let epochs = self.parts.identity.recipe.epochs;
        while self.progress.loader.epoch < epochs {
            if self.train_epoch(watch, stop)? == Outcome::Stopped {
                let path = self.save()?;
                watch.saved(&path)?;
                return Ok(Outcome::Stopped);
            }
            if self.end_epoch(watch, stop)? == Outcome::Stopped {
                return Ok(Outcome::Stopped);
            }
        }
        self.finish()?;
        Ok(Outcome::Done)
    }

    fn train_epoch(
        &mut self,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let mut batches = self.parts.train.resume(self.progress.loader)?;
        let mut named = 0;
        loop {
            let start = Instant::now();
            let Some(batch) = batches.next() else { return Ok(Outcome::Done) };
            let batch = batch.map_err(|e| unreadable(&self.parts.identity.recipe.data.train, e))?;
            for left_out in batches.left_out().iter().skip(named) {
                watch.left_out(&left_out.error)?;
            }
            named = batches.left_out().len();
            let waited = batch.waited;
            let (values, clips) = self.step(batch)?;
            self.progress.loader = batches.state();
            self.progress.step += 1;
            watch.step(&StepReport {
                epoch: self.progress.loader.epoch + 1,
                step: self.progress.step,
                step_in_epoch: self.progress.loader.step as u64,
                steps_per_epoch: self.steps_per_epoch(),
                clips: clips * self.parts.peers.world(),
                waited,
                took: start.elapsed(),
                values,
            })?;
            // Every process stops after the same step, whichever of them was asked to.
            let mut asked = [f32::from(u8::from(stop.load(Ordering::Relaxed)))];
            self.parts.peers.sum(&mut asked)?;
            if asked[0] > 0.0 {
                return Ok(Outcome::Stopped);
            }
            let every = self.parts.identity.recipe.keep.every_steps;
            if every > 0 && self.progress.step.is_multiple_of(every) {
                let path = self.save()?;
                watch.saved(&path)?;
            }
        }
    }

    /// One batch: gradients, and a step where they are finite. Gives values and how many clips.
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
        let (labelled, rows) = labelled::<B, L>(&self.parts.train, batch)?;
        let clips = labelled.clips.len();
        let mut context = StepContext {
            seed: recipe.seed,
            step: self.progress.step,
            micro_batch: steps.micro_batch.unwrap_or(usize::MAX),
            precision: self.precision,
            loss_scale: self.progress.loss_scale,
            spec: &self.parts.spec,
            device: &self.parts.device,
            peers: &mut *self.parts.peers,
        };
        let mut found = self.parts.learner.step(&self.parts.model, &labelled, &mut context)?;
        let norm = found.gradients.norm();
        let loss = found.values.first().map_or(f64::NAN, |(_, value)| *value);
        let finite = norm.is_finite() && loss.is_finite();
        let may_go_on = scale::after_step(steps.precision, &mut self.progress, finite);
        if !finite {
            if !may_go_on && steps.non_finite == NonFinite::Stop {
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
            found.gradients.clip(norm, limit);
        }
        let half = steps.precision == Precision::F16;
        let model = self.parts.model.clone();
        self.parts.model = self.optimizer.step::<B, _>(lr, model, found.gradients);
        let mut values = found.values;
        values.extend(self.parts.learner.after_step(&mut context)?);
        self.averages.after_step(&self.parts.model.valid());
        self.progress.count(&values, clips);
        values.extend([("lr", lr), ("gradient_norm", norm)]);
        if half {
            values.push(("loss_scale", self.progress.loss_scale));
        }
        Ok((values, clips))
    }

    /// What follows an epoch's last step: a state where validation comes next, averages, validation, weights, a state.
    fn end_epoch(
        &mut self,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let epoch = self.progress.loader.epoch + 1;
        let recipe = self.parts.identity.recipe.clone();
        let validates =
            epoch.is_multiple_of(recipe.validation.every.max(1)) || epoch == recipe.epochs;
        if validates && self.parts.validation.is_some() {
            // Validation may take long, and what was learned is not to be lost in it.
            let path = self.save()?;
            watch.saved(&path)?;
        }
        self.averages.after_epoch(epoch, &self.parts.model.valid());
        let start = Instant::now();
        let validation = if validates { self.validate(watch, stop)? } else { Some(Vec::new()) };
        let Some(validation) = validation else { return Ok(Outcome::Stopped) };
        let of = |metric: &str| {
            let found = validation.iter().find(|(name, _)| name == metric);
            found.map(|(_, value)| *value).filter(|value| value.is_finite())
        };
        let mut is_best = false;
        if let Some(metric) = recipe.best_metric()
            && let Some(value) = of(metric.key)
        {
            let improves = |(best, _): (f64, u64)| metric.better.improves(value, best);
            is_best = self.progress.best.is_none_or(improves);
            if is_best {
                self.progress.best = Some((value, epoch));
                self.write_weights("best", &self.parts.model.valid(), &validation)?;
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
        watch.epoch(&EpochReport {
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
        watch.saved(&path)?;
        Ok(Outcome::Done)
    }

    /// Judges the network, and its moving average where there is one; `None` where it was asked to stop.
    fn validate(
        &mut self,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<(String, f64)>>, TrainError> {
        let model = self.parts.model.valid();
        let named = |prefix: &str, values: Values| -> Vec<(String, f64)> {
            values.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)).collect()
        };
        let Some(values) = self.judge(&model, watch, stop)? else { return Ok(None) };
        let mut values = named("", values);
        if let Some(model) = self.averages.ema::<B, _>(&self.parts.model) {
            let Some(more) = self.judge(&model.valid(), watch, stop)? else { return Ok(None) };
            values.extend(named("ema_", more));
        }
        Ok(Some(values))
    }

    /// Judges a network on all validation clips, none of them left out; `None` where it was asked to stop.
    fn judge(
        &mut self,
        model: &<L::Model as AutodiffModule<B>>::InnerModule,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<Option<Values>, TrainError> {
        let Some(loader) = &self.parts.validation else { return Ok(Some(Vec::new())) };
        // Several processes may differ in their number of batches, so there is none at which all could agree to stop.
        let alone = self.parts.peers.world() == 1;
        let recipe = &self.parts.identity.recipe;
        let manifest = recipe.data.validation.as_ref().unwrap_or(&recipe.data.train);
        let mut accumulator = L::Accumulator::default();
        let mut first = 0;
        let mut batches = loader.epoch(0);
        let mut named = 0;
        while let Some(batch) = batches.next() {
            for left_out in batches.left_out().iter().skip(named) {
                watch.left_out(&left_out.error)?;
            }
            named = batches.left_out().len();
            let (labelled, _) =
                labelled::<B, L>(loader, batch.map_err(|e| unreadable(manifest, e))?)?;
            let mut context = StepContext {
                seed: recipe.seed,
                step: self.progress.step,
                micro_batch: recipe.steps.micro_batch.unwrap_or(usize::MAX),
                precision: None,
                loss_scale: 1.0,
                spec: &self.parts.spec,
                device: &self.parts.device,
                peers: &mut *self.parts.peers,
            };
            self.parts.learner.judge(model, &labelled, first, &mut context, &mut accumulator)?;
            first += labelled.clips.len() as u64;
            watch.judged(first)?;
            if alone && stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        self.parts.learner.finish(accumulator, &mut *self.parts.peers).map(Some)
    }

    /// Weights at the end, and their averages.
    fn finish(&self) -> Result<(), TrainError> {
        self.write_weights("last", &self.parts.model.valid(), &[])?;
        if let Some(model) = self.averages.ema::<B, _>(&self.parts.model) {
            self.write_weights("ema", &model.valid(), &[])?;
        }
        if let Some(model) = self.averages.mean::<B, _>(&self.parts.model) {
            self.write_weights("mean", &model.valid(), &[])?;
        }
        Ok(())
    }

    /// Writes a checkpoint, by the first process alone.
    fn write_weights<M: Module<B::InnerBackend>>(
        &self,
        name: &str,
        model: &M,
        metrics: &[(String, f64)],
    ) -> Result<(), TrainError> {
        if self.parts.peers.rank() != 0 {
            return Ok(());
        }
        let path = self.parts.keeper.weights(name);
        let json = |error: serde_json::Error| keep::io_error(&path, error.into());
        let trained = self.progress.step > self.progress.skipped;
        let mut metadata = Metadata::new(L::KIND, &self.parts.network, trained);
        let spec = serde_json::to_value(&self.parts.spec).map_err(json)?;
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
        Ok(checkpoint::save(model, &metadata, checkpoint::Precision::F32, path)?)
    }
}

fn unreadable(manifest: &Path, source: ClipError) -> TrainError {
    TrainError::Unreadable { manifest: manifest.into(), source: source.into() }
}

/// A batch with its labels, and the rows it is made of, those that clips were mixed with too.
fn labelled<B: AutodiffBackend, L: Learner<B>>(
    loader: &Loader,
    batch: Batch,
) -> Result<(LabelledClips, Vec<usize>), TrainError> {
    let mut rows: Vec<usize> = batch.origins.iter().map(|origin| origin.row).collect();
    for partner in batch.origins.iter().filter_map(|origin| origin.partner) {
        if !rows.contains(&partner) {
            rows.push(partner);
        }
    }
    let mut targets = Vec::new();
    if L::LABELLED {
        for origin in &batch.origins {
            let Some(target) = origin.target else {
                let row = loader.dataset().rows().get(origin.row);
                let (line, name) = row.map_or((0, String::new()), |r| (r.line, r.name.clone()));
                return Err(TrainError::NoTarget { line, name });
            };
            targets.push(f32::from(target));
        }
    }
    Ok((LabelledClips { clips: batch.clips, targets }, rows))
}

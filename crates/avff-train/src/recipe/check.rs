//! Validation of recipes.

use std::path::Path;

use avff_data::{ClipSpec, augment::AugmentConfig, spec::SpecError};
use avff_datasets::Condition;
use avff_media::SettingError;
use avff_model::{AvffConfig, FusionScope, ModelError};

use super::{Data, Initialization, Keep, Recipe, Stage, Steps};
use crate::{
    average::AverageConfig,
    error::{Problem, RecipeError},
    learner::{AdversarialConfig, FinetuneConfig, Lipschitz, ReplicaLoss},
    optim::OptimizerConfig,
};

/// Upper limit for epochs; values computed from it stay exact in f64.
const MAX_EPOCHS: u64 = 1_000_000;
/// Maximum length of a name in characters.
const MAX_NAME: usize = 200;

type Checked = Result<(), Problem>;

impl Recipe {
    /// Checks all ranges, and that no two keys contradict each other. [`Recipe::read`] calls it.
    ///
    /// Manifests and checkpoints are checked later, when they are read.
    ///
    /// # Errors
    /// [`RecipeError::Value`] with the first invalid key and the reason, and the errors of
    /// [`Recipe::config`] and [`Recipe::clip_spec`].
    pub fn validate(&self) -> Result<(), RecipeError> {
        self.run()?;
        self.of_stage()?;
        self.data.check().map_err(|problem| problem.within("data"))?;
        self.optimizer.check().map_err(|problem| problem.within("optimizer"))?;
        self.schedule.check(self.epochs).map_err(|problem| problem.within("schedule"))?;
        self.steps.check(self.data.batch).map_err(|problem| problem.within("steps"))?;
        self.average.check(self.epochs).map_err(|problem| problem.within("average"))?;
        at_least_one("validation.every", self.validation.every)?;
        self.keep.check().map_err(|problem| problem.within("keep"))?;
        self.check_metrics()?;
        let config = self.config()?;
        config.validate().map_err(|error| of_model(&error))?;
        let spec = self.clip_spec(&config)?;
        spec.validate().map_err(of_spec)?;
        let refuses = spec.damage.is_refuse();
        Problem::unless(
            refuses,
            "data.clip.damage",
            spec.damage,
            "refuse: training skips damaged clips",
        )?;
        fits(&spec, &config)?;
        of_augment(&self.data.augment, &spec)?;
        Ok(())
    }

    fn run(&self) -> Checked {
        let name = &self.name;
        let short = name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
        let shown = format!("{name:?}");
        let rule = "one line of at most 200 characters";
        Problem::unless(!name.trim().is_empty() && short, "name", shown, rule)?;
        let seed = i64::try_from(self.seed).is_ok();
        Problem::unless(seed, "seed", self.seed, "at most 9223372036854775807")?;
        let epochs = (1..=MAX_EPOCHS).contains(&self.epochs);
        Problem::unless(epochs, "epochs", self.epochs, "from 1 to 1000000")
    }

    fn of_stage(&self) -> Checked {
        let finetune = self.stage == Stage::Finetune;
        let only = |key: &str, stage: &str| {
            let text = format!("is set, but only allowed with stage = \"{stage}\"");
            Err(Problem { key: key.into(), text })
        };
        if !finetune && matches!(self.initialize, Initialization::Adapt { .. }) {
            let text = "is \"adapt\", but must be \"scratch\", \"checkpoint\" or \"matching\" \
                        unless stage = \"finetune\"";
            return Err(Problem { key: "initialize.from".into(), text: text.into() });
        }
        if let Some(path) = self.initialize.path() {
            given("initialize.path", path)?;
        }
        if self.validation.fusion_attention == FusionScope::AcrossBatch && !finetune {
            return only("validation.fusion_attention", "finetune");
        }
        match (&self.finetune, &self.adversarial) {
            (Some(_), _) if !finetune => return only("finetune", "finetune"),
            (_, Some(_)) if finetune => return only("adversarial", "pretrain"),
            _ => {}
        }
        if let Some(config) = &self.finetune {
            let batch = self.data.batch / self.steps.replicas.unwrap_or(1).max(1);
            config.check(batch).map_err(|problem| problem.within("finetune"))?;
        }
        if let Some(config) = &self.adversarial {
            config.check().map_err(|problem| problem.within("adversarial"))?;
        }
        Ok(())
    }

    /// Checks the validation metrics on which decisions depend.
    fn check_metrics(&self) -> Checked {
        let names = || {
            let metrics = self.stage.metrics();
            metrics.map(|metric| metric.key).collect::<Vec<_>>().join(", ")
        };
        for (key, name, metric) in [
            ("keep.best", &self.keep.best.as_deref(), self.best_metric()),
            ("schedule.metric", &self.schedule.metric(), self.plateau_metric()),
        ] {
            if let (Some(name), None) = (name, metric) {
                let text = format!("is \"{name}\", but must be one of {} in this stage", names());
                return Err(Problem { key: key.into(), text });
            }
        }
        let plateau = matches!(self.schedule, crate::schedule::Schedule::Plateau(_));
        for (set, key) in [(plateau, "schedule.kind"), (self.keep.best.is_some(), "keep.best")] {
            if set && self.data.validation.is_none() {
                let text = "depends on a validation metric, so it needs data.validation";
                return Err(Problem { key: key.into(), text: text.into() });
            }
        }
        Ok(())
    }
}

impl Data {
    fn check(&self) -> Checked {
        given("train", &self.train)?;
        for (key, path) in [
            ("validation", &self.validation),
            ("root", &self.root),
            ("cache.folder", &self.cache.as_ref().map(|cache| cache.folder.clone())),
        ] {
            path.iter().try_for_each(|path| given(key, path))?;
        }
        conditions("train_where", &self.train_where)?;
        conditions("validation_where", &self.validation_where)?;
        if self.validation.is_none() && !self.validation_where.is_empty() {
            let text = "is set, but only allowed with data.validation";
            return Err(Problem { key: "validation_where".into(), text: text.into() });
        }
        at_least_one("batch", self.batch as u64)?;
        self.validation_batch
            .iter()
            .try_for_each(|&batch| at_least_one("validation_batch", batch as u64))?;
        self.cache.iter().try_for_each(|cache| at_least_one("cache.bytes", cache.bytes))
    }
}

impl OptimizerConfig {
    fn check(&self) -> Checked {
        above_zero("lr", self.lr)?;
        let inside = self.betas.iter().all(|beta| (0.0..1.0).contains(beta));
        let shown = format!("{:?}", self.betas);
        Problem::unless(inside, "betas", shown, "two numbers of at least 0 and below 1")?;
        from_zero("eps", self.eps)?;
        from_zero("weight_decay", self.weight_decay)?;
        for (index, group) in self.groups.iter().enumerate() {
            let check = || {
                let named = !group.keys.is_empty() && group.keys.iter().all(|key| !key.is_empty());
                let shown = format!("{:?}", group.keys);
                Problem::unless(named, "keys", shown, "one or more key prefixes, none empty")?;
                from_zero("lr_factor", group.lr_factor)?;
                group.weight_decay.iter().try_for_each(|&decay| from_zero("weight_decay", decay))
            };
            check().map_err(|problem: Problem| problem.within(&format!("groups.{index}")))?;
        }
        Ok(())
    }
}

impl Steps {
    fn check(&self, batch: usize) -> Checked {
        if let Some(replicas) = self.replicas {
            let even = replicas > 0 && batch.is_multiple_of(replicas);
            let rule = format!("a whole number that divides data.batch, which is {batch}");
            Problem::unless(even, "replicas", replicas, &rule)?;
        }
        let named = self.replicas.is_some() || self.replica_loss == ReplicaLoss::Mean;
        Problem::unless(named, "replica_loss", "sum", "left out without steps.replicas")?;
        self.micro_batch.iter().try_for_each(|&clips| at_least_one("micro_batch", clips as u64))?;
        self.clip_norm.iter().try_for_each(|&norm| above_zero("clip_norm", norm))?;
        let named = self.freeze.iter().all(|key| !key.is_empty());
        Problem::unless(named, "freeze", format!("{:?}", self.freeze), "key prefixes, none empty")
    }
}

impl FinetuneConfig {
    fn check(&self, batch: usize) -> Checked {
        let smoothing = (0.0..1.0).contains(&self.label_smoothing);
        let rule = "at least 0 and below 1";
        Problem::unless(smoothing, "label_smoothing", self.label_smoothing, rule)?;
        let Some(alpha) = self.mixup else { return Ok(()) };
        above_zero("mixup", alpha)?;
        let rule = "left out if a batch, or a replica, has one clip: mixup blends a clip with another one of it";
        Problem::unless(batch > 1, "mixup", alpha, rule)
    }
}

impl AdversarialConfig {
    fn check(&self) -> Checked {
        above_zero("weight", self.weight)?;
        above_zero("lr", self.lr)?;
        at_least_one("steps", self.steps)?;
        at_least_one("hidden", self.hidden as u64)?;
        at_least_one("depth", self.depth as u64)?;
        match self.lipschitz {
            Lipschitz::WeightClip { bound } => above_zero("lipschitz.bound", bound),
            Lipschitz::SpectralNorm => Ok(()),
        }
    }
}

impl AverageConfig {
    fn check(&self, epochs: u64) -> Checked {
        if let Some([first, last]) = self.epochs {
            let inside = 1 <= first && first <= last && last <= epochs;
            let rule = format!("a first and a last epoch between 1 and {epochs}");
            Problem::unless(inside, "epochs", format!("[{first}, {last}]"), &rule)?;
        }
        let Some(decay) = self.ema else { return Ok(()) };
        Problem::unless(decay > 0.0 && decay < 1.0, "ema", decay, "above 0 and below 1")
    }
}

impl Keep {
    fn check(&self) -> Checked {
        at_least_one("last", self.last as u64)
    }
}

/// Checks that the sizes of clips match the network.
fn fits(spec: &ClipSpec, config: &AvffConfig) -> Checked {
    for (key, clip, network) in [
        ("video.frames", spec.video.frames, config.video.frames),
        ("video.height", spec.video.height, config.video.height),
        ("video.width", spec.video.width, config.video.width),
        ("audio.frames", spec.audio.frames, config.audio.frames),
        ("audio.mels", spec.audio.mels, config.audio.mels),
    ] {
        if clip != network {
            let key = format!("data.clip.{key}");
            let text = format!(
                "is {clip}, but the network takes {network}; without this key, clips get the size of \
                 model.config"
            );
            return Err(Problem { key, text });
        }
    }
    Ok(())
}

fn of_model(error: &ModelError) -> Problem {
    match error {
        ModelError::Config { field, reason } => within("model.config", field, reason.clone()),
        other => Problem { key: "model.config".into(), text: format!("cannot be used: {other}") },
    }
}

fn of_spec(SpecError { field, value, rule }: SpecError) -> Problem {
    within("data.clip", field, format!("is {value}, but must be {rule}"))
}

fn of_augment(config: &AugmentConfig, spec: &ClipSpec) -> Checked {
    config.validate(spec).map_err(|SettingError { field, value, rule }| {
        within("data", field, format!("is {value}, but must be {rule}"))
    })
}

/// Returns a problem with `field`, which is a key of `table` or a quantity derived from several
/// keys.
fn within(table: &str, field: &str, text: String) -> Problem {
    if field.contains(' ') {
        return Problem { key: table.into(), text: format!("is inconsistent: {field} {text}") };
    }
    Problem { key: format!("{table}.{field}"), text }
}

fn given(key: &str, path: &Path) -> Checked {
    let there = !path.as_os_str().is_empty();
    Problem::unless(there, key, "empty", "a path")
}

fn conditions(key: &str, conditions: &[String]) -> Checked {
    for (index, text) in conditions.iter().enumerate() {
        let rule = "COLUMN=VALUE or COLUMN=VALUE,VALUE, such as \"split=train\"";
        let valid = text.parse::<Condition>().is_ok();
        Problem::unless(valid, &format!("{key}.{index}"), format!("{text:?}"), rule)?;
    }
    Ok(())
}

fn at_least_one(key: &str, value: u64) -> Checked {
    Problem::unless(value >= 1, key, value, "at least 1")
}

fn above_zero(key: &str, value: f64) -> Checked {
    Problem::unless(value.is_finite() && value > 0.0, key, value, "a number above 0")
}

fn from_zero(key: &str, value: f64) -> Checked {
    Problem::unless(value.is_finite() && value >= 0.0, key, value, "a number of at least 0")
}

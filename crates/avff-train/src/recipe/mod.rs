//! A training run as one TOML file.
//!
//! A [`Recipe`] holds everything that a run's weights depend on besides the code and the data: the same
//! recipe, data and seed give the same weights. Each table of the file is a type of its own, kept where
//! it is used; the file is read, changed by `--set` and written back by [`mod@file`].

mod check;
mod fault;
pub mod file;
mod keys;
mod metric;
mod origins;
mod overrides;
mod paths;
mod sections;

use avff_data::ClipSpec;
use avff_model::AvffConfig;
use serde::{Deserialize, Serialize};

pub use avff_metrics::Stage;

pub use self::{
    keys::keys,
    sections::{
        Cache, Data, Keep, ModelChoice, NonFinite, Precision, Start, Steps, Validation, clip_spec,
    },
};
use crate::{
    average::AverageConfig,
    error::RecipeError,
    learner::{AdversarialConfig, FinetuneConfig},
    optim::OptimizerConfig,
    schedule::Schedule,
};

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the run is called in tables and plots.
    pub name: String,
    /// What is trained.
    pub stage: Stage,
    /// The random seed: initial weights, order, augmentation, masks, dropout.
    #[serde(default)]
    pub seed: u64,
    /// Epochs: how often training sees the data.
    pub epochs: u64,
    /// The network.
    pub model: ModelChoice,
    /// What its weights are initialized from.
    #[serde(default)]
    pub start: Start,
    /// The clips and how they become batches.
    pub data: Data,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// The learning-rate schedule.
    #[serde(default)]
    pub schedule: Schedule,
    /// How a step is computed.
    #[serde(default)]
    pub steps: Steps,
    /// Stage 3: loss and labels. Only with `stage = "finetune"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finetune: Option<FinetuneConfig>,
    /// Stages 1 and 2: discriminators (a Wasserstein critic is one) of the reconstructions. Only with `stage = "pretrain"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adversarial: Option<AdversarialConfig>,
    /// Averages of the weights along the way.
    #[serde(default)]
    pub average: AverageConfig,
    /// How often is validated.
    #[serde(default)]
    pub validation: Validation,
    /// Which checkpoints are kept.
    #[serde(default)]
    pub keep: Keep,
}

impl Recipe {
    /// The network's config: the preset with `model.config` merged into it.
    ///
    /// # Errors
    /// [`RecipeError`] for a key or value that a config does not have.
    pub fn config(&self) -> Result<AvffConfig, RecipeError> {
        file::overlay("model.config", &self.model.preset.config(), &self.model.config)
    }

    /// How clips are prepared: the preset's way, at the network's sizes, with `data.clip` merged into it.
    ///
    /// # Errors
    /// [`RecipeError`] for a key or value that a spec does not have.
    pub fn clip_spec(&self, config: &AvffConfig) -> Result<ClipSpec, RecipeError> {
        let spec = clip_spec(self.model.preset, config);
        file::overlay("data.clip", &spec, &self.data.clip)
    }
}

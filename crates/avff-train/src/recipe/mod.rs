//! A training run as one TOML file.
//!
//! A [`Recipe`] holds everything that determines a run's weights besides the code and the data.
//! Equal recipe, data and seed give equal weights. Each table of the file is a separate type in the
//! module that uses it. [`mod@file`] reads the file, applies `--set`, and writes it.

mod check;
mod deserialize;
pub mod file;
mod keys;
mod metric;
mod origins;
mod overrides;
mod paths;
mod ranges;
mod sections;

use avff_data::ClipSpec;
use avff_model::AvffConfig;
use serde::{Deserialize, Serialize};

pub use avff_metrics::Stage;

pub use self::{
    keys::keys,
    sections::{
        Cache, Data, Initialization, Keep, ModelChoice, NonFinite, Precision, Steps, Validation,
        clip_spec,
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
    /// Name of the run in tables and plots.
    pub name: String,
    /// Training stage.
    pub stage: Stage,
    /// Random seed for initial weights, order, augmentation, masks and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Number of epochs: full passes over the training data.
    pub epochs: u64,
    /// The network.
    pub model: ModelChoice,
    /// Initialization of the weights.
    #[serde(default)]
    pub initialize: Initialization,
    /// The clips and their batches.
    pub data: Data,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// The learning-rate schedule.
    #[serde(default)]
    pub schedule: Schedule,
    /// Settings of a training step.
    #[serde(default)]
    pub steps: Steps,
    /// Loss and labels of stage 3. Only with `stage = "finetune"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finetune: Option<FinetuneConfig>,
    /// Discriminators of the reconstructions in stages 1 and 2. Only with `stage = "pretrain"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adversarial: Option<AdversarialConfig>,
    /// Averages of the weights.
    #[serde(default)]
    pub average: AverageConfig,
    /// Frequency of validation.
    #[serde(default)]
    pub validation: Validation,
    /// Checkpoints to keep.
    #[serde(default)]
    pub keep: Keep,
}

impl Recipe {
    /// Returns the network's config: the preset with `model.config` merged into it.
    ///
    /// # Errors
    /// [`RecipeError`] for an unknown key or an invalid value.
    pub fn config(&self) -> Result<AvffConfig, RecipeError> {
        file::merge("model.config", &self.model.preset.config(), &self.model.config)
    }

    /// Returns the preprocessing of clips: the preset's, at the network's sizes, with `data.clip`
    /// merged into it.
    ///
    /// # Errors
    /// [`RecipeError`] for an unknown key or an invalid value.
    pub fn clip_spec(&self, config: &AvffConfig) -> Result<ClipSpec, RecipeError> {
        let spec = clip_spec(self.model.preset, config);
        file::merge("data.clip", &spec, &self.data.clip)
    }
}

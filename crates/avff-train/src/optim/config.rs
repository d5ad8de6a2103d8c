//! Optimizer settings.

use serde::{Deserialize, Serialize};

/// Settings of an optimizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The update rule.
    #[serde(default)]
    pub kind: OptimizerKind,
    /// Learning rate, before the schedule and group factors.
    pub lr: f64,
    /// Decay rates of the moving averages of gradients and of squared gradients.
    #[serde(default = "OptimizerConfig::default_betas")]
    pub betas: [f64; 2],
    /// Number added to the root of the mean square.
    #[serde(default = "OptimizerConfig::default_eps")]
    pub eps: f64,
    /// Weight decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// Parameter groups. A parameter belongs to the first group that matches its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// The update rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam (Kingma and Ba 2015). Weight decay is added to the gradient, as in PyTorch's `Adam`.
    #[default]
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as in PyTorch's `AdamW`.
    AdamW,
}

/// A parameter group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Key prefixes of the parameters, as `avff inspect` shows them.
    pub keys: Vec<String>,
    /// Learning rate as a multiple of `lr`.
    #[serde(default = "Group::default_factor")]
    pub lr_factor: f64,
    /// Weight decay, if it differs from `weight_decay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Group {
    fn default_factor() -> f64 {
        1.0
    }
}

impl OptimizerConfig {
    fn default_betas() -> [f64; 2] {
        [0.9, 0.999]
    }

    fn default_eps() -> f64 {
        1e-8
    }

    /// Returns PyTorch's defaults with the given learning rate.
    #[must_use]
    pub fn adam(lr: f64) -> Self {
        Self {
            kind: OptimizerKind::Adam,
            lr,
            betas: Self::default_betas(),
            eps: Self::default_eps(),
            weight_decay: 0.0,
            groups: Vec::new(),
        }
    }

    /// Returns the learning-rate factor and weight decay of the parameter with this key.
    pub(super) fn of(&self, key: &str) -> (f64, f64) {
        let named =
            |group: &&Group| group.keys.iter().any(|prefix| key.starts_with(prefix.as_str()));
        match self.groups.iter().find(named) {
            Some(group) => (group.lr_factor, group.weight_decay.unwrap_or(self.weight_decay)),
            None => (1.0, self.weight_decay),
        }
    }
}

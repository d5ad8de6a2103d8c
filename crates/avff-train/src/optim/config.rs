//! How weights follow gradients, as plain data.

use serde::{Deserialize, Serialize};

/// An optimizer's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Which rule.
    #[serde(default)]
    pub kind: OptimizerKind,
    /// Learning rate, before schedule and groups.
    pub lr: f64,
    /// Decay of the mean of gradients and of their squares.
    #[serde(default = "OptimizerConfig::default_betas")]
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    #[serde(default = "OptimizerConfig::default_eps")]
    pub eps: f64,
    /// Weight decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// Parameters with a rate of their own. The first group that names a parameter has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// Which rule weights follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam (Kingma and Ba 2015); decay is added to the gradient, as PyTorch's `Adam` has it.
    #[default]
    Adam,
    /// Adam with decoupled decay (Loshchilov and Hutter 2019), as PyTorch's `AdamW`.
    AdamW,
}

/// Parameters with a rate of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The start of their keys, as `avff inspect` shows them.
    pub keys: Vec<String>,
    /// Their learning rate as a multiple of `lr`.
    #[serde(default = "Group::default_factor")]
    pub lr_factor: f64,
    /// Their weight decay, where it is not `weight_decay`.
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

    /// PyTorch's defaults at a learning rate.
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

    /// Learning-rate factor and weight decay of the parameter with this key.
    pub(super) fn of(&self, key: &str) -> (f64, f64) {
        let named = |group: &&Group| group.keys.iter().any(|start| key.starts_with(start.as_str()));
        match self.groups.iter().find(named) {
            Some(group) => (group.lr_factor, group.weight_decay.unwrap_or(self.weight_decay)),
            None => (1.0, self.weight_decay),
        }
    }
}

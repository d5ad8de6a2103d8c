//! What a stage computes.

use serde::{Deserialize, Serialize};

/// Stage 3: loss and labels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// The loss.
    pub loss: FinetuneLoss,
    /// Label smoothing.
    pub label_smoothing: f64,
    /// Alpha of the Beta distribution that clips are mixed by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
}

/// The loss of stage 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinetuneLoss {
    /// Binary cross entropy on both outputs.
    #[default]
    Bce,
    /// Cross entropy.
    CrossEntropy,
}

/// Critics of the reconstructions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdversarialConfig {
    /// Weight of the term.
    pub weight: f64,
    /// Learning rate of the critics.
    pub lr: f64,
    /// Critic steps per step.
    pub steps: u64,
    /// Features.
    pub hidden: usize,
    /// Layers.
    pub depth: usize,
    /// How critics are kept Lipschitz.
    pub lipschitz: Lipschitz,
}

impl Default for AdversarialConfig {
    fn default() -> Self {
        let lipschitz = Lipschitz::SpectralNorm;
        Self { weight: 0.1, lr: 1e-4, steps: 1, hidden: 256, depth: 2, lipschitz }
    }
}

/// How critics are kept Lipschitz.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Lipschitz {
    /// Weights stay within a bound.
    WeightClip {
        /// The bound.
        bound: f64,
    },
    /// Weights are divided by their largest singular value.
    SpectralNorm,
}

//! Description of a metric.
//!
//! Each metric is a constant of [`Metric`], defined beside its function. The losses measured in
//! training are defined together.

use crate::{better::Better, error::MetricError};

/// A metric: its names, its interpretation and its computation.
///
/// Two metrics are equal if their keys are.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name in JSON, in recipes and in the records of a run.
    pub key: &'static str,
    /// The name in tables.
    pub title: &'static str,
    /// What the metric measures, in one sentence.
    pub meaning: &'static str,
    /// The direction in which the metric improves.
    pub better: Better,
    /// The minimum and the maximum value.
    pub range: [f64; 2],
    /// What a set of clips must contain.
    pub needs: Needs,
    /// The stages whose validation measures it.
    pub stages: &'static [Stage],
    /// How to compute the metric.
    pub computed: Computed,
    /// How to estimate the confidence interval, if the metric has one.
    pub interval: Option<IntervalMethod>,
}

/// What a set of clips must contain for a metric to be defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// At least one clip.
    Clips,
    /// Both fakes and reals.
    BothClasses,
    /// At least two clips, whose audio and frames are matched.
    Pairs,
}

/// A stage of training, by the metrics of its validation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, strum::Display,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Stage {
    /// Stages 1 and 2: masked reconstruction and contrastive learning, without labels.
    Pretrain,
    /// Stage 3: classification as real or fake.
    Finetune,
}

/// A metric's value, or the reason why it is undefined.
type Value = Result<f64, MetricError>;

/// How a metric is computed.
#[derive(Debug, Clone, Copy)]
pub enum Computed {
    /// From the fake output and the labels (true for fake).
    FakeOutput(fn(&[f32], &[bool]) -> Value),
    /// From the fake output, the real output and the labels.
    BothOutputs(fn(&[f32], &[f32], &[bool]) -> Value),
    /// From the decisions by argmax (true for fake) and the labels.
    Decisions(fn(&[bool], &[bool]) -> Value),
    /// From the value of another metric.
    Derived {
        /// The source metric.
        of: &'static Metric,
        /// The function of its value.
        by: fn(f64) -> Value,
    },
    /// By the network's loss functions, only during training and validation.
    InTraining,
}

/// How a confidence interval is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum IntervalMethod {
    /// DeLong's variance of the AUC of the fake output.
    DeLong,
    /// Percentiles over bootstrap resamples.
    #[strum(serialize = "bootstrap")]
    Bootstrap,
}

impl Metric {
    /// Returns whether the metric can be computed from scores and labels.
    #[must_use]
    pub fn is_score_based(&self) -> bool {
        !matches!(self.computed, Computed::InTraining)
    }

    /// Returns whether the values lie between 0 and 1.
    #[must_use]
    pub fn is_fraction(&self) -> bool {
        self.range == [0.0, 1.0]
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Metric {}

//! What a metric is. Each metric is a constant of [`Metric`] beside the function that computes it, or
//! where training computes it, beside its like.

use crate::{better::Better, error::MetricError};

/// A metric: its names, how to read it and how to compute it.
///
/// Two metrics are equal if their keys are.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name in JSON, in recipes and in the records of a run.
    pub key: &'static str,
    /// The name in tables.
    pub title: &'static str,
    /// What it measures, in one sentence.
    pub meaning: &'static str,
    /// Which way it gets better.
    pub better: Better,
    /// The least and the greatest value.
    pub range: [f64; 2],
    /// What a set of clips must have.
    pub needs: Needs,
    /// The stages whose validation measures it.
    pub stages: &'static [Stage],
    /// How it is computed.
    pub computed: Computed,
    /// How its confidence interval is estimated, if it has one.
    pub interval: Option<IntervalMethod>,
}

/// What a set of clips must have for a metric to be defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// One clip or more.
    Clips,
    /// Fakes and reals.
    BothClasses,
    /// Two clips or more, whose audio and frames are matched.
    Pairs,
}

/// A stage of training, by what its validation measures.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, strum::Display,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Stage {
    /// Stages 1 and 2: masked reconstruction and contrast; clips need no labels.
    Pretrain,
    /// Stage 3: real or fake.
    Finetune,
}

/// A metric's value, or why it has none.
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
        /// The other metric.
        of: &'static Metric,
        /// The function of its value.
        by: fn(f64) -> Value,
    },
    /// By the network's own loss functions, during training and validation only.
    InTraining,
}

/// How a confidence interval is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum IntervalMethod {
    /// DeLong's variance of the AUC of the fake output.
    DeLong,
    /// Percentiles over resampled clips.
    #[strum(serialize = "bootstrap")]
    Bootstrap,
}

impl Metric {
    /// Whether scores and labels suffice to compute it.
    #[must_use]
    pub fn is_of_scores(&self) -> bool {
        !matches!(self.computed, Computed::InTraining)
    }

    /// Whether it is a share, with values from 0 to 1.
    #[must_use]
    pub fn is_share(&self) -> bool {
        self.range == [0.0, 1.0]
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Metric {}

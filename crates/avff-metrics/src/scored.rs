//! A set of scored clips.

use serde::Serialize;

use crate::{
    error::MetricError,
    metric::{Computed, Metric},
    threshold::by_argmax,
};

/// One clip: the network's two outputs and the label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scored {
    /// Output 0, class fake: a logit or a probability.
    pub fake: f32,
    /// Output 1, class real, on the same scale.
    pub real: f32,
    /// The manifest's label: 1 fake, 0 real.
    pub target: u8,
}

/// A set of scored clips, stored by column.
#[derive(Debug, Clone)]
pub struct ScoredSet {
    pub(crate) fake: Vec<f32>,
    pub(crate) real: Vec<f32>,
    pub(crate) is_fake: Vec<bool>,
    pub(crate) decisions: Result<Vec<bool>, MetricError>,
}

impl ScoredSet {
    /// Collects the columns of `clips`.
    ///
    /// # Errors
    ///
    /// [`MetricError::Target`] if a label is neither 0 nor 1.
    pub fn new(clips: &[Scored]) -> Result<Self, MetricError> {
        let is_fake = labels(clips)?;
        let fake: Vec<f32> = clips.iter().map(|clip| clip.fake).collect();
        let real: Vec<f32> = clips.iter().map(|clip| clip.real).collect();
        let decisions = by_argmax(&fake, &real);
        Ok(Self { fake, real, is_fake, decisions })
    }

    /// Computes a metric over the set.
    ///
    /// # Errors
    ///
    /// [`MetricError`] if the metric is undefined for the set; [`MetricError::InTraining`] if it
    /// cannot be computed from scores.
    pub fn compute(&self, metric: Metric) -> Result<f64, MetricError> {
        let Self { fake, real, is_fake, decisions } = self;
        match metric.computed {
            Computed::FakeOutput(compute) => compute(fake, is_fake),
            Computed::BothOutputs(compute) => compute(fake, real, is_fake),
            Computed::Decisions(compute) => compute(decisions.as_ref().map_err(|e| *e)?, is_fake),
            Computed::Derived { of, by } => by(self.compute(*of)?),
            Computed::InTraining => Err(MetricError::InTraining { key: metric.key }),
        }
    }
}

/// Returns whether each clip is fake.
pub(crate) fn labels(clips: &[Scored]) -> Result<Vec<bool>, MetricError> {
    let is_fake = clips.iter().enumerate().map(|(index, clip)| match clip.target {
        0 => Ok(false),
        1 => Ok(true),
        value => Err(MetricError::Target { index, value }),
    });
    is_fake.collect()
}

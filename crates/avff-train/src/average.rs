//! Averages of the weights over a run, which are often better than the weights of any single step.

use avff_model::checkpoint::archive::{ArchiveReader, Entry};
use burn::{
    module::AutodiffModule,
    prelude::*,
    tensor::{TensorData, backend::AutodiffBackend},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::TrainError,
    params::{self, Parameter},
};

/// Settings of the weight averages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AverageConfig {
    /// First and last epoch, counted from 1, whose final weights are averaged. They correspond to
    /// the reference's unused `wa_start` and `wa_end`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<[u64; 2]>,
    /// Decay of an exponential moving average over steps, such as 0.999. It starts from the initial
    /// weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
}

/// The averages of a run so far.
#[derive(Debug)]
pub struct Averages<B: Backend> {
    config: AverageConfig,
    ema: Option<Vec<Tensor<B, 1>>>,
    /// Number of epochs in the mean, and the mean.
    mean: Option<(u64, Vec<Tensor<B, 1>>)>,
}

impl<B: Backend> Averages<B> {
    /// Starts from a module's weights.
    pub fn new<M: Module<B>>(config: &AverageConfig, module: &M) -> Self {
        let ema = config.ema.map(|_| params::values(module));
        Self { config: config.clone(), ema, mean: None }
    }

    /// Updates the moving average after a step.
    pub fn after_step<M: Module<B>>(&mut self, module: &M) {
        let (Some(decay), Some(ema)) = (self.config.ema, self.ema.take()) else { return };
        let values = params::values(module);
        let blend = |(old, new): (Tensor<B, 1>, Tensor<B, 1>)| old * decay + new * (1.0 - decay);
        self.ema = Some(ema.into_iter().zip(values).map(blend).collect());
    }

    /// Updates the mean after an epoch, counted from 1.
    pub fn after_epoch<M: Module<B>>(&mut self, epoch: u64, module: &M) {
        let Some([first, last]) = self.config.epochs else { return };
        if !(first..=last).contains(&epoch) {
            return;
        }
        let values = params::values(module);
        self.mean = Some(match self.mean.take() {
            None => (1, values),
            Some((count, mean)) => {
                let share = 1.0 / (count + 1) as f64;
                let blend =
                    |(old, new): (Tensor<B, 1>, Tensor<B, 1>)| old.clone() + (new - old) * share;
                (count + 1, mean.into_iter().zip(values).map(blend).collect())
            }
        });
    }

    /// Returns the module with the weights of the moving average.
    pub fn ema<A, M>(&self, module: &M) -> Option<M>
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        self.ema.as_deref().map(|values| with_values::<A, M>(module, values))
    }

    /// Returns the module with the mean weights of the configured epochs.
    pub fn mean<A, M>(&self, module: &M) -> Option<M>
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        self.mean.as_ref().map(|(_, values)| with_values::<A, M>(module, values))
    }

    /// Returns the number of epochs in the mean.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.mean.as_ref().map_or(0, |(count, _)| *count)
    }

    /// Returns the averages as entries of a training checkpoint.
    #[must_use]
    pub fn entries(&self, parameters: &[Parameter]) -> Vec<Entry> {
        let mean = self.mean.as_ref().map(|(_, values)| values);
        let averages = [("ema", self.ema.as_ref()), ("mean", mean)];
        let mut entries = Vec::new();
        for (prefix, values) in averages {
            for (parameter, tensor) in parameters.iter().zip(values.into_iter().flatten()) {
                let tensor = tensor.clone();
                entries.push(Entry {
                    name: format!("{prefix}/{}", parameter.key),
                    shape: vec![parameter.len()],
                    data: Box::new(move || tensor.to_data()),
                });
            }
        }
        entries
    }

    /// Restores the averages from [`entries`](Self::entries), with `epochs` in the mean.
    ///
    /// # Errors
    /// [`TrainError::Model`] for an incomplete file.
    pub fn restore(
        &mut self,
        parameters: &[Parameter],
        epochs: u64,
        reader: &mut ArchiveReader<'_>,
        device: &B::Device,
    ) -> Result<(), TrainError> {
        let mut read = |prefix: &str| -> Result<Vec<Tensor<B, 1>>, TrainError> {
            let tensor = |parameter: &Parameter| {
                let count = parameter.len();
                let values = reader.read(&format!("{prefix}/{}", parameter.key), &[count])?;
                Ok(Tensor::from_data(TensorData::new(values, [count]), device))
            };
            parameters.iter().map(tensor).collect()
        };
        self.ema = self.config.ema.map(|_| read("ema")).transpose()?;
        self.mean = if epochs == 0 { None } else { Some((epochs, read("mean")?)) };
        Ok(())
    }
}

fn with_values<A, M>(module: &M, values: &[Tensor<A::InnerBackend, 1>]) -> M
where
    A: AutodiffBackend,
    M: AutodiffModule<A>,
{
    params::update::<A, M>(module.clone(), |index, _| values.get(index).cloned())
}

#[cfg(test)]
mod tests {
    use burn::{
        backend::Autodiff,
        module::{AutodiffModule as _, Param},
    };
    use burn_flex::Flex;

    use super::*;

    type B = Autodiff<Flex>;

    #[derive(Module, Debug)]
    struct One<B: Backend> {
        weight: Param<Tensor<B, 1>>,
    }

    fn at(value: f64) -> One<B> {
        let values = Tensor::from_data([value, -2.0 * value], &Default::default());
        One { weight: Param::from_tensor(values) }
    }

    fn numbers(module: Option<One<B>>) -> Vec<f32> {
        let values = module.map(|module| module.weight.val().into_data().iter().collect());
        values.unwrap_or_default()
    }

    fn assert_values(actual: &[f32], expected: f64) {
        assert_eq!(actual.len(), 2, "{actual:?}");
        for (actual, expected) in actual.iter().zip([expected, -2.0 * expected]) {
            assert!((f64::from(*actual) - expected).abs() < 1e-6, "{actual} for {expected}");
        }
    }

    #[test]
    fn ema_matches_closed_form() {
        let config = AverageConfig { ema: Some(0.8), epochs: None };
        let weights = [0.3, -1.2, 2.0, 0.7, 0.1];
        let mut averages = Averages::new(&config, &at(weights[0]).valid());
        for weight in &weights[1..] {
            averages.after_step(&at(*weight).valid());
        }
        let steps = weights.len() as i32 - 1;
        let observed = weights.iter().enumerate().skip(1);
        let sum: f64 = observed.map(|(k, w)| 0.8_f64.powi(steps - k as i32) * w).sum();
        let expected = 0.8_f64.powi(steps) * weights[0] + 0.2 * sum;
        assert_values(&numbers(averages.ema::<B, _>(&at(9.0))), expected);
        assert!(averages.mean::<B, _>(&at(9.0)).is_none());
    }

    #[test]
    fn mean_covers_configured_epochs() {
        let config = AverageConfig { ema: None, epochs: Some([2, 4]) };
        let weights = [5.0, 0.25, -1.0, 3.0, 50.0];
        let mut averages = Averages::new(&config, &at(0.0).valid());
        assert!(averages.mean::<B, _>(&at(9.0)).is_none());
        for (epoch, weight) in (1..).zip(weights) {
            averages.after_epoch(epoch, &at(weight).valid());
        }
        assert_eq!(averages.epochs(), 3);
        assert_values(&numbers(averages.mean::<B, _>(&at(9.0))), (0.25 - 1.0 + 3.0) / 3.0);
        assert!(averages.ema::<B, _>(&at(9.0)).is_none());
    }
}

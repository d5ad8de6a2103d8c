//! Optimizers: Adam and AdamW exactly as in PyTorch, with parameter groups.
//!
//! Burn's own optimizers have no groups, and their state is found by identifiers that only Burn's
//! own checkpoints restore. Here, state is found by a parameter's index and stored under its key.

mod adam;
mod config;

use avff_model::checkpoint::archive::{ArchiveReader, Entry};
use burn::{
    module::AutodiffModule,
    prelude::*,
    tensor::{TensorData, backend::AutodiffBackend},
};

use self::adam::{Moments, Rates};
pub use self::config::{Group, OptimizerConfig, OptimizerKind};
use crate::{
    error::TrainError,
    gradients::Gradients,
    params::{self, Parameter},
};

/// An optimizer with its state.
#[derive(Debug)]
pub struct Optimizer<B: Backend> {
    config: OptimizerConfig,
    slots: Vec<Slot<B>>,
}

/// A parameter with its settings and state.
#[derive(Debug)]
struct Slot<B: Backend> {
    parameter: Parameter,
    lr_factor: f64,
    weight_decay: f64,
    /// `None` before the first gradient.
    moments: Option<Moments<B>>,
}

impl<B: Backend> Optimizer<B> {
    /// Creates an optimizer without state for a module's parameters.
    ///
    /// # Errors
    /// [`TrainError::Keys`] for a group that matches no parameter.
    pub fn new(config: &OptimizerConfig, parameters: Vec<Parameter>) -> Result<Self, TrainError> {
        for prefix in config.groups.iter().flat_map(|group| &group.keys) {
            if !parameters.iter().any(|parameter| parameter.key.starts_with(prefix.as_str())) {
                let setting = "optimizer.groups";
                return Err(TrainError::Keys { setting, prefix: prefix.clone() });
            }
        }
        let slot = |parameter: Parameter| {
            let (lr_factor, weight_decay) = config.of(&parameter.key);
            Slot { parameter, lr_factor, weight_decay, moments: None }
        };
        Ok(Self { config: config.clone(), slots: parameters.into_iter().map(slot).collect() })
    }

    /// Takes a step with learning rate `lr` (times each group's factor). Parameters without a
    /// gradient and their state stay unchanged.
    pub fn step<A, M>(&mut self, lr: f64, module: M, mut gradients: Gradients<B>) -> M
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        params::update::<A, M>(module, |index, values| {
            let gradient = gradients.0.get_mut(index)?.take()?;
            let slot = self.slots.get_mut(index).filter(|slot| slot.parameter.trained)?;
            let rates = Rates {
                kind: self.config.kind,
                lr: lr * slot.lr_factor,
                betas: self.config.betas,
                eps: self.config.eps,
                weight_decay: slot.weight_decay,
            };
            let moments = slot.moments.take();
            let (values, moments) = adam::step(&rates, values, gradient, moments);
            slot.moments = Some(moments);
            Some(values)
        })
    }

    /// Returns the state as entries of a training checkpoint; names begin with `prefix`.
    #[must_use]
    pub fn entries(&self, prefix: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        for slot in &self.slots {
            let Some(moments) = &slot.moments else { continue };
            let key = &slot.parameter.key;
            for (what, tensor) in [("mean", &moments.mean), ("square", &moments.square)] {
                let tensor = tensor.clone();
                entries.push(Entry {
                    name: format!("{prefix}/{what}/{key}"),
                    shape: vec![slot.parameter.len()],
                    data: Box::new(move || tensor.to_data()),
                });
            }
        }
        entries
    }

    /// Returns the number of steps of every parameter, in field order.
    #[must_use]
    pub fn steps(&self) -> Vec<u64> {
        self.slots.iter().map(|slot| slot.moments.as_ref().map_or(0, |m| m.steps)).collect()
    }

    /// Restores the values of [`entries`](Self::entries) and [`steps`](Self::steps).
    ///
    /// # Errors
    /// [`TrainError::Model`] for an incomplete file.
    pub fn restore(
        &mut self,
        prefix: &str,
        steps: &[u64],
        reader: &mut ArchiveReader<'_>,
        device: &B::Device,
    ) -> Result<(), TrainError> {
        for (slot, &steps) in self.slots.iter_mut().zip(steps) {
            slot.moments = None;
            if steps == 0 {
                continue;
            }
            let count = slot.parameter.len();
            let mut read = |what: &str| -> Result<Tensor<B, 1>, TrainError> {
                let name = format!("{prefix}/{what}/{}", slot.parameter.key);
                let values = reader.read(&name, &[count])?;
                Ok(Tensor::from_data(TensorData::new(values, [count]), device))
            };
            slot.moments = Some(Moments { mean: read("mean")?, square: read("square")?, steps });
        }
        Ok(())
    }
}

//! The classifier's head, with dropout in training.

use burn::{prelude::*, tensor::TensorData};
use rand::{Rng, RngExt};

use crate::{
    init::Init,
    layers::{Linear, relu},
};

/// Outputs of the classifier: index 0 is fake, index 1 is real.
pub const CLASSES: usize = 2;

/// The multi-layer head.
#[derive(Module, Debug)]
pub struct Head<B: Backend> {
    /// `[hidden, inputs]`.
    pub fc1: Linear<B>,
    /// `[hidden, hidden]`.
    pub fc2: Linear<B>,
    /// `[2, hidden]`.
    pub fc3: Linear<B>,
    dropout: f64,
}

impl<B: Backend> Head<B> {
    pub(crate) fn new(
        init: &mut Init,
        [inputs, hidden]: [usize; 2],
        dropout: f64,
        device: &B::Device,
    ) -> Self {
        Self {
            fc1: Linear::torch_default(init, [inputs, hidden], device),
            fc2: Linear::torch_default(init, [hidden, hidden], device),
            fc3: Linear::torch_default(init, [hidden, CLASSES], device),
            dropout,
        }
    }

    /// Computes the logits without dropout.
    ///
    /// # Shapes
    /// - `x`: `[batch, inputs]`
    /// - output: `[batch, 2]`
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.apply(x, |x| x)
    }

    /// Computes the logits with dropout, where each clip has its own random number generator. The
    /// random numbers come from the host, so a step is reproducible on any backend and with
    /// gradient accumulation.
    pub fn forward_with_dropout(&self, x: Tensor<B, 2>, clips: &mut [impl Rng]) -> Tensor<B, 2> {
        self.apply(x, |x| self.apply_dropout(x, clips))
    }

    fn apply(
        &self,
        x: Tensor<B, 2>,
        mut dropout: impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let x = relu(dropout(self.fc1.forward(x)));
        let x = relu(dropout(self.fc2.forward(x)));
        self.fc3.forward(x)
    }

    /// Sets features to zero with the configured probability and scales the others up to keep the
    /// mean.
    fn apply_dropout(&self, x: Tensor<B, 2>, clips: &mut [impl Rng]) -> Tensor<B, 2> {
        if self.dropout == 0.0 {
            return x;
        }
        let [batch, features] = x.dims();
        let scale = (1.0 / (1.0 - self.dropout)) as f32;
        let factor =
            |rng: &mut _| if RngExt::random::<f64>(rng) < self.dropout { 0.0 } else { scale };
        let rows = clips.iter_mut().take(batch);
        let factors: Vec<f32> =
            rows.flat_map(|rng| (0..features).map(|_| factor(rng)).collect::<Vec<_>>()).collect();
        let shape = [factors.len() / features, features];
        let factors = Tensor::from_data(TensorData::new(factors, shape), (&x.device(), x.dtype()));
        x * factors
    }
}

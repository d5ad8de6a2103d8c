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

    /// # Shapes
    /// - `x`: `[batch, inputs]`
    /// - output: `[batch, 2]`
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.through(x, |x| x)
    }

    /// [`forward`](Self::forward) with features dropped, each clip's drawn from a generator of its own:
    /// on the host, so that a step can be repeated on any backend and in any parts.
    pub fn forward_dropping(&self, x: Tensor<B, 2>, clips: &mut [impl Rng]) -> Tensor<B, 2> {
        self.through(x, |x| self.drop(x, clips))
    }

    fn through(
        &self,
        x: Tensor<B, 2>,
        mut drop: impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let x = relu(drop(self.fc1.forward(x)));
        let x = relu(drop(self.fc2.forward(x)));
        self.fc3.forward(x)
    }

    /// Zero with the config's probability, scaled up to keep the mean elsewhere.
    fn drop(&self, x: Tensor<B, 2>, clips: &mut [impl Rng]) -> Tensor<B, 2> {
        if self.dropout == 0.0 {
            return x;
        }
        let [batch, features] = x.dims();
        let scale = (1.0 / (1.0 - self.dropout)) as f32;
        let draw =
            |rng: &mut _| if RngExt::random::<f64>(rng) < self.dropout { 0.0 } else { scale };
        let rows = clips.iter_mut().take(batch);
        let factors: Vec<f32> =
            rows.flat_map(|rng| (0..features).map(|_| draw(rng)).collect::<Vec<_>>()).collect();
        let shape = [factors.len() / features, features];
        let factors = Tensor::from_data(TensorData::new(factors, shape), (&x.device(), x.dtype()));
        x * factors
    }
}

//! Initial values of parameters.
//!
//! They are drawn on the host from one seeded random number generator in the order of construction, so
//! they are equal on every backend. Values that backends draw lazily themselves are not.

use burn::{
    module::Param,
    prelude::*,
    tensor::{Shape, TensorData},
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The source of initial values.
#[derive(Debug)]
pub struct Init(Source);

#[derive(Debug)]
enum Source {
    Seeded(Box<ChaCha8Rng>),
    Blank,
}

/// How a weight is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Draw {
    /// Uniform, variance `2 / (fan_in + fan_out)` (Glorot and Bengio 2010).
    XavierUniform,
    /// Normal, the same variance.
    XavierNormal,
    /// PyTorch's default for linear layers and convolutions, and for their biases:
    /// uniform in `±1 / sqrt(fan_in)`.
    TorchDefault {
        /// Inputs of one output; a bias uses its weight's.
        fan_in: usize,
    },
    /// Normal with standard deviation 0.02: modality and mask tokens.
    Token,
    /// A constant.
    Constant(f32),
}

impl Init {
    /// The reference's initialisation, drawn from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Box::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// No values yet: for a model whose weights are loaded next. Allocates nothing.
    #[must_use]
    pub fn blank() -> Self {
        Self(Source::Blank)
    }

    /// A parameter of `shape`; fans count the first dimension as outputs, the rest as inputs.
    pub(crate) fn param<B: Backend, const D: usize>(
        &mut self,
        shape: [usize; D],
        draw: Draw,
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        let Source::Seeded(rng) = &mut self.0 else { return blank(shape, device) };
        let count: usize = shape.iter().product();
        let fan_out = shape.first().copied().unwrap_or(1);
        let fans = (fan_out + count / fan_out.max(1)) as f64;
        let values: Vec<f32> = match draw {
            Draw::XavierUniform => uniform(rng, count, (6.0 / fans).sqrt()),
            Draw::XavierNormal => normal(rng, count, (2.0 / fans).sqrt()),
            Draw::TorchDefault { fan_in } => uniform(rng, count, 1.0 / (fan_in as f64).sqrt()),
            Draw::Token => normal(rng, count, 0.02),
            Draw::Constant(value) => vec![value; count],
        };
        Param::from_data(TensorData::new(values, Shape::from(shape)), device)
    }

    /// A parameter with given initial values, computed only if they will be used.
    pub(crate) fn table<B: Backend>(
        &mut self,
        shape: [usize; 3],
        values: impl FnOnce() -> Vec<f32>,
        device: &B::Device,
    ) -> Param<Tensor<B, 3>> {
        match self.0 {
            Source::Blank => blank(shape, device),
            Source::Seeded(_) => {
                Param::from_data(TensorData::new(values(), Shape::from(shape)), device)
            }
        }
    }
}

fn blank<B: Backend, const D: usize>(shape: [usize; D], device: &B::Device) -> Param<Tensor<B, D>> {
    burn::module::Initializer::Zeros.init(shape, device)
}

fn uniform(rng: &mut impl Rng, count: usize, bound: f64) -> Vec<f32> {
    (0..count).map(|_| ((rng.random::<f64>() * 2.0 - 1.0) * bound) as f32).collect()
}

fn normal(rng: &mut impl Rng, count: usize, std: f64) -> Vec<f32> {
    (0..count)
        .map(|_| {
            let value: f64 = StandardNormal.sample(rng);
            (value * std) as f32
        })
        .collect()
}

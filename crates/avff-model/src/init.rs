//! Initial values of parameters.
//!
//! A seeded random number generator on the host draws them in the order of construction, so they
//! are equal on every backend. Values that a backend initializes lazily itself are not.

use burn::{
    module::Param,
    prelude::*,
    tensor::{Shape, TensorData},
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of modality and mask tokens.
const TOKEN_STD: f64 = 0.02;

/// The source of initial values.
#[derive(Debug)]
pub struct Init(Source);

#[derive(Debug)]
enum Source {
    Seeded(Box<ChaCha8Rng>),
    Blank,
}

/// The distribution of a weight's initial values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Initializer {
    /// Uniform, variance `2 / (fan_in + fan_out)` (Glorot and Bengio 2010).
    XavierUniform,
    /// Normal, variance `2 / (fan_in + fan_out)`.
    XavierNormal,
    /// PyTorch's default for linear layers and convolutions, and for their biases:
    /// uniform in `±1 / sqrt(fan_in)`.
    TorchDefault {
        /// Inputs of one output; a bias uses the value of its weight.
        fan_in: usize,
    },
    /// Normal with standard deviation 0.02, for modality and mask tokens.
    Token,
    /// The part of [`Token`](Self::Token) within one standard deviation.
    TruncatedToken,
    /// A constant.
    Constant(f32),
}

impl Init {
    /// Initializes as the reference does, with random numbers from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Box::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// Leaves values unset, for a model whose weights are loaded next. Allocates nothing.
    #[must_use]
    pub fn blank() -> Self {
        Self(Source::Blank)
    }

    /// Returns a parameter of `shape`. The first dimension counts as outputs, the others as inputs.
    pub(crate) fn param<B: Backend, const D: usize>(
        &mut self,
        shape: [usize; D],
        initializer: Initializer,
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        let Source::Seeded(rng) = &mut self.0 else { return blank(shape, device) };
        let count: usize = shape.iter().product();
        let fan_out = shape.first().copied().unwrap_or(1);
        let fans = (fan_out + count / fan_out.max(1)) as f64;
        let values: Vec<f32> = match initializer {
            Initializer::XavierUniform => uniform(rng, count, (6.0 / fans).sqrt()),
            Initializer::XavierNormal => normal(rng, count, (2.0 / fans).sqrt()),
            Initializer::TorchDefault { fan_in } => {
                uniform(rng, count, 1.0 / (fan_in as f64).sqrt())
            }
            Initializer::Token => normal(rng, count, TOKEN_STD),
            Initializer::TruncatedToken => truncated_normal(rng, count, TOKEN_STD),
            Initializer::Constant(value) => vec![value; count],
        };
        Param::from_data(TensorData::new(values, Shape::from(shape)), device)
    }

    /// Returns a parameter with given initial values, which are computed only if needed.
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

/// Values of a normal distribution that lie within one standard deviation.
fn truncated_normal(rng: &mut impl Rng, count: usize, std: f64) -> Vec<f32> {
    let values = StandardNormal.sample_iter(rng).filter(|value: &f64| value.abs() <= 1.0);
    values.take(count).map(|value| (value * std) as f32).collect()
}

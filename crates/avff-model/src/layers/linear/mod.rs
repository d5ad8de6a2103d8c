//! A linear layer, whose weight lies as PyTorch stores it.
//!
//! - `product.rs`: its product, in plain operations and on GPUs
//! - `cpu`: its product on the CPU, and weights that are prepared for it

#[cfg(feature = "flex")]
mod cpu;
#[cfg(not(feature = "flex"))]
#[path = "no_cpu.rs"]
mod cpu;
mod product;

#[cfg(feature = "flex")]
use std::sync::Arc;

use burn::{module::Param, prelude::*};

use super::{gelu::BiasGelu, matmul::matmul, residual::Residual};
use crate::init::{Draw, Init};
#[cfg(feature = "flex")]
use crate::tensor_file::in_file::{InFile, Place};
use cpu::Int8;
pub(crate) use {cpu::Packed, product::Product};

/// `y = x Wᵀ + b` with `W` of shape `[out, in]`.
///
/// Burn's own layer keeps `[in, out]`, which would cost a transposition of every weight of a
/// checkpoint at load and at save; matrix products take the transposed view as it is.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[out, in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
    /// The weight for evaluation, which replaces `weight`.
    #[module(skip)]
    prepared: Option<Prepared>,
}

/// A weight as evaluation multiplies with it.
#[derive(Debug, Clone)]
enum Prepared {
    /// In the order in which products read it.
    Packed(Packed),
    /// In bytes.
    Int8(Int8),
}

impl<B: Backend> Linear<B> {
    /// Weight drawn as asked, bias zero.
    pub(crate) fn zero_bias(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        draw: Draw,
        device: &B::Device,
    ) -> Self {
        Self {
            weight: init.param([outputs, inputs], draw, device),
            bias: Some(init.param([outputs], Draw::Constant(0.0), device)),
            prepared: None,
        }
    }

    /// Weight drawn as asked, no bias.
    pub(crate) fn no_bias(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        draw: Draw,
        device: &B::Device,
    ) -> Self {
        Self { weight: init.param([outputs, inputs], draw, device), bias: None, prepared: None }
    }

    /// Initialized as `torch.nn.Linear` is.
    pub(crate) fn torch_default(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        device: &B::Device,
    ) -> Self {
        let draw = Draw::TorchDefault { fan_in: inputs };
        Self {
            weight: init.param([outputs, inputs], draw, device),
            bias: Some(init.param([outputs], draw, device)),
            prepared: None,
        }
    }

    /// The layer over tokens instead of features.
    ///
    /// # Shapes
    /// - `x`: `[batch, inputs, dim]`
    /// - output: `[batch, outputs, dim]`
    pub(crate) fn over_tokens(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        // The weight from the left, so that no token axis has to be moved.
        let y = matmul(self.weight.val().unsqueeze::<3>(), x);
        match &self.bias {
            Some(bias) => y + bias.val().unsqueeze_dim::<2>(1).unsqueeze::<3>(),
            None => y,
        }
    }

    /// `x Wᵀ`, without the bias.
    pub(crate) fn product(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => weight.product(x),
            Some(Prepared::Int8(weight)) => weight.product(x),
            None => Product::forward(x, self.weight.val()),
        }
    }

    /// `gelu(x Wᵀ + b)`.
    pub(crate) fn gelu(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => weight.gelu(x, self.bias()),
            _ => BiasGelu::forward(self.product(x), self.bias()),
        }
    }

    /// `skip + (x Wᵀ + b)`.
    pub(crate) fn skip(&self, skip: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => weight.skip(skip, x, self.bias()),
            _ => Residual::forward(skip, self.product(x), self.bias()),
        }
    }

    /// Rounds the weight to bytes and drops the plain one, where the CPU kernel runs.
    pub(crate) fn round_to_int8(&mut self) {
        self.prepare(Int8::new(self.weight.val()).map(Prepared::Int8));
    }

    /// Rounds the weight to bfloat16 and drops the plain one, where the CPU kernel runs.
    pub(crate) fn round_to_bf16(&mut self) {
        self.prepare(Packed::bf16(self.weight.val()).map(Prepared::Packed));
    }

    /// Packs the weight and drops the plain one, where the CPU kernel runs.
    pub(crate) fn pack(&mut self) {
        if self.prepared.is_none() {
            self.prepare(Packed::new(self.weight.val()).map(Prepared::Packed));
        }
    }

    /// Leaves the weight where it is stored.
    #[cfg(feature = "flex")]
    pub(crate) fn leave_in(&mut self, source: Arc<InFile>, place: Place) {
        self.prepare(Some(Prepared::Packed(Packed::in_file(source, place))));
    }

    /// The weight, where it is packed.
    #[cfg(feature = "flex")]
    pub(crate) fn packed(&self) -> Option<&Packed> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => Some(weight),
            _ => None,
        }
    }

    /// Whether the weight is packed or rounded, and the plain one dropped.
    pub(crate) fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }

    fn prepare(&mut self, prepared: Option<Prepared>) {
        if prepared.is_some() {
            // A lazy shape, because a blank weight must not take memory here.
            let outputs = self.weight.lazy_shape()[0];
            let empty = Tensor::zeros([outputs, 0], &self.weight.lazy_device());
            self.weight = Param::from_tensor(empty).set_require_grad(false);
            self.prepared = prepared;
        }
    }

    /// The bias, zero where there is none.
    pub(crate) fn bias(&self) -> Tensor<B, 1> {
        match &self.bias {
            Some(bias) => bias.val(),
            None => {
                let [outputs, _] = self.weight.dims();
                Tensor::zeros([outputs], &self.weight.device())
            }
        }
    }

    /// # Shapes
    /// - `x`: `[.., in]`
    /// - output: `[.., out]`
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        let mut shape = x.dims();
        let rows = shape[..D - 1].iter().product::<usize>();
        let x = x.reshape([rows, shape[D - 1]]);
        let y = match (&self.bias, &self.prepared) {
            (Some(bias), Some(Prepared::Packed(weight))) => weight.with_bias(x, bias.val()),
            (Some(bias), _) => self.product(x) + bias.val().unsqueeze(),
            (None, _) => self.product(x),
        };
        shape[D - 1] = y.dims()[1];
        y.reshape(shape)
    }
}

/// Flattens `x` to rows and applies `W`, `b`.
///
/// One product over all rows: with leading dimensions kept, the weight's gradient would be built
/// once a clip and then summed.
///
/// # Shapes
/// - `x`: `[.., in]`, `weight`: `[out, in]`, `bias`: `[out]`
/// - output: `[rows, out]`
pub(crate) fn project<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
) -> Tensor<B, 2> {
    let [_, inputs] = weight.dims();
    let rows = x.dims()[..D - 1].iter().product::<usize>();
    Product::forward(x.reshape([rows, inputs]), weight) + bias.unsqueeze()
}

//! Linear layers with weights in PyTorch's layout.
//!
//! - `product.rs`: the product, in plain operations and on GPUs
//! - `cpu`: the product on the CPU, and weights prepared for it

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
use crate::init::{Init, Initializer};
#[cfg(feature = "flex")]
use crate::tensor_file::offloaded::{OffloadedWeights, WeightLocation};
use cpu::Int8;
pub(crate) use {cpu::Packed, product::Product};

/// A linear layer `y = x Wᵀ + b` with `W` of shape `[out, in]`.
///
/// Burn's own layer stores `[in, out]`, so every weight of a checkpoint would be transposed at
/// loading and at saving. Matrix products read the transposed view directly.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[out, in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
    /// The prepared weight for evaluation, which replaces `weight`.
    #[module(skip)]
    prepared: Option<Prepared>,
}

/// A weight in the form that evaluation uses.
#[derive(Debug, Clone)]
enum Prepared {
    /// Packed in the order in which products read it.
    Packed(Packed),
    /// Quantized to bytes.
    Int8(Int8),
}

impl<B: Backend> Linear<B> {
    /// Creates a layer with a weight from `initializer` and a zero bias.
    pub(crate) fn zero_bias(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        initializer: Initializer,
        device: &B::Device,
    ) -> Self {
        Self {
            weight: init.param([outputs, inputs], initializer, device),
            bias: Some(init.param([outputs], Initializer::Constant(0.0), device)),
            prepared: None,
        }
    }

    /// Creates a layer with a weight from `initializer` and no bias.
    pub(crate) fn no_bias(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        initializer: Initializer,
        device: &B::Device,
    ) -> Self {
        Self {
            weight: init.param([outputs, inputs], initializer, device),
            bias: None,
            prepared: None,
        }
    }

    /// Creates a layer with the initial values of `torch.nn.Linear`.
    pub(crate) fn torch_default(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        device: &B::Device,
    ) -> Self {
        let initializer = Initializer::TorchDefault { fan_in: inputs };
        Self {
            weight: init.param([outputs, inputs], initializer, device),
            bias: Some(init.param([outputs], initializer, device)),
            prepared: None,
        }
    }

    /// Applies the layer over tokens instead of features.
    ///
    /// # Shapes
    /// - `x`: `[batch, inputs, dim]`
    /// - output: `[batch, outputs, dim]`
    pub(crate) fn over_tokens(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        // Multiplying from the left avoids a transposition of the token axis.
        let y = matmul(self.weight.val().unsqueeze::<3>(), x);
        match &self.bias {
            Some(bias) => y + bias.val().unsqueeze_dim::<2>(1).unsqueeze::<3>(),
            None => y,
        }
    }

    /// Computes `x Wᵀ`, without the bias.
    pub(crate) fn product(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => weight.product(x),
            Some(Prepared::Int8(weight)) => weight.product(x),
            None => Product::forward(x, self.weight.val()),
        }
    }

    /// Computes `gelu(x Wᵀ + b)`.
    pub(crate) fn gelu(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => weight.gelu(x, self.bias()),
            _ => BiasGelu::forward(self.product(x), self.bias()),
        }
    }

    /// Computes `skip + (x Wᵀ + b)`.
    pub(crate) fn skip(&self, skip: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.prepared {
            Some(Prepared::Packed(weight)) => weight.skip(skip, x, self.bias()),
            _ => Residual::forward(skip, self.product(x), self.bias()),
        }
    }

    /// Quantizes the weight to bytes and drops the plain one, if the CPU kernel is available.
    pub(crate) fn round_to_int8(&mut self) {
        self.prepare(Int8::new(self.weight.val()).map(Prepared::Int8));
    }

    /// Rounds the weight to bfloat16 and drops the plain one, if the CPU kernel is available.
    pub(crate) fn round_to_bf16(&mut self) {
        self.prepare(Packed::bf16(self.weight.val()).map(Prepared::Packed));
    }

    /// Packs the weight and drops the plain one, if the CPU kernel is available.
    pub(crate) fn pack(&mut self) {
        if self.prepared.is_none() {
            self.prepare(Packed::new(self.weight.val()).map(Prepared::Packed));
        }
    }

    /// Offloads the weight to its file.
    #[cfg(feature = "flex")]
    pub(crate) fn offload_to(&mut self, source: Arc<OffloadedWeights>, place: WeightLocation) {
        self.prepare(Some(Prepared::Packed(Packed::offloaded(source, place))));
    }

    /// Returns the packed weight, if there is one.
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
            // The lazy shape avoids allocating a blank weight.
            let outputs = self.weight.lazy_shape()[0];
            let empty = Tensor::zeros([outputs, 0], &self.weight.lazy_device());
            self.weight = Param::from_tensor(empty).set_require_grad(false);
            self.prepared = prepared;
        }
    }

    /// Returns the bias, or zeros if there is none.
    pub(crate) fn bias(&self) -> Tensor<B, 1> {
        match &self.bias {
            Some(bias) => bias.val(),
            None => {
                let [outputs, _] = self.weight.dims();
                Tensor::zeros([outputs], &self.weight.device())
            }
        }
    }

    /// Applies the layer.
    ///
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

/// Flattens `x` to rows and applies `W` and `b`.
///
/// It computes one product over all rows. With leading dimensions kept, the weight's gradient would
/// be computed once per clip and then summed.
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

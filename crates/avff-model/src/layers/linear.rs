//! A linear layer whose weight lies as PyTorch stores it.

use burn::{module::Param, prelude::*};

use crate::init::{Draw, Init};

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
        }
    }

    /// Weight drawn as asked, no bias.
    pub(crate) fn no_bias(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        draw: Draw,
        device: &B::Device,
    ) -> Self {
        Self { weight: init.param([outputs, inputs], draw, device), bias: None }
    }

    /// As `torch.nn.Linear` starts.
    pub(crate) fn torch_default(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        device: &B::Device,
    ) -> Self {
        let draw = Draw::TorchDefault { fan_in: inputs };
        Self {
            weight: init.param([outputs, inputs], draw, device),
            bias: Some(init.param([outputs], draw, device)),
        }
    }

    /// # Shapes
    /// - `x`: `[.., in]`
    /// - output: `[.., out]`
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        let mut shape = x.dims();
        let bias = self.bias.as_ref().map(Param::val);
        let y = project(x, self.weight.val(), bias);
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
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, 2> {
    let [_, inputs] = weight.dims();
    let rows = x.dims()[..D - 1].iter().product::<usize>();
    let y = x.reshape([rows, inputs]).matmul(weight.transpose());
    match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    }
}

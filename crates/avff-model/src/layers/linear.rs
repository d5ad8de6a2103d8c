//! A linear layer whose weight lies as PyTorch stores it.

use burn::{module::Param, prelude::*};

use crate::{
    fused::{Int8, Product},
    init::{Draw, Init},
};

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
    /// The weight in bytes, in the place of `weight`.
    #[module(skip)]
    int8: Option<Int8>,
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
            int8: None,
        }
    }

    /// Weight drawn as asked, no bias.
    pub(crate) fn no_bias(
        init: &mut Init,
        [inputs, outputs]: [usize; 2],
        draw: Draw,
        device: &B::Device,
    ) -> Self {
        Self { weight: init.param([outputs, inputs], draw, device), bias: None, int8: None }
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
            int8: None,
        }
    }

    /// `x Wᵀ`, without the bias.
    pub(crate) fn product(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.int8 {
            Some(weight) => weight.product(x),
            None => Product::forward(x, self.weight.val()),
        }
    }

    /// Rounds the weight to bytes, and lets it go where that is what products run with.
    pub(crate) fn round_to_int8(&mut self) {
        self.int8 = Int8::new(self.weight.val());
        if self.int8.is_some() {
            let [outputs, _] = self.weight.dims();
            let empty = Tensor::zeros([outputs, 0], &self.weight.device());
            self.weight = Param::from_tensor(empty).set_require_grad(false);
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
        let y = self.product(x.reshape([rows, shape[D - 1]]));
        let y = match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
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
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, 2> {
    let [_, inputs] = weight.dims();
    let rows = x.dims()[..D - 1].iter().product::<usize>();
    let y = Product::forward(x.reshape([rows, inputs]), weight);
    match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    }
}

//! Weights in 8-bit integers, for evaluation on the CPU.

use std::sync::Arc;

use avff_kernels::{int8::Weights, memory::scratch};
use burn::{prelude::*, tensor::DType};
use burn_flex::FlexTensor;

use crate::layers::dispatch::{
    cast,
    cpu_dispatch::{contiguous, from_flex, new, numbers, to_flex},
    primitive,
};

/// A weight matrix, quantized to bytes.
#[derive(Debug, Clone)]
pub(crate) struct Int8(Arc<Weights>);

impl Int8 {
    /// Quantizes a `[outputs, inputs]` matrix of f32; `None` on other backends and in other
    /// precisions.
    pub(crate) fn new<B: Backend>(weight: Tensor<B, 2>) -> Option<Self> {
        if weight.dtype() != DType::F32 {
            return None;
        }
        let shape = weight.dims();
        let weight: FlexTensor = contiguous(cast(primitive(weight)).ok()?);
        Some(Self(Arc::new(Weights::new(numbers(&weight), shape))))
    }

    /// Computes `x Wᵀ`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - output: `[rows, outputs]`
    pub(crate) fn product<B: Backend>(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let [rows, _] = x.dims();
        let x = contiguous(to_flex(x));
        let mut out = scratch(rows * self.0.outputs());
        self.0.multiply(numbers(&x), &mut out);
        from_flex(new(out, [rows, self.0.outputs()]))
    }
}

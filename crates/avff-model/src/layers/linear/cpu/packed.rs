//! Packed weights for evaluation on the CPU.

use std::sync::Arc;

use avff_kernels::{
    bf16,
    memory::scratch,
    product::{Epilogue, Weights},
};
use burn::{prelude::*, tensor::DType};
use burn_flex::FlexTensor;

use crate::{
    layers::dispatch::{
        cast,
        cpu_dispatch::{contiguous, from_flex, new, numbers, owned, to_flex},
        primitive,
    },
    tensor_file::offloaded::{OffloadedWeights, WeightLocation},
};

/// A weight matrix, packed for the kernel.
#[derive(Debug, Clone)]
pub(crate) enum Packed {
    /// In f32.
    InMemory(Arc<Weights>),
    /// Rounded to bfloat16.
    Bf16(Arc<bf16::Weights>),
    /// Offloaded to its file, from which each product reads and packs it.
    Offloaded(Arc<OffloadedWeights>, WeightLocation),
}

impl Packed {
    /// Returns a weight that stays in its file.
    pub(crate) fn offloaded(source: Arc<OffloadedWeights>, place: WeightLocation) -> Self {
        Self::Offloaded(source, place)
    }

    /// Packs a `[outputs, inputs]` matrix of f32. Returns `None` for other backends and precisions,
    /// and for an empty matrix.
    pub(crate) fn new<B: Backend>(weight: Tensor<B, 2>) -> Option<Self> {
        packed(weight, |numbers, shape| Self::InMemory(Arc::new(Weights::new(numbers, shape))))
    }

    /// Packs as [`new`](Self::new) does, rounded to bfloat16.
    pub(crate) fn bf16<B: Backend>(weight: Tensor<B, 2>) -> Option<Self> {
        packed(weight, |numbers, shape| Self::Bf16(Arc::new(bf16::Weights::new(numbers, shape))))
    }

    /// Whether the weight is rounded to bfloat16.
    pub(in crate::layers) fn is_bf16(&self) -> bool {
        matches!(self, Self::Bf16(_))
    }

    /// Computes `x Wᵀ`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - output: `[rows, outputs]`
    pub(crate) fn product<B: Backend>(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.multiply(x, None, Epilogue::None)
    }

    /// Computes `x Wᵀ + bias`.
    pub(crate) fn with_bias<B: Backend>(
        &self,
        x: Tensor<B, 2>,
        bias: Tensor<B, 1>,
    ) -> Tensor<B, 2> {
        self.multiply(x, Some(bias), Epilogue::None)
    }

    /// Computes `gelu(x Wᵀ + bias)`.
    pub(crate) fn gelu<B: Backend>(&self, x: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 2> {
        self.multiply(x, Some(bias), Epilogue::Gelu)
    }

    /// Computes `skip + x Wᵀ + bias`.
    pub(crate) fn skip<B: Backend>(
        &self,
        skip: Tensor<B, 2>,
        x: Tensor<B, 2>,
        bias: Tensor<B, 1>,
    ) -> Tensor<B, 2> {
        let mut out = owned(to_flex(skip));
        let (x, bias) = (contiguous(to_flex(x)), contiguous(to_flex(bias)));
        self.multiply_into(numbers(&x), Some(numbers(&bias)), out.storage_mut(), Epilogue::Add);
        from_flex(out)
    }

    fn multiply<B: Backend>(
        &self,
        x: Tensor<B, 2>,
        bias: Option<Tensor<B, 1>>,
        epilogue: Epilogue,
    ) -> Tensor<B, 2> {
        let [rows, _] = x.dims();
        let (x, bias) = (contiguous(to_flex(x)), bias.map(|bias| contiguous(to_flex(bias))));
        let mut out = scratch(rows * self.outputs());
        self.multiply_into(numbers(&x), bias.as_ref().map(numbers), &mut out, epilogue);
        from_flex(new(out, [rows, self.outputs()]))
    }

    /// Calls [`Weights::multiply`].
    pub(in crate::layers) fn multiply_into(
        &self,
        x: &[f32],
        bias: Option<&[f32]>,
        out: &mut [f32],
        epilogue: Epilogue,
    ) {
        match self {
            Self::InMemory(weights) => weights.multiply(x, bias, out, epilogue),
            Self::Bf16(weights) => weights.multiply(x, bias, out, epilogue),
            Self::Offloaded(source, place) => {
                source.with(*place, |weights| weights.multiply(x, bias, out, epilogue));
            }
        }
    }

    /// Returns the number of outputs per row.
    pub(in crate::layers) fn outputs(&self) -> usize {
        match self {
            Self::InMemory(weights) => weights.outputs(),
            Self::Bf16(weights) => weights.outputs(),
            Self::Offloaded(_, place) => place.shape[0],
        }
    }
}

fn packed<B: Backend>(
    weight: Tensor<B, 2>,
    pack: impl FnOnce(&[f32], [usize; 2]) -> Packed,
) -> Option<Packed> {
    let shape = weight.dims();
    if weight.dtype() != DType::F32 || shape.contains(&0) {
        return None;
    }
    let weight: FlexTensor = contiguous(cast(primitive(weight)).ok()?);
    Some(pack(numbers(&weight), shape))
}

//! Weights in the order in which products read them, for evaluation on the CPU.

use burn::prelude::*;
#[cfg(feature = "flex")]
use {
    super::{
        cast,
        flex::{contiguous, new, numbers, owned},
        primitive, same, tensor,
    },
    crate::checkpoint::in_file::{InFile, Place},
    avff_kernels::{
        bf16,
        product::{Then, Weights},
    },
    burn::tensor::ops::FloatTensor,
    burn_flex::FlexTensor,
    std::sync::Arc,
};

/// A weight matrix, packed.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    #[cfg(feature = "flex")]
    held: Held,
    /// There is none without kernels.
    #[cfg(not(feature = "flex"))]
    never: std::convert::Infallible,
}

/// Where a weight is.
#[cfg(feature = "flex")]
#[derive(Debug, Clone)]
enum Held {
    InMemory(Arc<Weights>),
    /// Rounded.
    Bf16(Arc<bf16::Weights>),
    /// Packed anew for each product.
    InFile(Arc<InFile>, Place),
}

impl Packed {
    /// A weight that stays in its file.
    #[cfg(feature = "flex")]
    pub(crate) fn in_file(source: Arc<InFile>, place: Place) -> Self {
        Self { held: Held::InFile(source, place) }
    }

    /// Packs a `[outputs, inputs]` matrix of f32; `None` where products run otherwise, or there is
    /// nothing to multiply with.
    pub(crate) fn new<B: Backend>(weight: Tensor<B, 2>) -> Option<Self> {
        #[cfg(feature = "flex")]
        return held(weight, |numbers, shape| {
            Held::InMemory(Arc::new(Weights::new(numbers, shape)))
        });
        #[cfg(not(feature = "flex"))]
        {
            let _ = weight;
            None
        }
    }

    /// As [`new`](Self::new), rounded to bfloat16.
    pub(crate) fn bf16<B: Backend>(weight: Tensor<B, 2>) -> Option<Self> {
        #[cfg(feature = "flex")]
        return held(weight, |numbers, shape| {
            Held::Bf16(Arc::new(bf16::Weights::new(numbers, shape)))
        });
        #[cfg(not(feature = "flex"))]
        {
            let _ = weight;
            None
        }
    }

    /// Whether it is rounded to bfloat16.
    #[cfg(feature = "flex")]
    pub(super) fn is_bf16(&self) -> bool {
        matches!(self.held, Held::Bf16(_))
    }

    /// `x Wᵀ`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - output: `[rows, outputs]`
    pub(crate) fn product<B: Backend>(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        #[cfg(feature = "flex")]
        return self.multiply(x, None, Then::Nothing);
        #[cfg(not(feature = "flex"))]
        self.none(x)
    }

    /// `x Wᵀ + bias`.
    pub(crate) fn with_bias<B: Backend>(
        &self,
        x: Tensor<B, 2>,
        bias: Tensor<B, 1>,
    ) -> Tensor<B, 2> {
        #[cfg(feature = "flex")]
        return self.multiply(x, Some(bias), Then::Nothing);
        #[cfg(not(feature = "flex"))]
        self.none((x, bias))
    }

    /// `gelu(x Wᵀ + bias)`.
    pub(crate) fn gelu<B: Backend>(&self, x: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 2> {
        #[cfg(feature = "flex")]
        return self.multiply(x, Some(bias), Then::Gelu);
        #[cfg(not(feature = "flex"))]
        self.none((x, bias))
    }

    /// `skip + x Wᵀ + bias`.
    pub(crate) fn skip<B: Backend>(
        &self,
        skip: Tensor<B, 2>,
        x: Tensor<B, 2>,
        bias: Tensor<B, 1>,
    ) -> Tensor<B, 2> {
        #[cfg(feature = "flex")]
        {
            let (mut out, x, bias) =
                (owned(flex(skip)), contiguous(flex(x)), contiguous(flex(bias)));
            let bias = Some(numbers(&bias));
            self.multiply_into(numbers(&x), bias, out.storage_mut(), Then::Skip);
            back(out)
        }
        #[cfg(not(feature = "flex"))]
        self.none((skip, x, bias))
    }

    #[cfg(feature = "flex")]
    fn multiply<B: Backend>(
        &self,
        x: Tensor<B, 2>,
        bias: Option<Tensor<B, 1>>,
        then: Then,
    ) -> Tensor<B, 2> {
        let [rows, _] = x.dims();
        let (x, bias) = (contiguous(flex(x)), bias.map(|bias| contiguous(flex(bias))));
        let mut out = avff_kernels::memory::scratch(rows * self.outputs());
        self.multiply_into(numbers(&x), bias.as_ref().map(numbers), &mut out, then);
        back(new(out, [rows, self.outputs()]))
    }

    /// [`Weights::multiply`].
    #[cfg(feature = "flex")]
    pub(super) fn multiply_into(
        &self,
        x: &[f32],
        bias: Option<&[f32]>,
        out: &mut [f32],
        then: Then,
    ) {
        match &self.held {
            Held::InMemory(weights) => weights.multiply(x, bias, out, then),
            Held::Bf16(weights) => weights.multiply(x, bias, out, then),
            Held::InFile(source, place) => {
                source.with(*place, |weights| weights.multiply(x, bias, out, then));
            }
        }
    }

    /// Outputs of a row.
    #[cfg(feature = "flex")]
    pub(super) fn outputs(&self) -> usize {
        match &self.held {
            Held::InMemory(weights) => weights.outputs(),
            Held::Bf16(weights) => weights.outputs(),
            Held::InFile(_, place) => place.shape[0],
        }
    }

    #[cfg(not(feature = "flex"))]
    pub(super) fn none<T, U>(&self, _: T) -> U {
        match self.never {}
    }
}

#[cfg(feature = "flex")]
fn held<B: Backend>(
    weight: Tensor<B, 2>,
    pack: impl FnOnce(&[f32], [usize; 2]) -> Held,
) -> Option<Packed> {
    let shape = weight.dims();
    if weight.dtype() != burn::tensor::DType::F32 || shape.contains(&0) {
        return None;
    }
    let weight: FlexTensor = contiguous(cast(primitive(weight)).ok()?);
    Some(Packed { held: pack(numbers(&weight), shape) })
}

#[cfg(feature = "flex")]
pub(super) fn flex<B: Backend, const D: usize>(x: Tensor<B, D>) -> FlexTensor {
    cast(primitive(x)).unwrap_or_else(|_| unreachable!("made for this backend"))
}

#[cfg(feature = "flex")]
pub(super) fn back<B: Backend, const D: usize>(x: FlexTensor) -> Tensor<B, D> {
    tensor(same::<_, FloatTensor<B>>(x))
}

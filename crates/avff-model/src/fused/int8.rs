//! Weights in 8-bit integers, for evaluation on the CPU.

use burn::prelude::*;
#[cfg(feature = "flex")]
use {
    super::{
        cast,
        flex::{contiguous, new, numbers},
        primitive, same, tensor,
    },
    avff_kernels::int8::Weights,
    burn::tensor::ops::FloatTensor,
    burn_flex::FlexTensor,
    std::sync::Arc,
};

/// A weight matrix in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Int8 {
    #[cfg(feature = "flex")]
    weights: Arc<Weights>,
    /// There is none without kernels.
    #[cfg(not(feature = "flex"))]
    never: std::convert::Infallible,
}

impl Int8 {
    /// Rounds a `[outputs, inputs]` matrix of f32; `None` where bytes are not computed with.
    pub(crate) fn new<B: Backend>(weight: Tensor<B, 2>) -> Option<Self> {
        #[cfg(feature = "flex")]
        {
            if weight.dtype() != burn::tensor::DType::F32 {
                return None;
            }
            let shape = weight.dims();
            let weight: FlexTensor = contiguous(cast(primitive(weight)).ok()?);
            Some(Self { weights: Arc::new(Weights::new(numbers(&weight), shape)) })
        }
        #[cfg(not(feature = "flex"))]
        {
            let _ = weight;
            None
        }
    }

    /// `x Wᵀ`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - output: `[rows, outputs]`
    pub(crate) fn product<B: Backend>(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        #[cfg(feature = "flex")]
        {
            let [rows, _] = x.dims();
            let x = match cast::<_, FlexTensor>(primitive(x)) {
                Ok(x) => contiguous(x),
                Err(_) => unreachable!("made for this backend"),
            };
            let mut out = avff_kernels::memory::scratch(rows * self.weights.outputs());
            self.weights.multiply(numbers(&x), &mut out);
            let out: FloatTensor<B> = same(new(out, [rows, self.weights.outputs()]));
            tensor(out)
        }
        #[cfg(not(feature = "flex"))]
        {
            let _ = x;
            match self.never {}
        }
    }
}

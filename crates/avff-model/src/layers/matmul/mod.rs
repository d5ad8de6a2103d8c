//! Matrix products of activations. (`linear` has the products with a weight.)
//!
//! GPUs use `gpu_matmul.rs`, in full f32; other backends use their own product.

mod check;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod gpu_matmul;

use burn::{prelude::*, tensor::ops::FloatTensor};

use super::dispatch::{primitive, tensor};
pub use check::products_are_exact;

/// Multiplies the matrices in the last two axes, in full f32 even on GPUs, unless TF32 is
/// [allowed](crate::precision::with_tf32).
///
/// # Shapes
/// - `left`: `[.., rows, inner]`, `right`: `[.., inner, columns]`; axes before that are equal or 1
/// - output: `[.., rows, columns]`
pub(crate) fn matmul<B: Backend, const D: usize>(
    left: Tensor<B, D>,
    right: Tensor<B, D>,
) -> Tensor<B, D> {
    tensor(float_matmul::<B>(primitive(left), primitive(right)))
}

/// Computes [`matmul`] of primitives.
pub(super) fn float_matmul<B: Backend>(
    left: FloatTensor<B>,
    right: FloatTensor<B>,
) -> FloatTensor<B> {
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    let (left, right) = if crate::precision::allows_tf32() {
        (left, right)
    } else {
        match gpu_matmul::matmul::<B>([left, right]) {
            Ok(product) => return product,
            Err([left, right]) => (left, right),
        }
    };
    B::float_matmul(left, right)
}

//! Operations that run as one kernel where there is one, and of plain operations elsewhere.
//!
//! Each is a [`Fused`]: what it computes, said in plain operations that every backend has, and with
//! feature `flex` a CPU kernel with its gradient from [`avff_kernels`]. Which of them runs is found
//! from the tensor's type when it runs, so that layers stay generic over any backend, ours or not:
//! a trait of ours as their bound would shut out the backends that we do not know.
//!
//! Products on GPUs are in full f32 (`cube`), which is no matter of a tensor's type alone.
//!
//! Kernels compute in f32; tensors of another precision are left to plain operations.

#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod cube;
#[cfg(feature = "flex")]
mod flex;

mod attention;
mod bias_gelu;
mod block;
mod int8;
mod mean_squares;
mod norm;
mod packed;
mod product;
mod residual;
mod tubelets;

pub(crate) use attention::Attention;
pub(crate) use bias_gelu::BiasGelu;
pub(crate) use block::{PackedBlock, Rest};
pub(crate) use int8::Int8;
pub(crate) use mean_squares::MeanSquares;
pub(crate) use norm::Norm;
pub(crate) use packed::Packed;
pub(crate) use product::Product;
pub(crate) use residual::Residual;
pub(crate) use tubelets::Tubelets;

use burn::{
    prelude::*,
    tensor::{TensorPrimitive, ops::FloatTensor},
};
#[cfg(feature = "flex")]
use burn_flex::FlexTensor;

/// An operation of `N` inputs and one output.
pub(crate) trait Fused<const N: usize>: Copy + std::fmt::Debug + Send + 'static {
    /// The operation by definition.
    fn composed<B: Backend>(&self, inputs: [FloatTensor<B>; N]) -> FloatTensor<B>;

    /// What the gradient needs.
    #[cfg(feature = "flex")]
    type Saved: Clone + std::fmt::Debug + Send + 'static;

    /// The kernel.
    #[cfg(feature = "flex")]
    fn forward(&self, inputs: [FlexTensor; N]) -> FlexTensor;

    /// The kernel where gradients are recorded.
    #[cfg(feature = "flex")]
    fn forward_saving(&self, inputs: [FlexTensor; N]) -> (FlexTensor, Self::Saved);

    /// The gradient of every input that is `wanted`, and of others where it costs nothing.
    #[cfg(feature = "flex")]
    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N];
}

/// Whether a backend's tensors are those that kernels on the CPU are for.
pub(crate) fn on_flex<B: Backend>() -> bool {
    #[cfg(feature = "flex")]
    let flex = Some(std::any::TypeId::of::<FlexTensor>());
    #[cfg(not(feature = "flex"))]
    let flex = None;
    Some(std::any::TypeId::of::<FloatTensor<B>>()) == flex
}

/// Runs a kernel where there is one.
fn run<B: Backend, const N: usize>(
    op: impl Fused<N>,
    inputs: [FloatTensor<B>; N],
) -> FloatTensor<B> {
    #[cfg(feature = "flex")]
    let inputs = match flex::run::<B, N>(op, inputs) {
        Ok(output) => return output,
        Err(inputs) => inputs,
    };
    op.composed::<B>(inputs)
}

/// The product of the last two axes' matrices, in full f32 on GPUs too, unless TF32 is
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

fn float_matmul<B: Backend>(left: FloatTensor<B>, right: FloatTensor<B>) -> FloatTensor<B> {
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    let (left, right) = if crate::precision::allows_tf32() {
        (left, right)
    } else {
        match cube::matmul::<B>([left, right]) {
            Ok(product) => return product,
            Err([left, right]) => (left, right),
        }
    };
    B::float_matmul(left, right)
}

/// The value as another type, where that is its type.
#[cfg(any(feature = "flex", feature = "cuda", feature = "wgpu"))]
fn cast<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    if let Some(slot) = (&mut value as &mut dyn std::any::Any).downcast_mut::<Option<U>>()
        && let Some(value) = slot.take()
    {
        return Ok(value);
    }
    value.map_or_else(|| unreachable!("nothing was taken"), Err)
}

/// The value as its own type by another name.
#[cfg(any(feature = "flex", feature = "cuda", feature = "wgpu"))]
fn same<T: 'static, U: 'static>(value: T) -> U {
    cast(value).unwrap_or_else(|_| unreachable!("the inputs had this type"))
}

fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

#[cfg(all(test, feature = "flex"))]
mod tests;

//! Runs an operation by its kernel if there is one, and by plain operations otherwise.
//!
//! Plain tensor operations, which every backend has, define an [`Operation`]. With feature `flex`,
//! each operation also has a [`CpuKernel`] with a gradient, which calls [`avff_kernels`]. [`run`]
//! chooses by the type of the tensors. Layers therefore stay generic over any Burn backend: a trait
//! of this crate in their bounds would exclude every backend that this crate does not know.
//!
//! Kernels compute in f32. Tensors of another precision use plain operations.

#[cfg(feature = "flex")]
pub(super) mod cpu_dispatch;
#[cfg(all(test, feature = "flex"))]
mod tests;

use burn::{
    prelude::*,
    tensor::{TensorPrimitive, ops::FloatTensor},
};
#[cfg(feature = "flex")]
use burn_flex::FlexTensor;

/// An operation with `N` inputs and one output.
pub(super) trait Operation<const N: usize>: Copy + std::fmt::Debug + Send + 'static {
    /// Computes the operation from its definition, in plain operations.
    fn plain<B: Backend>(&self, inputs: [FloatTensor<B>; N]) -> FloatTensor<B>;
}

/// The CPU kernel of an operation.
#[cfg(feature = "flex")]
pub(super) trait CpuKernel<const N: usize>: Operation<N> {
    /// The values that the gradient needs.
    type Saved: Clone + std::fmt::Debug + Send + 'static;

    /// Computes the output.
    fn forward(&self, inputs: [FlexTensor; N]) -> FlexTensor;

    /// Computes the output and saves the values for the gradient.
    fn forward_saving(&self, inputs: [FlexTensor; N]) -> (FlexTensor, Self::Saved);

    /// Computes the gradient of every `wanted` input, and of others if that costs nothing.
    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N];
}

/// Runs the CPU kernel on f32 tensors of flex, and plain operations on all other tensors.
#[cfg(feature = "flex")]
pub(super) fn run<B: Backend, const N: usize>(
    op: impl CpuKernel<N>,
    inputs: [FloatTensor<B>; N],
) -> FloatTensor<B> {
    cpu_dispatch::run::<B, N>(op, inputs).unwrap_or_else(|inputs| op.plain::<B>(inputs))
}

/// Runs the plain operations, because no kernel is compiled in.
#[cfg(not(feature = "flex"))]
pub(super) fn run<B: Backend, const N: usize>(
    op: impl Operation<N>,
    inputs: [FloatTensor<B>; N],
) -> FloatTensor<B> {
    op.plain::<B>(inputs)
}

/// Whether the CPU kernels can run on a backend's tensors.
pub(crate) fn on_flex<B: Backend>() -> bool {
    #[cfg(feature = "flex")]
    let flex = Some(std::any::TypeId::of::<FlexTensor>());
    #[cfg(not(feature = "flex"))]
    let flex = None;
    Some(std::any::TypeId::of::<FloatTensor<B>>()) == flex
}

/// Converts the value to type `U` if that is its type; otherwise returns it unchanged.
#[cfg(any(feature = "flex", feature = "cuda", feature = "wgpu"))]
pub(super) fn cast<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    if let Some(slot) = (&mut value as &mut dyn std::any::Any).downcast_mut::<Option<U>>()
        && let Some(value) = slot.take()
    {
        return Ok(value);
    }
    value.map_or_else(|| unreachable!("nothing was taken"), Err)
}

/// Converts the value to its own type under another name.
#[cfg(any(feature = "flex", feature = "cuda", feature = "wgpu"))]
pub(super) fn same<T: 'static, U: 'static>(value: T) -> U {
    cast(value).unwrap_or_else(|_| unreachable!("the inputs had this type"))
}

pub(super) fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

pub(super) fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

//! Runs kernels on tensors of flex, Burn's CPU backend, with or without autodiff.

use std::{cell::RefCell, collections::VecDeque};

use avff_kernels::{memory, residual};
use burn::{
    backend::autodiff::{
        Autodiff, NodeId,
        checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    prelude::*,
    tensor::{DType, Shape, TensorData, TensorMetadata, ops::FloatTensor},
};
use burn_flex::{Flex, FlexTensor};

use super::{CpuKernel, cast, primitive, same, tensor};

type Recorded = FloatTensor<Autodiff<Flex>>;

/// Runs the kernel on f32 tensors of flex, or returns the inputs if they have another type.
pub(super) fn run<B: Backend, const N: usize>(
    op: impl CpuKernel<N>,
    inputs: [FloatTensor<B>; N],
) -> Result<FloatTensor<B>, [FloatTensor<B>; N]> {
    if inputs.iter().any(|input| input.dtype() != DType::F32) {
        return Err(inputs);
    }
    let inputs = match cast::<_, [FlexTensor; N]>(inputs) {
        Ok(inputs) => return Ok(same(op.forward(inputs))),
        Err(inputs) => inputs,
    };
    let inputs = cast::<_, [Recorded; N]>(inputs)?;
    Ok(same(record(op, inputs)))
}

/// Records a kernel and its gradient in the autodiff graph.
///
/// Kernels save what is expensive to recompute, so Burn's checkpointing strategies do not apply.
fn record<const N: usize>(op: impl CpuKernel<N>, inputs: [Recorded; N]) -> Recorded {
    let nodes = inputs.each_ref().map(|input| input.node.clone());
    let inputs = inputs.map(|input| input.primitive);
    match Node(op).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (output, saved) = op.forward_saving(inputs);
            prepared.finish(saved, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(op.forward(inputs)),
    }
}

#[derive(Debug)]
struct Node<F>(F);

impl<F: CpuKernel<N>, const N: usize> Backward<Flex, N> for Node<F> {
    type State = F::Saved;

    fn backward(self, ops: Ops<F::Saved, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let needed = ops.parents.each_ref().map(Option::is_some);
        let inputs = self.0.backward(ops.state, gradient, needed);
        for pair in ops.parents.into_iter().zip(inputs) {
            let (Some(parent), Some(mut gradient)) = pair else { continue };
            // Burn would add the gradients on one thread and release the memory. (Only non-leaf
            // nodes: a leaf's gradient is not removed when it is read.)
            let has_one = RECENT.with_borrow(|recent| recent.contains(&parent.id));
            if has_one && !parent.parents.is_empty() {
                let other = contiguous(gradients.consume::<Flex>(&parent));
                gradient = owned(gradient);
                residual::accumulate(gradient.storage_mut(), numbers(&other));
                recycle(other);
            }
            gradients.register::<Flex>(parent.id, gradient);
            RECENT.with_borrow_mut(|recent| {
                recent.push_front(parent.id);
                recent.truncate(RECENT_LEN);
            });
        }
    }
}

/// More than the number of nodes that receive a gradient between a skip connection and the norm of
/// the parallel branch.
const RECENT_LEN: usize = 64;

thread_local! {
    /// The nodes that most recently received a gradient, which stays registered until the node
    /// itself is reached. Node ids are never reused.
    static RECENT: RefCell<VecDeque<NodeId>> = const { RefCell::new(VecDeque::new()) };
}

/// Returns a tensor with contiguous numbers; copies only a tensor with another layout.
pub(in crate::layers) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    // Consuming `tensor` keeps a sole owner the sole owner.
    tensor.to_contiguous()
}

/// Returns the numbers of a tensor that [`contiguous`] returned.
pub(in crate::layers) fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.storage()
}

/// Returns a tensor that may be written to: the tensor itself if it has no other owner, otherwise a
/// copy.
pub(in crate::layers) fn owned(tensor: FlexTensor) -> FlexTensor {
    let mut tensor = contiguous(tensor);
    if tensor.try_storage_mut::<f32>().is_none() {
        tensor = new(memory::copy(numbers(&tensor)), tensor.shape());
    }
    tensor
}

/// Drops a tensor and returns its memory to the pool if it has no other owner.
pub(in crate::layers) fn recycle(mut tensor: FlexTensor) {
    if tensor.layout().is_contiguous()
        && tensor.try_storage_mut::<f32>().is_some()
        && let Ok(numbers) = tensor.into_data().bytes.try_into_vec()
    {
        memory::recycle(numbers);
    }
}

pub(in crate::layers) fn new(numbers: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// Converts a tensor of a backend that uses flex tensors.
pub(in crate::layers) fn to_flex<B: Backend, const D: usize>(x: Tensor<B, D>) -> FlexTensor {
    cast(primitive(x)).unwrap_or_else(|_| unreachable!("weights are prepared for flex alone"))
}

/// Converts back; the inverse of [`to_flex`].
pub(in crate::layers) fn from_flex<B: Backend, const D: usize>(x: FlexTensor) -> Tensor<B, D> {
    tensor(same::<_, FloatTensor<B>>(x))
}

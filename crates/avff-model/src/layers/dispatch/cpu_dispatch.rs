//! Runs kernels on tensors of flex, Burn's CPU backend, plain and with gradients recorded.

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

/// The kernel's result on f32 tensors of flex, or the inputs as they were.
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

/// A kernel with its gradient, in the graph.
///
/// Kernels save what is expensive to make again, so no strategy of checkpointing has a say.
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
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let inputs = self.0.backward(ops.state, gradient, wanted);
        for pair in ops.parents.into_iter().zip(inputs) {
            let (Some(parent), Some(mut gradient)) = pair else { continue };
            // Burn would add, too, but on one thread, and let go of the memory. (A leaf's gradient stays where
            // it is when it is asked for.)
            let has_one = GIVEN.with_borrow(|given| given.contains(&parent.id));
            if has_one && !parent.parents.is_empty() {
                let other = contiguous(gradients.consume::<Flex>(&parent));
                gradient = owned(gradient);
                residual::accumulate(gradient.storage_mut(), numbers(&other));
                recycle(other);
            }
            gradients.register::<Flex>(parent.id, gradient);
            GIVEN.with_borrow_mut(|given| {
                given.push_front(parent.id);
                given.truncate(REMEMBERED);
            });
        }
    }
}

/// More nodes than are given a gradient between a skip connection and the norm of the branch beside it.
const REMEMBERED: usize = 64;

thread_local! {
    /// Nodes that were given a gradient last, which is there until the node itself is reached. Their numbers
    /// are never used again.
    static GIVEN: RefCell<VecDeque<NodeId>> = const { RefCell::new(VecDeque::new()) };
}

/// The numbers of a tensor in one piece; copies only what lies otherwise.
pub(in crate::layers) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    // What `tensor` holds is let go, so that a sole owner stays one.
    tensor.to_contiguous()
}

/// The numbers of a tensor that [`contiguous`] made.
pub(in crate::layers) fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.storage()
}

/// The same tensor when nobody else holds it, else a copy, to be written to.
pub(in crate::layers) fn owned(tensor: FlexTensor) -> FlexTensor {
    let mut tensor = contiguous(tensor);
    if tensor.try_storage_mut::<f32>().is_none() {
        tensor = new(memory::copy(numbers(&tensor)), tensor.shape());
    }
    tensor
}

/// Lets go of a tensor, so that its memory can be had for the next one, where it is its sole owner.
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

/// The tensor of a backend whose tensors are those of flex.
pub(in crate::layers) fn to_flex<B: Backend, const D: usize>(x: Tensor<B, D>) -> FlexTensor {
    cast(primitive(x)).unwrap_or_else(|_| unreachable!("weights are prepared for flex alone"))
}

/// The inverse of [`to_flex`].
pub(in crate::layers) fn from_flex<B: Backend, const D: usize>(x: FlexTensor) -> Tensor<B, D> {
    tensor(same::<_, FloatTensor<B>>(x))
}

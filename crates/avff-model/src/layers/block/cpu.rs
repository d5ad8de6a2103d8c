//! The transformer block with packed weights, for evaluation on the CPU.
//!
//! Values between two products are kept in plain buffers and not in tensors. A tensor would need
//! fresh memory, which a single thread fills with zeros before the product writes to it.

use std::cell::Cell;

use avff_kernels::{
    attention::{self, Heads},
    bf16,
    norm::LayerNorm as Kernel,
    product::Epilogue,
};
use burn::{nn::LayerNorm, prelude::*};
use burn_flex::FlexTensor;

use super::Block;
use crate::layers::{
    dispatch::cpu_dispatch::{contiguous, from_flex, numbers, owned, to_flex},
    linear::Packed,
    norm::EPSILON,
};

/// `x + attn(LN(x))`, then `x + mlp(LN(x))`, with all four weights packed.
#[derive(Debug)]
pub(super) struct PackedBlock<'a, B: Backend> {
    qkv: &'a Packed,
    proj: &'a Packed,
    fc1: &'a Packed,
    fc2: &'a Packed,
    heads: usize,
    /// Gamma and beta of both LayerNorms.
    norms: [[Tensor<B, 1>; 2]; 2],
    /// Biases of `proj`, `fc1` and `fc2`.
    biases: [Tensor<B, 1>; 3],
}

/// Buffers for the values between two products, reused by every block.
#[derive(Default)]
struct Buffers {
    normed: Vec<f32>,
    attended: Vec<f32>,
    /// q, k and v; later the hidden features of the MLP.
    wide: Vec<f32>,
}

thread_local! {
    static BUFFERS: Cell<Buffers> = const {
        Cell::new(Buffers { normed: Vec::new(), attended: Vec::new(), wide: Vec::new() })
    };
}

impl<'a, B: Backend> PackedBlock<'a, B> {
    /// Returns the parts of a block, or `None` unless all its weights are packed.
    pub(super) fn of(block: &'a Block<B>) -> Option<Self> {
        let Block { norm1, attn, norm2, mlp } = block;
        let norm = |norm: &LayerNorm<B>| Some([norm.gamma.val(), norm.beta.as_ref()?.val()]);
        Some(Self {
            qkv: attn.qkv.packed()?,
            proj: attn.proj.packed()?,
            fc1: mlp.fc1.packed()?,
            fc2: mlp.fc2.packed()?,
            heads: attn.heads,
            norms: [norm(norm1)?, norm(norm2)?],
            biases: [attn.proj.bias(), mlp.fc1.bias(), mlp.fc2.bias()],
        })
    }

    /// Applies the block.
    ///
    /// # Shapes
    /// - `x`: `[batch * tokens, dim]`
    /// - output: `[batch * tokens, dim]`
    pub(super) fn forward(self, x: Tensor<B, 2>, [batch, tokens]: [usize; 2]) -> Tensor<B, 2> {
        let [rows, dim] = x.dims();
        let read = |x: Tensor<B, 1>| -> FlexTensor { contiguous(to_flex(x)) };
        let norms = self.norms.map(|norm| norm.map(read));
        let biases = self.biases.map(read);
        let [proj_bias, fc1_bias, fc2_bias] = biases.each_ref().map(|bias| Some(numbers(bias)));
        let [norm1, norm2] = norms.each_ref().map(|[gamma, beta]| Kernel {
            gamma: numbers(gamma),
            beta: numbers(beta),
            epsilon: EPSILON as f32,
        });
        let heads = Heads { batch, tokens, heads: self.heads, head_dim: dim / self.heads };

        let mut out = owned(to_flex(x));
        let x: &mut [f32] = out.storage_mut();
        let mut buffers = BUFFERS.take();
        let normed = first(&mut buffers.normed, rows * dim);
        norm1.forward(x, normed);
        let qkv = first(&mut buffers.wide, 3 * rows * dim);
        self.qkv.multiply_into(normed, None, qkv, Epilogue::None);
        let attended = first(&mut buffers.attended, rows * dim);
        if self.qkv.is_bf16() {
            bf16::attention(heads, qkv, attended);
        } else {
            attention::forward(heads, qkv, attended);
        }
        self.proj.multiply_into(attended, proj_bias, x, Epilogue::Add);
        norm2.forward(x, normed);
        let hidden = first(&mut buffers.wide, rows * self.fc1.outputs());
        self.fc1.multiply_into(normed, fc1_bias, hidden, Epilogue::Gelu);
        self.fc2.multiply_into(hidden, fc2_bias, x, Epilogue::Add);
        BUFFERS.set(buffers);
        from_flex(out)
    }
}

/// Returns the first `count` numbers of a buffer, which grows if necessary.
fn first(buffer: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if buffer.len() < count {
        buffer.resize(count, 0.0);
    }
    &mut buffer[..count]
}

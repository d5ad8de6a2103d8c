//! A transformer block whose weights are packed, for evaluation on the CPU.
//!
//! What stands between two products never becomes a tensor: fresh memory is filled with zeros by one
//! thread before a product writes to it.

use burn::prelude::*;
#[cfg(feature = "flex")]
use {
    super::{
        flex::{contiguous, numbers, owned},
        packed::{back, flex},
    },
    avff_kernels::{
        attention::{self, Heads},
        bf16,
        norm::LayerNorm,
        product::Then,
    },
    burn_flex::FlexTensor,
    std::cell::Cell,
};

use super::{Attention, Packed};

/// The weights of `x + attn(LN(x))`, then `x + mlp(LN(x))`.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "flex"), expect(dead_code, reason = "no kernel reads it"))]
pub(crate) struct PackedBlock<'a> {
    pub(crate) qkv: &'a Packed,
    pub(crate) proj: &'a Packed,
    pub(crate) fc1: &'a Packed,
    pub(crate) fc2: &'a Packed,
}

/// What else a block computes with.
#[derive(Debug)]
#[cfg_attr(not(feature = "flex"), expect(dead_code, reason = "no kernel reads it"))]
pub(crate) struct Rest<B: Backend> {
    pub(crate) attention: Attention,
    /// Gamma and beta of both LayerNorms.
    pub(crate) norms: [[Tensor<B, 1>; 2]; 2],
    pub(crate) epsilon: f64,
    /// Of `proj`, `fc1` and `fc2`.
    pub(crate) biases: [Tensor<B, 1>; 3],
}

/// What stands between two products, kept from block to block.
#[cfg(feature = "flex")]
#[derive(Default)]
struct Room {
    normed: Vec<f32>,
    attended: Vec<f32>,
    /// q, k and v; then what is hidden in the MLP.
    wide: Vec<f32>,
}

#[cfg(feature = "flex")]
thread_local! {
    static ROOM: Cell<Room> = const {
        Cell::new(Room { normed: Vec::new(), attended: Vec::new(), wide: Vec::new() })
    };
}

impl PackedBlock<'_> {
    /// # Shapes
    /// - `x`: `[batch * tokens, dim]`
    /// - output: `[batch * tokens, dim]`
    #[cfg(feature = "flex")]
    pub(crate) fn forward<B: Backend>(self, x: Tensor<B, 2>, rest: Rest<B>) -> Tensor<B, 2> {
        let [rows, dim] = x.dims();
        let read = |x: Tensor<B, 1>| -> FlexTensor { contiguous(flex(x)) };
        let norms = rest.norms.map(|norm| norm.map(read));
        let biases = rest.biases.map(read);
        let [proj_bias, fc1_bias, fc2_bias] = biases.each_ref().map(|bias| Some(numbers(bias)));
        let [norm1, norm2] = norms.each_ref().map(|[gamma, beta]| LayerNorm {
            gamma: numbers(gamma),
            beta: numbers(beta),
            epsilon: rest.epsilon as f32,
        });
        let Attention { batch, tokens, heads } = rest.attention;
        let heads = Heads { batch, tokens, heads, head_dim: dim / heads };

        let mut out = owned(flex(x));
        let x: &mut [f32] = out.storage_mut();
        let mut room = ROOM.take();
        let normed = enough(&mut room.normed, rows * dim);
        norm1.forward(x, normed);
        let qkv = enough(&mut room.wide, 3 * rows * dim);
        self.qkv.multiply_into(normed, None, qkv, Then::Nothing);
        let attended = enough(&mut room.attended, rows * dim);
        if self.qkv.is_bf16() {
            bf16::attention(heads, qkv, attended);
        } else {
            attention::forward(heads, qkv, attended);
        }
        self.proj.multiply_into(attended, proj_bias, x, Then::Skip);
        norm2.forward(x, normed);
        let hidden = enough(&mut room.wide, rows * self.fc1.outputs());
        self.fc1.multiply_into(normed, fc1_bias, hidden, Then::Gelu);
        self.fc2.multiply_into(hidden, fc2_bias, x, Then::Skip);
        ROOM.set(room);
        back(out)
    }

    #[cfg(not(feature = "flex"))]
    pub(crate) fn forward<B: Backend>(self, x: Tensor<B, 2>, _: Rest<B>) -> Tensor<B, 2> {
        self.qkv.none(x)
    }
}

/// As many numbers of a buffer, which grows where it must.
#[cfg(feature = "flex")]
fn enough(buffer: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if buffer.len() < count {
        buffer.resize(count, 0.0);
    }
    &mut buffer[..count]
}

//! Fused CPU kernels of a transformer, over plain slices of `f32`.
//!
//! What stands between two matrix products does not run at the processor's speed when it is composed of
//! one pass over memory per operation. Here are those parts, with their gradients, and products whose
//! weight stays the same:
//!
//! - [`attention`]: scores never leave the caches, forward or backward
//! - [`gelu`]: bias and exact GELU in one pass
//! - [`norm`][]: LayerNorm
//! - [`error`][]: mean squared errors
//! - [`patches`]: frames cut into tubelets
//! - [`residual`]: a skip connection, a layer's output and its bias in one pass
//! - [`product`]: products with a weight that was packed once, and what follows them
//! - [`int8`]: products in bytes, for those who trade exactness for speed
//! - [`bf16`]: products and attention in bfloat16, likewise, where a processor has units for it
//! - [`memory`]: what all of them write to
//!
//! Every kernel but those of [`int8`] and [`bf16`] is written once and runs on the vector instructions that the processor has (AVX2,
//! AVX-512 or NEON), without `unsafe`, and on all threads of the ambient rayon pool. Results do not depend on the number of threads: sums are cut by the shapes alone, and
//! their parts are added in a fixed order. They do depend, in the last bits, on the width of the
//! vectors.
//!
//! Multiply-adds go through `pulp`'s `mul_add_e_f32s`. On AVX2, AVX-512 and NEON it is the same
//! instruction as `mul_add_f32s`, with one rounding and the same bits. WebAssembly has no such
//! instruction: there `mul_add_f32s` emulates the single rounding in software for every number, which
//! makes a clip ten times slower, while `mul_add_e_f32s` rounds the product and the sum.
//!
//! There are no tensors here: `avff-model` puts these under its layers.

pub mod attention;
pub mod bf16;
pub mod error;
pub mod gelu;
pub mod int8;
mod math;
pub mod memory;
pub mod norm;
pub mod patches;
pub mod product;
pub mod residual;
mod rows;
#[cfg(test)]
mod testing;

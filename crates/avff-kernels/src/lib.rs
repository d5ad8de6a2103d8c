//! Fused CPU kernels for transformers, over plain slices of `f32`.
//!
//! A transformer's element-wise operations are limited by memory bandwidth when each of them reads
//! and writes its tensor separately. This crate fuses these operations and their gradients. It also
//! multiplies by weights that are packed once and reused:
//!
//! - [`attention`]: attention whose scores never leave the caches, forward and backward
//! - [`gelu`]: bias and exact GELU in one pass over memory
//! - [`norm`][]: LayerNorm
//! - [`error`][]: mean squared errors
//! - [`patches`]: frames split into tubelets
//! - [`convolution`]: convolutions with stride 2
//! - [`relu`][]: ReLU
//! - [`residual`]: skip connection, layer output and bias in one pass over memory
//! - [`product`]: products with a packed weight, fused with the operations that follow
//! - [`int8`]: products in 8-bit integers, which trade accuracy for speed
//! - [`bf16`]: products and attention in bfloat16, where the processor has instructions for it
//! - [`memory`]: the buffer pool behind the outputs
//!
//! All kernels except [`int8`] and [`bf16`] are written once, without `unsafe`. They use the vector
//! instructions of the processor (AVX2, AVX-512 or NEON) and all threads of the current rayon pool.
//! Results do not depend on the number of threads: only the shapes determine how sums are split,
//! and the partial sums are added in a fixed order. The last bits of a result do depend on the
//! vector width.
//!
//! Multiply-adds use `pulp`'s `mul_add_e_f32s`. On AVX2, AVX-512 and NEON it is the same
//! instruction as `mul_add_f32s`, with one rounding and the same bits. WebAssembly has no such
//! instruction. There, `mul_add_f32s` emulates the single rounding in software for every number and
//! makes a clip ten times slower. `mul_add_e_f32s` rounds the product and the sum instead.
//!
//! This crate has no tensor type: `avff-model` calls these kernels from its layers.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod attention;
pub mod bf16;
pub mod convolution;
pub mod error;
pub mod gelu;
pub mod int8;
mod math;
pub mod memory;
pub mod norm;
pub mod patches;
pub mod product;
pub mod relu;
pub mod residual;
mod rows;
#[cfg(test)]
mod testing;

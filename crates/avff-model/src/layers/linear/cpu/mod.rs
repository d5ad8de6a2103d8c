//! Products with a weight on the CPU.
//!
//! - `product`: the weight as it is, with gradients
//! - [`Packed`]: for evaluation, the weight in the order in which the kernel reads it, in f32 or bf16
//! - [`Int8`]: for evaluation, the weight in bytes

mod int8;
mod packed;
mod product;

pub(crate) use int8::Int8;
pub(crate) use packed::Packed;

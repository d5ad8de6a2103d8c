//! Products with a weight on the CPU.
//!
//! - `product`: an unpacked weight, with gradients
//! - [`Packed`]: for evaluation, a packed weight in f32 or bf16
//! - [`Int8`]: for evaluation, a weight quantized to bytes

mod int8;
mod packed;
mod product;

pub(crate) use int8::Int8;
pub(crate) use packed::Packed;

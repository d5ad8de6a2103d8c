//! Matrix products and attention in bfloat16, on processors with matrix instructions for it.
//!
//! Operands are rounded to bfloat16 (8 significant bits, ties to even). Products are accumulated in
//! f32, and all operations between two products are in f32 too. Weights are rounded and packed
//! once.
//!
//! Three implementations give nearly equal results, because their summation order differs:
//! - AMX, a unit for products of whole tiles (Intel servers since Sapphire Rapids; Linux only)
//! - AVX512-BF16 (AMD since Zen 4)
//! - plain arithmetic, which is slow and serves tests
//!
//! [`is_supported`] reports whether AMX or AVX512-BF16 is available.

mod attention;
mod product;
#[cfg(test)]
mod tests;
mod tile;
mod units;

pub use attention::attention;
pub use product::Weights;
pub use units::is_supported;

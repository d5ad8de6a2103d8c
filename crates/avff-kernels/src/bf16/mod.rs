//! Products and attention in bfloat16, by the units that some processors have for it.
//!
//! Factors are rounded to the nearest number of 8 bits, ties to even; what they make is summed in f32, and all
//! that stands between two products is f32, too. Weights are rounded and packed once.
//!
//! Three ways to nearly the same numbers, whose sums are in another order: AMX, a unit for products of whole tiles
//! (Intel's servers since Sapphire Rapids; Linux); AVX512-BF16 (AMD's since Zen 4); plain arithmetic, which is slow, for
//! tests. [`is_supported`] tells whether there is one of the first two.

mod attention;
mod product;
#[cfg(test)]
mod tests;
mod tile;
mod units;

pub use attention::attention;
pub use product::Weights;
pub use units::is_supported;

//! The implementations of tile products.
//!
//! This folder holds the only `unsafe` code of the workspace, for instructions that no crate offers
//! without it. [`Open::multiply`] is its only entry: it checks that all slices have equal lengths
//! and hold whole tiles. The code behind it accesses nothing but slices of [`Factors`] and a
//! [`Sums`].
//!
//! Miri supports neither unit's instructions. The tests compare each available unit with plain
//! arithmetic. On a processor without both units they cover only [`Plain`](Unit::Plain) and its
//! callers.

#![allow(unsafe_code, reason = "no crate offers these instructions without it")]

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512;

use super::tile::{Factors, SIDE, Sums};

/// An implementation of tile products that this processor supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx(amx::Amx),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    /// Plain arithmetic, from the definition.
    Plain,
}

/// Returns whether the processor has a supported instruction set for bfloat16 products: AMX (on
/// Linux) or AVX512-BF16. Without one, products with [`Weights`](super::Weights) still work, but
/// slowly.
#[must_use]
pub fn is_supported() -> bool {
    Unit::best() != Unit::Plain
}

impl Unit {
    /// Returns all available units, the fastest first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let units = [
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            amx::Amx::detect().map(Self::Amx),
            #[cfg(target_arch = "x86_64")]
            avx512::Avx512::detect().map(Self::Avx512),
            Some(Self::Plain),
        ];
        units.into_iter().flatten()
    }

    pub(super) fn best() -> Self {
        Self::all().next().unwrap_or(Self::Plain)
    }

    /// Prepares the unit for products in this thread.
    pub(super) fn open(self) -> Open {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx(unit) => Open::Amx(unit.open()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(unit) => Open::Avx512(unit),
            Self::Plain => Open::Plain,
        }
    }
}

/// A unit that is ready for products.
pub(super) enum Open {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx(amx::Tiles),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    Plain,
}

impl Open {
    /// Multiplies two tiles of rows by two tiles of outputs, one input tile after the other.
    #[inline(always)]
    pub(super) fn multiply(
        &mut self,
        left: [&[Factors]; 2],
        right: [&[Factors]; 2],
        sums: &mut Sums,
    ) {
        let length = left[0].len();
        assert!(length > 0 && length.is_multiple_of(SIDE), "{length} lines in whole tiles");
        assert!(left[1].len() == length && right.iter().all(|lines| lines.len() == length));
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx(tiles) => tiles.multiply(left, right, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(unit) => unit.multiply(left, right, sums),
            Self::Plain => plain(left, right, sums),
        }
    }
}

#[inline(always)]
fn plain(left: [&[Factors]; 2], right: [&[Factors]; 2], sums: &mut Sums) {
    let number = |x: u16| f32::from_bits(u32::from(x) << 16);
    *sums = Sums::ZERO;
    for (left, sums) in left.into_iter().zip(&mut sums.0) {
        for (right, sums) in right.into_iter().zip(sums) {
            for (left, right) in left.chunks_exact(SIDE).zip(right.chunks_exact(SIDE)) {
                for (left, sums) in left.iter().zip(&mut *sums) {
                    for (x, line) in left.0.as_chunks().0.iter().zip(right) {
                        let [first, second] = x.map(number);
                        for (sum, w) in sums.0.iter_mut().zip(line.0.as_chunks::<2>().0) {
                            *sum += first * number(w[0]) + second * number(w[1]);
                        }
                    }
                }
            }
        }
    }
}

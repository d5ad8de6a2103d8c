//! What multiplies tiles.
//!
//! The only `unsafe` of the workspace is in this folder, for instructions that no crate offers without it. It is held
//! together by a narrow door: [`Open::multiply`] checks that slices are as long as each other and as whole tiles, and
//! what lies beyond sees slices of [`Factors`] and a [`Sums`] alone, every one of whose bytes is theirs.
//!
//! Miri knows neither unit's instructions. The tests hold each unit that is there against plain arithmetic; one of a
//! processor that has neither has tested [`Plain`](Unit::Plain) and what is built on it.

#![allow(unsafe_code, reason = "instructions that no crate offers without it")]

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512;

use super::tile::{Factors, SIDE, Sums};

/// A way to multiply tiles that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx(amx::Amx),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    /// Plain arithmetic, by definition.
    Plain,
}

/// Whether the processor has instructions for products in bfloat16 that are known here: AMX, under Linux, or
/// AVX512-BF16. Without them [`Weights`](super::Weights) are multiplied, too, but slowly.
#[must_use]
pub fn is_supported() -> bool {
    Unit::best() != Unit::Plain
}

impl Unit {
    /// All there are, the best first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let units = [
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            amx::Amx::here().map(Self::Amx),
            #[cfg(target_arch = "x86_64")]
            avx512::Avx512::here().map(Self::Avx512),
            Some(Self::Plain),
        ];
        units.into_iter().flatten()
    }

    pub(super) fn best() -> Self {
        Self::all().next().unwrap_or(Self::Plain)
    }

    /// Ready to multiply, in this thread.
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

/// A unit that is set up.
pub(super) enum Open {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx(amx::Tiles),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    Plain,
}

impl Open {
    /// Two tiles of rows by two of outputs, each input tile after input tile.
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

//! The blockwise softmax.
#![allow(
    clippy::needless_range_loop,
    reason = "loops with a constant number of rows stay in registers"
)]

use pulp::Simd;

use super::super::{
    tile::{BLOCK, Factors, SIDE, Sums, pairs},
    units::Open,
};
use crate::math::{exp2, exp2_approx};

/// Computes scores of [`BLOCK`] queries and a block of `count` keys, and the maximum of each query.
#[inline(always)]
pub(super) fn score<'a, S: Simd>(
    simd: S,
    unit: &mut Open,
    queries: [&[Factors]; 2],
    keys: impl Iterator<Item = [&'a [Factors]; 2]>,
    count: usize,
    scores: &mut [Sums],
) -> [f32; BLOCK] {
    let mut maximum = [simd.splat_f32s(f32::MIN); BLOCK];
    for (group, (keys, scores)) in keys.zip(scores).enumerate() {
        unit.multiply(queries, keys, scores);
        let left = count - group * BLOCK;
        if left < BLOCK {
            mask_padding(scores, left);
        }
        for r in 0..BLOCK {
            for half in scores.row(r) {
                for part in S::as_simd_f32s(half).0 {
                    maximum[r] = simd.max_f32s(maximum[r], *part);
                }
            }
        }
    }
    let mut numbers = [0.0; BLOCK];
    for r in 0..BLOCK {
        numbers[r] = simd.reduce_max_f32s(maximum[r]);
    }
    numbers
}

/// Masks scores from `count` on, which belong to padded keys. Their exponentials become the
/// smallest value of `exp2`, and their values are zeros.
#[cold]
fn mask_padding(scores: &mut Sums, count: usize) {
    for rows in &mut scores.0 {
        for (half, rows) in rows.iter_mut().enumerate() {
            let count = count.saturating_sub(half * SIDE).min(SIDE);
            rows.iter_mut().for_each(|line| line.0[count..].fill(f32::NEG_INFINITY));
        }
    }
}

/// Running maximum and running sum of [`BLOCK`] queries.
pub(super) struct Softmax<S: Simd> {
    maximum: [f32; BLOCK],
    sums: [S::f32s; BLOCK],
}

impl<S: Simd> Softmax<S> {
    #[inline(always)]
    pub(super) fn new(simd: S) -> Self {
        Self { maximum: [f32::MIN; BLOCK], sums: [simd.splat_f32s(0.0); BLOCK] }
    }

    /// Updates the running maximum and returns the factor that rescales earlier sums.
    #[inline(always)]
    pub(super) fn update_maximum(&mut self, simd: S, maximum: [f32; BLOCK]) -> [f32; BLOCK] {
        let mut rescale = [0.0; BLOCK];
        for r in 0..BLOCK {
            let before = self.maximum[r];
            self.maximum[r] = before.max(maximum[r]);
            rescale[r] = before - self.maximum[r];
        }
        for rescale in S::as_mut_simd_f32s(&mut rescale).0 {
            *rescale = exp2(simd, *rescale);
        }
        for r in 0..BLOCK {
            self.sums[r] = simd.mul_f32s(self.sums[r], simd.splat_f32s(rescale[r]));
        }
        rescale
    }

    /// Computes powers of two of the scores relative to the maximum, as left operand.
    #[inline(always)]
    pub(super) fn powers(&mut self, simd: S, scores: &[Sums], powers: &mut [Factors]) {
        let (upper, lower) = powers.split_at_mut(powers.len() / 2);
        let tiles = upper.as_chunks_mut::<SIDE>().0.iter_mut().zip(lower.as_chunks_mut::<SIDE>().0);
        for (scores, (upper, lower)) in scores.iter().zip(tiles) {
            for r in 0..BLOCK {
                let mut both = scores.row(r).map(|half| *half);
                let maximum = simd.splat_f32s(self.maximum[r]);
                for half in &mut both {
                    for part in S::as_mut_simd_f32s(half).0 {
                        *part = exp2_approx(simd, simd.sub_f32s(*part, maximum));
                        self.sums[r] = simd.add_f32s(self.sums[r], *part);
                    }
                }
                // Round to nearest, ties up: no power is negative, and the sum keeps any NaN.
                let mut rounded = [[0; SIDE]; 2];
                for half in 0..2 {
                    for (to, power) in rounded[half].iter_mut().zip(both[half]) {
                        *to = power.to_bits().wrapping_add(0x8000) >> 16;
                    }
                }
                let line = if r < SIDE { &mut upper[r] } else { &mut lower[r - SIDE] };
                line.0 = pairs(rounded[0], rounded[1]);
            }
        }
    }

    /// Returns the reciprocal of each query's sum.
    #[inline(always)]
    pub(super) fn inverses(&self, simd: S) -> [f32; BLOCK] {
        let mut inverses = [0.0; BLOCK];
        for r in 0..BLOCK {
            inverses[r] = simd.reduce_sum_f32s(self.sums[r]).recip();
        }
        inverses
    }
}

/// Replaces `totals` by `totals * factor + more` in each row.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, totals: &mut Sums, factors: [f32; BLOCK], more: &Sums) {
    for r in 0..BLOCK {
        let factor = simd.splat_f32s(factors[r]);
        for half in 0..2 {
            let totals = S::as_mut_simd_f32s(&mut totals.0[r / SIDE][half][r % SIDE].0).0;
            let more = S::as_simd_f32s(more.row(r)[half]).0;
            for (totals, more) in totals.iter_mut().zip(more) {
                *totals = simd.mul_add_e_f32s(*totals, factor, *more);
            }
        }
    }
}

//! A softmax over scores that come block by block.
#![allow(clippy::needless_range_loop, reason = "loops of a known number of rows stay in registers")]

use pulp::Simd;

use super::super::{
    tile::{BOTH, Factors, SIDE, Sums, pairs},
    units::Open,
};
use crate::math::{exp2, exp2_near};

/// Scores of [`BOTH`] queries by a block of `count` keys, and the greatest of each.
#[inline(always)]
pub(super) fn score<'a, S: Simd>(
    simd: S,
    unit: &mut Open,
    queries: [&[Factors]; 2],
    keys: impl Iterator<Item = [&'a [Factors]; 2]>,
    count: usize,
    scores: &mut [Sums],
) -> [f32; BOTH] {
    let mut greatest = [simd.splat_f32s(f32::MIN); BOTH];
    for (group, (keys, scores)) in keys.zip(scores).enumerate() {
        unit.multiply(queries, keys, scores);
        let left = count - group * BOTH;
        if left < BOTH {
            no_keys(scores, left);
        }
        for r in 0..BOTH {
            for half in scores.row(r) {
                for part in S::as_simd_f32s(half).0 {
                    greatest[r] = simd.max_f32s(greatest[r], *part);
                }
            }
        }
    }
    let mut numbers = [0.0; BOTH];
    for r in 0..BOTH {
        numbers[r] = simd.reduce_max_f32s(greatest[r]);
    }
    numbers
}

/// Scores from `count` on are no keys': their powers become the least there is, and their values are zeros.
#[cold]
fn no_keys(scores: &mut Sums, count: usize) {
    for rows in &mut scores.0 {
        for (half, rows) in rows.iter_mut().enumerate() {
            let count = count.saturating_sub(half * SIDE).min(SIDE);
            rows.iter_mut().for_each(|line| line.0[count..].fill(f32::NEG_INFINITY));
        }
    }
}

/// What is known of [`BOTH`] queries so far.
pub(super) struct Softmax<S: Simd> {
    greatest: [f32; BOTH],
    sums: [S::f32s; BOTH],
}

impl<S: Simd> Softmax<S> {
    #[inline(always)]
    pub(super) fn new(simd: S) -> Self {
        Self { greatest: [f32::MIN; BOTH], sums: [simd.splat_f32s(0.0); BOTH] }
    }

    /// With the greatest of some more scores; what sums so far are to be multiplied with.
    #[inline(always)]
    pub(super) fn raise(&mut self, simd: S, greatest: [f32; BOTH]) -> [f32; BOTH] {
        let mut rescale = [0.0; BOTH];
        for r in 0..BOTH {
            let before = self.greatest[r];
            self.greatest[r] = before.max(greatest[r]);
            rescale[r] = before - self.greatest[r];
        }
        for rescale in S::as_mut_simd_f32s(&mut rescale).0 {
            *rescale = exp2(simd, *rescale);
        }
        for r in 0..BOTH {
            self.sums[r] = simd.mul_f32s(self.sums[r], simd.splat_f32s(rescale[r]));
        }
        rescale
    }

    /// Powers of two of scores relative to the greatest, as left factors.
    #[inline(always)]
    pub(super) fn powers(&mut self, simd: S, scores: &[Sums], powers: &mut [Factors]) {
        let (upper, lower) = powers.split_at_mut(powers.len() / 2);
        let tiles = upper.as_chunks_mut::<SIDE>().0.iter_mut().zip(lower.as_chunks_mut::<SIDE>().0);
        for (scores, (upper, lower)) in scores.iter().zip(tiles) {
            for r in 0..BOTH {
                let mut both = scores.row(r).map(|half| *half);
                let greatest = simd.splat_f32s(self.greatest[r]);
                for half in &mut both {
                    for part in S::as_mut_simd_f32s(half).0 {
                        *part = exp2_near(simd, simd.sub_f32s(*part, greatest));
                        self.sums[r] = simd.add_f32s(self.sums[r], *part);
                    }
                }
                // To the nearest, halves up: no power is negative, and the sum remembers what is no number.
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

    /// One over each query's sum.
    #[inline(always)]
    pub(super) fn inverses(&self, simd: S) -> [f32; BOTH] {
        let mut inverses = [0.0; BOTH];
        for r in 0..BOTH {
            inverses[r] = simd.reduce_sum_f32s(self.sums[r]).recip();
        }
        inverses
    }
}

/// `held * factor + more` for each row.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, held: &mut Sums, factors: [f32; BOTH], more: &Sums) {
    for r in 0..BOTH {
        let factor = simd.splat_f32s(factors[r]);
        for half in 0..2 {
            let held = S::as_mut_simd_f32s(&mut held.0[r / SIDE][half][r % SIDE].0).0;
            let more = S::as_simd_f32s(more.row(r)[half]).0;
            for (held, more) in held.iter_mut().zip(more) {
                *held = simd.mul_add_e_f32s(*held, factor, *more);
            }
        }
    }
}

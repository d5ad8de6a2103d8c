//! The AVX2 implementation: products of bytes are added in pairs in 16 bits, then in fours.

#![allow(
    clippy::needless_range_loop,
    reason = "loops with a constant number of rows stay in registers"
)]

use std::arch::x86_64::__m256i;

use pulp::x86::V3;

use super::{Group, OUTPUTS, Panel, ROWS, Sums};

struct Multiply<'a> {
    simd: V3,
    panel: &'a [Panel],
    groups: &'a [Group],
}

pub(super) fn sums(simd: V3, panel: &[Panel], groups: &[Group]) -> Sums<OUTPUTS, ROWS> {
    simd.vectorize(Multiply { simd, panel, groups })
}

impl pulp::NullaryFnOnce for Multiply<'_> {
    type Output = Sums<OUTPUTS, ROWS>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let V3 { avx, avx2, .. } = self.simd;
        let ones = avx._mm256_set1_epi16(1);
        let zero = avx._mm256_setzero_si256();
        let mut sums = [[zero; 2]; ROWS];
        for (panel, group) in self.panel.iter().zip(self.groups) {
            let weights: [__m256i; 2] = bytemuck::cast(group.0);
            for r in 0..ROWS {
                let x = avx._mm256_set1_epi32(i32::from_le_bytes(panel[r]));
                for half in 0..2 {
                    let pairs = avx2._mm256_maddubs_epi16(x, weights[half]);
                    let fours = avx2._mm256_madd_epi16(pairs, ones);
                    sums[r][half] = avx2._mm256_add_epi32(sums[r][half], fours);
                }
            }
        }
        let mut numbers = [[0; OUTPUTS]; ROWS];
        for r in 0..ROWS {
            numbers[r] = bytemuck::cast(sums[r]);
        }
        numbers
    }
}

//! AVX512-BF16: multiplies pairs of numbers and adds them to an f32 sum in one instruction.

use std::{
    arch::x86_64::{__m512bh, _mm512_dpbf16_ps, _mm512_set1_epi32, _mm512_setzero_ps},
    mem::transmute,
};

use super::super::tile::{Factors, SIDE, Sums};

/// Rows processed at once. With two tiles of outputs they need sixteen sums, which hide the
/// latency.
const ROWS: usize = 8;

/// Proof that the processor has the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let available =
            is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f");
        available.then_some(Self(()))
    }

    /// Multiplies as [`Open::multiply`](super::Open::multiply).
    pub(super) fn multiply(self, left: [&[Factors]; 2], right: [&[Factors]; 2], sums: &mut Sums) {
        // SAFETY: `Avx512` proves that both features exist.
        unsafe { multiply(left, right, sums) }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
#[allow(clippy::needless_range_loop, reason = "a constant number of sums stays in registers")]
fn multiply(left: [&[Factors]; 2], right: [&[Factors]; 2], sums: &mut Sums) {
    let pairs = |line: &Factors| -> __m512bh {
        // SAFETY: both types have 64 bytes and accept all bit patterns.
        unsafe { transmute(line.0) }
    };
    for (left, [first, second]) in left.into_iter().zip(&mut sums.0) {
        for start in (0..SIDE).step_by(ROWS) {
            let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
            let tiles = right[0].chunks_exact(SIDE).zip(right[1].chunks_exact(SIDE));
            for (left, tiles) in left.chunks_exact(SIDE).zip(tiles) {
                let rows: &[Factors] = &left[start..start + ROWS];
                for (input, (first, second)) in tiles.0.iter().zip(tiles.1).enumerate() {
                    let weights = [pairs(first), pairs(second)];
                    for r in 0..ROWS {
                        let (x, _) = rows[r].0.as_chunks::<2>();
                        let x = _mm512_set1_epi32(bytemuck::cast(x[input]));
                        // SAFETY: as above.
                        let x: __m512bh = unsafe { transmute(x) };
                        for half in 0..2 {
                            sums[r][half] = _mm512_dpbf16_ps(sums[r][half], x, weights[half]);
                        }
                    }
                }
            }
            for r in 0..ROWS {
                first[start + r].0 = bytemuck::cast(sums[r][0]);
                second[start + r].0 = bytemuck::cast(sums[r][1]);
            }
        }
    }
}

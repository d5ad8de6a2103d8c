//! The VNNI implementation: multiplies four bytes and adds them to a sum in one instruction.

use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32, _mm512_set1_epi32, _mm512_setzero_si512};

use fearless_simd::{Avx512, Level};

use super::{Group, OUTPUTS, PAIR, Panel, ROWS, Sums};

/// Tiles processed at once. With two panels they need sixteen sums, which hide the latency. Two
/// tiles of 768 inputs stay in the L1 cache.
const TILES: usize = PAIR;
const ALL_ROWS: usize = PAIR * ROWS;
const ALL_OUTPUTS: usize = TILES * OUTPUTS;

/// Returns a token if the processor has all AVX-512 features of Ice Lake.
pub(super) fn detect() -> Option<Avx512> {
    Level::new().as_avx512()
}

fearless_simd::kernel!(
    #[allow(clippy::needless_range_loop, reason = "a constant number of sums stays in registers")]
    pub(super) fn sums(
        avx512: Avx512,
        panels: &[Panel],
        groups: &[Group],
    ) -> Sums<ALL_OUTPUTS, ALL_ROWS> {
        let [first, second] = halves(panels);
        let [left, right] = halves(groups);
        let mut sums = [[_mm512_setzero_si512(); TILES]; ALL_ROWS];
        for (((first, second), left), right) in first.iter().zip(second).zip(left).zip(right) {
            let weights: [__m512i; TILES] = [bytemuck::cast(left.0), bytemuck::cast(right.0)];
            for r in 0..ALL_ROWS {
                let x = if r < ROWS { first[r] } else { second[r - ROWS] };
                let x = _mm512_set1_epi32(i32::from_le_bytes(x));
                for tile in 0..TILES {
                    sums[r][tile] = _mm512_dpbusd_epi32(sums[r][tile], x, weights[tile]);
                }
            }
        }
        let mut numbers = [[0; ALL_OUTPUTS]; ALL_ROWS];
        for r in 0..ALL_ROWS {
            numbers[r] = bytemuck::cast(sums[r]);
        }
        numbers
    }
);

fn halves<T>(both: &[T]) -> [&[T]; 2] {
    debug_assert!(both.len().is_multiple_of(2), "an odd number of elements");
    let (first, second) = both.split_at(both.len() / 2);
    [first, second]
}

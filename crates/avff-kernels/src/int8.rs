//! Matrix products in 8-bit integers.
//!
//! Weights are rounded once, each output's by its own scale, to 7 bits; inputs are rounded as they
//! come, each row by its own scale, to 8 bits. Sums are exact. 7 bits, because AVX2 adds two products
//! of bytes into 16 bits and saturates: `2 * 255 * 63` just fits.
//!
//! On processors without AVX2 the same numbers come from plain integer arithmetic.

use pulp::Arch;
use rayon::prelude::*;

use crate::math::ROUND;

/// Outputs of a tile: two vectors of 32-bit sums.
const OUTPUTS: usize = 16;
/// Inputs whose products are added within a 32-bit lane.
const INPUTS: usize = 4;
/// Rows that are multiplied at once.
const ROWS: usize = 4;
/// Rows of a task; their bytes and a tile of weights fit the second-level cache.
const TASK_ROWS: usize = 64;
/// The largest weight.
const GREATEST_WEIGHT: f32 = 63.0;
/// The largest input.
const GREATEST_INPUT: f32 = 127.0;
/// What inputs are raised by, so that they are bytes without sign.
const RAISE: i32 = 128;

/// The weights of four inputs to [`OUTPUTS`] outputs: one output's after the other's.
type Group = [i8; OUTPUTS * INPUTS];
/// Four inputs of [`ROWS`] rows.
type Panel = [[u8; INPUTS]; ROWS];

/// A weight matrix in bytes.
#[derive(Debug, Clone)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    /// Tile by tile, group by group.
    groups: Vec<Group>,
    /// What one step of an output's weights is.
    scales: Vec<f32>,
    /// What raised inputs add to an output's sum.
    raised: Vec<i32>,
}

impl Weights {
    /// # Shapes
    /// - `weights`: `[outputs, inputs]`
    ///
    /// # Panics
    /// When `weights` has another number of elements.
    #[must_use]
    pub fn new(weights: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "weights of each output");
        let tile = inputs.div_ceil(INPUTS);
        let padded = outputs.next_multiple_of(OUTPUTS);
        let mut groups = vec![[0; OUTPUTS * INPUTS]; padded / OUTPUTS * tile];
        let (mut scales, mut raised) = (vec![0.0; padded], vec![0; padded]);
        for (output, row) in weights.chunks_exact(inputs.max(1)).enumerate() {
            let scale = scale(row, GREATEST_WEIGHT);
            scales[output] = scale;
            let groups = &mut groups[output / OUTPUTS * tile..][..tile];
            let lane = output % OUTPUTS * INPUTS;
            for (group, row) in groups.iter_mut().zip(row.chunks(INPUTS)) {
                for (to, weight) in group[lane..].iter_mut().zip(row) {
                    *to = round(weight / scale) as i8;
                    raised[output] += RAISE * i32::from(*to);
                }
            }
        }
        Self { inputs, outputs, groups, scales, raised }
    }

    /// Inputs of a row.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Outputs of a row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.groups) + size_of_val(&*self.scales) + size_of_val(&*self.raised)
    }

    /// `x Wᵀ`. A row with a number that is not finite becomes a row of NaN.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `out`: `[rows, outputs]`
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn multiply(&self, x: &[f32], out: &mut [f32]) {
        let rows = x.len() / self.inputs.max(1);
        assert_eq!(x.len(), rows * self.inputs, "rows of inputs");
        assert_eq!(out.len(), rows * self.outputs, "rows of outputs");
        if out.is_empty() {
            return;
        }
        let arch = Arch::new();
        out.par_chunks_mut(TASK_ROWS * self.outputs)
            .zip(x.par_chunks(TASK_ROWS * self.inputs))
            .for_each(|(out, x)| {
                let (panels, scales) = arch.dispatch(|| self.pack(x));
                self.multiply_panels(&panels, &scales, out);
            });
    }

    /// Rows in panels of bytes, and what one step of each row is.
    #[inline(always)]
    fn pack(&self, x: &[f32]) -> (Vec<Panel>, Vec<f32>) {
        let panel = self.inputs.div_ceil(INPUTS);
        let rows = x.len() / self.inputs;
        let mut panels = vec![[[0; INPUTS]; ROWS]; rows.div_ceil(ROWS) * panel];
        let mut scales = vec![0.0; rows.next_multiple_of(ROWS)];
        for (r, row) in x.chunks_exact(self.inputs).enumerate() {
            let scale = scale(row, GREATEST_INPUT);
            scales[r] = scale;
            let inverse = scale.recip();
            let panels = &mut panels[r / ROWS * panel..][..panel];
            for (panel, row) in panels.iter_mut().zip(row.chunks(INPUTS)) {
                for (to, x) in panel[r % ROWS].iter_mut().zip(row) {
                    *to = (round(x * inverse) + RAISE) as u8;
                }
            }
        }
        (panels, scales)
    }

    fn multiply_panels(&self, panels: &[Panel], scales: &[f32], out: &mut [f32]) {
        let panel = self.inputs.div_ceil(INPUTS);
        let panels = panels.chunks_exact(panel).zip(scales.chunks_exact(ROWS));
        for (tile, groups) in self.groups.chunks_exact(panel).enumerate() {
            let first = tile * OUTPUTS;
            let count = OUTPUTS.min(self.outputs - first);
            let rows = out.chunks_mut(ROWS * self.outputs);
            for ((panel, scales), rows) in panels.clone().zip(rows) {
                let sums = sums(panel, groups);
                let rows = rows.chunks_exact_mut(self.outputs);
                for ((row, sums), step) in rows.zip(&sums).zip(scales) {
                    let numbers = self.raised[first..].iter().zip(&self.scales[first..]);
                    let row = &mut row[first..first + count];
                    for ((to, sum), (raised, scale)) in row.iter_mut().zip(sums).zip(numbers) {
                        *to = (sum - raised) as f32 * (step * scale);
                    }
                }
            }
        }
    }
}

/// What one step is when the row's largest number is `greatest` steps; NaN where one is not finite.
#[inline(always)]
fn scale(row: &[f32], greatest: f32) -> f32 {
    let (mut most, mut sum) = (0f32, 0f32);
    for x in row {
        most = most.max(x.abs());
        // Zero, but for what is not finite.
        sum += x * 0.0;
    }
    if sum.is_nan() {
        return f32::NAN;
    }
    // A row of zeros, or of what is too small to divide by: any step will do.
    if most < f32::MIN_POSITIVE * greatest { 1.0 } else { most / greatest }
}

/// The nearest integer to a number of at most some hundreds; 0 for NaN or nearly so.
#[inline(always)]
fn round(x: f32) -> i32 {
    let bits = (x + ROUND).to_bits();
    // The low byte of the mantissa, with its sign.
    i32::from(bits as u8 as i8)
}

type Sums = [[i32; OUTPUTS]; ROWS];

fn sums(panel: &[Panel], groups: &[Group]) -> Sums {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return avx2::sums(simd, panel, groups);
    }
    plain_sums(panel, groups)
}

fn plain_sums(panel: &[Panel], groups: &[Group]) -> Sums {
    let mut sums = [[0; OUTPUTS]; ROWS];
    for (panel, group) in panel.iter().zip(groups) {
        for (row, sums) in panel.iter().zip(&mut sums) {
            for (weights, sum) in group.chunks_exact(INPUTS).zip(sums) {
                for (x, weight) in row.iter().zip(weights) {
                    *sum += i32::from(*x) * i32::from(*weight);
                }
            }
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop, reason = "loops of a known number of rows stay in registers")]
mod avx2 {
    use std::arch::x86_64::__m256i;

    use pulp::x86::V3;

    use super::{Group, OUTPUTS, Panel, ROWS, Sums};

    struct Multiply<'a> {
        simd: V3,
        panel: &'a [Panel],
        groups: &'a [Group],
    }

    pub(super) fn sums(simd: V3, panel: &[Panel], groups: &[Group]) -> Sums {
        simd.vectorize(Multiply { simd, panel, groups })
    }

    impl pulp::NullaryFnOnce for Multiply<'_> {
        type Output = Sums;

        #[inline(always)]
        fn call(self) -> Sums {
            let V3 { avx, avx2, .. } = self.simd;
            let ones = avx._mm256_set1_epi16(1);
            let zero = avx._mm256_setzero_si256();
            let mut sums = [[zero; 2]; ROWS];
            for (panel, group) in self.panel.iter().zip(self.groups) {
                let weights: [__m256i; 2] = bytemuck::cast(*group);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

    /// As the module says, in the plainest way.
    fn reference(weights: &[f32], [outputs, inputs]: [usize; 2], x: &[f32]) -> Vec<f64> {
        let quantised = |row: &[f32], greatest: f32| -> (f64, Vec<i64>) {
            let step = scale(row, greatest);
            let inverse = if greatest == GREATEST_INPUT { step.recip() } else { 0.0 };
            let number = |x: &f32| {
                let x = if greatest == GREATEST_INPUT { x * inverse } else { x / step };
                f64::from(x).round_ties_even() as i64
            };
            (f64::from(step), row.iter().map(number).collect())
        };
        let mut out = Vec::new();
        for row in x.chunks(inputs) {
            let (step, row) = quantised(row, GREATEST_INPUT);
            for weights in weights.chunks(inputs).take(outputs) {
                let (scale, weights) = quantised(weights, GREATEST_WEIGHT);
                let sum: i64 = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
                out.push(sum as f64 * step * scale);
            }
        }
        out
    }

    #[test]
    fn sums_are_exact() {
        for (rows, inputs, outputs) in [(1, 1, 1), (5, 7, 17), (66, 64, 40), (3, 768, 33)] {
            let weights = numbers(1, outputs * inputs);
            let x: Vec<f32> = numbers(2, rows * inputs).iter().map(|x| 3.0 * x).collect();
            let packed = Weights::new(&weights, [outputs, inputs]);
            let mut out = vec![0.0; rows * outputs];
            packed.multiply(&x, &mut out);
            let want = reference(&weights, [outputs, inputs], &x);
            for (got, want) in out.iter().zip(&want) {
                // Two factors and one product in f32.
                assert!((f64::from(*got) - want).abs() <= 4e-7 * want.abs(), "{got}, {want}");
            }
        }
    }

    /// The worst inputs for sums of 16 bits.
    #[test]
    fn nothing_saturates() {
        let (inputs, outputs) = (64, 16);
        for sign in [1.0, -1.0] {
            let packed = Weights::new(&vec![sign; outputs * inputs], [outputs, inputs]);
            let mut out = vec![0.0; outputs];
            packed.multiply(&vec![1.0; inputs], &mut out);
            assert!(out.iter().all(|y| (y - sign * 64.0).abs() < 1e-4), "{out:?}");
        }
    }

    #[test]
    fn plain_arithmetic_gives_the_same_sums() {
        let bytes = |seed, count| -> Vec<u8> {
            numbers(seed, count).iter().map(|x| (x * 127.0) as i8 as u8).collect()
        };
        let panel: Vec<Panel> = bytemuck::cast_slice(&bytes(1, 24 * 16)).to_vec();
        let weights: Vec<i8> = bytes(2, 24 * 64).iter().map(|x| *x as i8 / 2).collect();
        let groups: &[Group] = bytemuck::cast_slice(&weights);
        assert_eq!(sums(&panel, groups), plain_sums(&panel, groups));
    }

    #[test]
    fn what_is_not_finite_is_nan_and_zero_is_zero() {
        let packed = Weights::new(&numbers(1, 8 * 4), [4, 8]);
        let mut x = vec![0.0; 3 * 8];
        x[9] = f32::INFINITY;
        x[17] = f32::NAN;
        let mut out = vec![1.0; 12];
        packed.multiply(&x, &mut out);
        assert_eq!(out[..4], [0.0; 4]);
        assert!(out[4..].iter().all(|y| y.is_nan()));
    }
}

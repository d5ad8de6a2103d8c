//! Matrix products in 8-bit integers.
//!
//! Weights are rounded once, each output's by its own scale, to 7 bits; inputs are rounded as they
//! come, each row by its own scale, to 8 bits. Sums are exact until they become f32. 7 bits, because
//! AVX2 adds two products of bytes into 16 bits and saturates: `2 * 255 * 63` just fits.
//!
//! Three ways to the same numbers: AVX2; where a processor has all of AVX-512 that Ice Lake brought,
//! its VNNI, which adds four products into 32 bits at once; plain integer arithmetic for all others.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

use pulp::Arch;
use rayon::prelude::*;

use crate::math::ROUND;

/// Outputs of a tile: two vectors of 32-bit sums for AVX2, one for AVX-512.
const OUTPUTS: usize = 16;
/// Inputs whose products are added within a 32-bit lane.
const INPUTS: usize = 4;
/// Rows of a panel.
const ROWS: usize = 4;
/// There are so many panels and tiles or a multiple of it: VNNI takes two of each at once.
const TOGETHER: usize = 2;
/// Rows of a task; their bytes and a tile of weights fit the second-level cache.
const TASK_ROWS: usize = 64;
/// The largest weight.
const GREATEST_WEIGHT: f32 = 63.0;
/// The largest input.
const GREATEST_INPUT: f32 = 127.0;
/// What inputs are raised by, so that they are bytes without sign.
const RAISE: i32 = 128;

/// The weights of four inputs to [`OUTPUTS`] outputs: one output's after the other's. A line of cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Group([i8; OUTPUTS * INPUTS]);
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
        let padded = outputs.next_multiple_of(TOGETHER * OUTPUTS);
        let mut groups = vec![Group([0; OUTPUTS * INPUTS]); padded / OUTPUTS * tile];
        let (mut scales, mut raised) = (vec![0.0; padded], vec![0; padded]);
        for (output, row) in weights.chunks_exact(inputs.max(1)).enumerate() {
            let scale = scale(row, GREATEST_WEIGHT);
            scales[output] = scale;
            let groups = &mut groups[output / OUTPUTS * tile..][..tile];
            let lane = output % OUTPUTS * INPUTS;
            for (group, row) in groups.iter_mut().zip(row.chunks(INPUTS)) {
                for (to, weight) in group.0[lane..].iter_mut().zip(row) {
                    *to = round(weight / scale) as i8;
                    raised[output] += RAISE * i32::from(*to);
                }
            }
        }
        Self { inputs, outputs, groups, scales, raised }
    }

    /// Outputs of a row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
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
        let padded = rows.next_multiple_of(TOGETHER * ROWS);
        let mut panels = vec![[[0; INPUTS]; ROWS]; padded / ROWS * panel];
        let mut scales = vec![0.0; padded];
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
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = vnni::here() {
            return self.multiply_by(|x, w| vnni::sums(simd, x, w), panels, scales, out);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return self.multiply_by(|x, w| avx2::sums(simd, x, w), panels, scales, out);
        }
        self.multiply_by(plain_sums, panels, scales, out);
    }

    /// With the sums of so many outputs and rows at once.
    #[inline(always)]
    fn multiply_by<const O: usize, const R: usize>(
        &self,
        sums: impl Fn(&[Panel], &[Group]) -> Sums<O, R>,
        panels: &[Panel],
        scales: &[f32],
        out: &mut [f32],
    ) {
        const { assert!((TOGETHER * OUTPUTS).is_multiple_of(O)) };
        const { assert!((TOGETHER * ROWS).is_multiple_of(R)) };
        let length = self.inputs.div_ceil(INPUTS);
        let panels = panels.chunks_exact(R / ROWS * length).zip(scales.chunks_exact(R));
        let tiles = self.groups.chunks_exact(O / OUTPUTS * length);
        // A last one may hold padding alone.
        for (tile, groups) in tiles.take(self.outputs.div_ceil(O)).enumerate() {
            let first = tile * O;
            let count = O.min(self.outputs - first);
            let rows = out.chunks_mut(R * self.outputs);
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

/// Of so many outputs for each of so many rows.
type Sums<const O: usize, const R: usize> = [[i32; O]; R];

fn plain_sums(panel: &[Panel], groups: &[Group]) -> Sums<OUTPUTS, ROWS> {
    let mut sums = [[0; OUTPUTS]; ROWS];
    for (panel, group) in panel.iter().zip(groups) {
        for (row, sums) in panel.iter().zip(&mut sums) {
            for (weights, sum) in group.0.chunks_exact(INPUTS).zip(sums) {
                for (x, weight) in row.iter().zip(weights) {
                    *sum += i32::from(*x) * i32::from(*weight);
                }
            }
        }
    }
    sums
}

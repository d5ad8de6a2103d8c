//! Matrix products in 8-bit integers.
//!
//! Weights are quantized once to 7 bits, with one scale per output. Inputs are quantized to 8 bits
//! at every product, with one scale per row. Integer sums are exact until they are converted to
//! f32. Weights have 7 bits because AVX2 adds two byte products in 16 bits and saturates: `2 * 255
//! * 63` just fits.
//!
//! Three implementations give equal results:
//! - AVX2
//! - AVX-512 VNNI, which adds four products in 32 bits at once; it needs all of Ice Lake's AVX-512
//! - plain integer arithmetic for all other processors

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

use pulp::Arch;
use rayon::prelude::*;

use crate::math::ROUND;

/// Outputs per tile: two vectors of 32-bit sums with AVX2, one with AVX-512.
const OUTPUTS: usize = 16;
/// Inputs whose products are added in one 32-bit lane.
const INPUTS: usize = 4;
/// Rows per panel.
const ROWS: usize = 4;
/// The numbers of panels and tiles are multiples of this: VNNI processes two of each at once.
const PAIR: usize = 2;
/// Rows per task. Their bytes and a tile of weights fit the L2 cache.
const TASK_ROWS: usize = 64;
/// Largest quantized weight.
const MAX_WEIGHT: f32 = 63.0;
/// Largest quantized input.
const MAX_INPUT: f32 = 127.0;
/// Zero point of the inputs, which makes them unsigned bytes.
const ZERO_POINT: i32 = 128;

/// The weights of four inputs for [`OUTPUTS`] outputs, output by output. One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Group([i8; OUTPUTS * INPUTS]);
/// Four inputs of [`ROWS`] rows.
type Panel = [[u8; INPUTS]; ROWS];

/// A weight matrix, quantized to bytes.
#[derive(Debug, Clone)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    /// Groups of weights, tile by tile.
    groups: Vec<Group>,
    /// Quantization step of each output's weights.
    scales: Vec<f32>,
    /// Contribution of the inputs' zero point to each output's sum.
    offsets: Vec<i32>,
}

impl Weights {
    /// Quantizes and packs a weight matrix.
    ///
    /// # Shapes
    /// - `weights`: `[outputs, inputs]`
    ///
    /// # Panics
    /// Panics if `weights` has another number of elements.
    #[must_use]
    pub fn new(weights: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "weights of each output");
        let tile = inputs.div_ceil(INPUTS);
        let padded = outputs.next_multiple_of(PAIR * OUTPUTS);
        let mut groups = vec![Group([0; OUTPUTS * INPUTS]); padded / OUTPUTS * tile];
        let (mut scales, mut offsets) = (vec![0.0; padded], vec![0; padded]);
        for (output, row) in weights.chunks_exact(inputs.max(1)).enumerate() {
            let scale = scale(row, MAX_WEIGHT);
            scales[output] = scale;
            let groups = &mut groups[output / OUTPUTS * tile..][..tile];
            let lane = output % OUTPUTS * INPUTS;
            for (group, row) in groups.iter_mut().zip(row.chunks(INPUTS)) {
                for (to, weight) in group.0[lane..].iter_mut().zip(row) {
                    *to = round(weight / scale) as i8;
                    offsets[output] += ZERO_POINT * i32::from(*to);
                }
            }
        }
        Self { inputs, outputs, groups, scales, offsets }
    }

    /// Returns the number of outputs per row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Computes `x Wᵀ`. A row with a non-finite number becomes a row of NaN.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `out`: `[rows, outputs]`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
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

    /// Quantizes rows into panels of bytes and returns the quantization step of each row.
    #[inline(always)]
    fn pack(&self, x: &[f32]) -> (Vec<Panel>, Vec<f32>) {
        let panel = self.inputs.div_ceil(INPUTS);
        let rows = x.len() / self.inputs;
        let padded = rows.next_multiple_of(PAIR * ROWS);
        let mut panels = vec![[[0; INPUTS]; ROWS]; padded / ROWS * panel];
        let mut scales = vec![0.0; padded];
        for (r, row) in x.chunks_exact(self.inputs).enumerate() {
            let scale = scale(row, MAX_INPUT);
            scales[r] = scale;
            let inverse = scale.recip();
            let panels = &mut panels[r / ROWS * panel..][..panel];
            for (panel, row) in panels.iter_mut().zip(row.chunks(INPUTS)) {
                for (to, x) in panel[r % ROWS].iter_mut().zip(row) {
                    *to = (round(x * inverse) + ZERO_POINT) as u8;
                }
            }
        }
        (panels, scales)
    }

    fn multiply_panels(&self, panels: &[Panel], scales: &[f32], out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = vnni::detect() {
            return self.multiply_by(|x, w| vnni::sums(simd, x, w), panels, scales, out);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return self.multiply_by(|x, w| avx2::sums(simd, x, w), panels, scales, out);
        }
        self.multiply_by(plain_sums, panels, scales, out);
    }

    /// Multiplies with a function that computes `O` outputs of `R` rows at once.
    #[inline(always)]
    fn multiply_by<const O: usize, const R: usize>(
        &self,
        sums: impl Fn(&[Panel], &[Group]) -> Sums<O, R>,
        panels: &[Panel],
        scales: &[f32],
        out: &mut [f32],
    ) {
        const { assert!((PAIR * OUTPUTS).is_multiple_of(O)) };
        const { assert!((PAIR * ROWS).is_multiple_of(R)) };
        let length = self.inputs.div_ceil(INPUTS);
        let panels = panels.chunks_exact(R / ROWS * length).zip(scales.chunks_exact(R));
        let tiles = self.groups.chunks_exact(O / OUTPUTS * length);
        // A final tile that holds only padding is skipped.
        for (tile, groups) in tiles.take(self.outputs.div_ceil(O)).enumerate() {
            let first = tile * O;
            let count = O.min(self.outputs - first);
            let rows = out.chunks_mut(R * self.outputs);
            for ((panel, scales), rows) in panels.clone().zip(rows) {
                let sums = sums(panel, groups);
                let rows = rows.chunks_exact_mut(self.outputs);
                for ((row, sums), step) in rows.zip(&sums).zip(scales) {
                    let numbers = self.offsets[first..].iter().zip(&self.scales[first..]);
                    let row = &mut row[first..first + count];
                    for ((to, sum), (offset, scale)) in row.iter_mut().zip(sums).zip(numbers) {
                        *to = (sum - offset) as f32 * (step * scale);
                    }
                }
            }
        }
    }
}

/// Returns the quantization step that maps the row's largest magnitude to `limit` steps, or NaN if
/// a number is not finite.
#[inline(always)]
fn scale(row: &[f32], limit: f32) -> f32 {
    let (mut magnitude, mut sum) = (0f32, 0f32);
    for x in row {
        magnitude = magnitude.max(x.abs());
        // The product is NaN for a non-finite number and zero otherwise.
        sum += x * 0.0;
    }
    if sum.is_nan() {
        return f32::NAN;
    }
    // For zeros, or numbers too small to divide by, the step does not matter.
    if magnitude < f32::MIN_POSITIVE * limit { 1.0 } else { magnitude / limit }
}

/// Rounds a number of at most some hundreds to the nearest integer; NaN gives 0.
#[inline(always)]
fn round(x: f32) -> i32 {
    let bits = (x + ROUND).to_bits();
    // The low byte of the mantissa, with its sign.
    i32::from(bits as u8 as i8)
}

/// Sums of `O` outputs for each of `R` rows.
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

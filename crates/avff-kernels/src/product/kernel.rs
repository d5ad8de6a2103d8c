//! The task of a product: some rows times the whole weight.

use std::{cell::Cell, hint::black_box, ops::Range};

use pulp::{Simd, WithSimd};

use super::{Epilogue, STEP, Weights, blocks};
use crate::gelu::gelu;

/// Rows per panel. With two vectors of outputs they need twelve accumulator registers, of sixteen
/// (AVX2) or 32.
pub(super) const ROWS: usize = 6;

/// Two vectors of outputs.
type Pair<S> = [<S as Simd>::f32s; 2];
/// The sums of a panel of rows.
type Sums<S> = [Pair<S>; ROWS];

/// Returns the number of lanes of a vector.
pub(super) struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

thread_local! {
    /// Buffer for the packed rows of a task. It is reused because fresh memory is slow.
    static PANELS: Cell<Vec<[f32; ROWS]>> = const { Cell::new(Vec::new()) };
}

/// Some rows and the whole weight.
pub(super) struct Task<'a> {
    pub(super) weights: &'a Weights,
    pub(super) x: &'a [f32],
    pub(super) out: &'a mut [f32],
    /// The bias, padded to whole panels.
    pub(super) bias: &'a [f32],
    pub(super) epilogue: Epilogue,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut panels = PANELS.take();
        self.run(simd, &mut panels);
        PANELS.set(panels);
    }
}

impl Task<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, panels: &mut Vec<[f32; ROWS]>) {
        let Weights { inputs, outputs, width, .. } = *self.weights;
        let count = (self.out.len() / outputs).div_ceil(ROWS);
        let (bias, _) = S::as_simd_f32s(self.bias);
        let (bias, _) = bias.as_chunks::<2>();
        let mut rest = self.weights.panels();
        for block in blocks(inputs) {
            let depth = block.len();
            if panels.len() < count * depth {
                panels.resize(count * depth, [0.0; ROWS]);
            }
            let rows = &mut panels[..count * depth];
            pack(self.x, inputs, block.clone(), rows);
            let last = block.end == inputs;
            let gelu = last && self.epilogue == Epilogue::Gelu;
            let add = block.start > 0 || self.epilogue == Epilogue::Add;
            for (number, bias) in bias.iter().enumerate() {
                let (panel, others) = rest.split_at(width * depth);
                rest = others;
                let (panel, _) = S::as_simd_f32s(panel);
                let (panel, _) = panel.as_chunks::<2>();
                let column = number * width;
                let columns = column..outputs.min(column + width);
                // Prefetch the next panel, a part of it with each panel of rows.
                let mut ahead = rest.as_chunks::<LINE>().0;
                let tiles = rows.chunks_exact(depth).zip(self.out.chunks_mut(ROWS * outputs));
                for (left, out) in tiles {
                    let (now, later) = ahead.split_at(ahead.len().min(depth / STEP));
                    ahead = later;
                    let mut sums = multiply(simd, left, panel, now);
                    if last {
                        add_bias(simd, &mut sums, *bias);
                    }
                    for (row, sums) in out.chunks_exact_mut(outputs).zip(sums) {
                        store(simd, sums, &mut row[columns.clone()], add, gelu);
                    }
                }
            }
        }
    }
}

/// Numbers per cache line.
const LINE: usize = super::LINE / size_of::<f32>();

/// Packs a block of rows into panels of [`ROWS`] rows, each panel input by input. Missing rows
/// become zeros.
#[inline(always)]
fn pack(x: &[f32], inputs: usize, block: Range<usize>, panels: &mut [[f32; ROWS]]) {
    let depth = block.len();
    for (panel, rows) in panels.chunks_exact_mut(depth).zip(x.chunks(ROWS * inputs)) {
        if rows.len() < ROWS * inputs {
            panel.fill([0.0; ROWS]);
            for (r, row) in rows.chunks_exact(inputs).enumerate() {
                for (to, from) in panel.iter_mut().zip(&row[block.clone()]) {
                    to[r] = *from;
                }
            }
            continue;
        }
        // (Slices of provably equal lengths need no bounds checks in the loop.)
        let mut starts = [&rows[..depth]; ROWS];
        for (r, row) in rows.chunks_exact(inputs).enumerate() {
            starts[r] = &row[block.clone()][..depth];
        }
        let [a, b, c, d, e, f] = starts;
        for (k, to) in panel.iter_mut().enumerate() {
            *to = [a[k], b[k], c[k], d[k], e[k], f[k]];
        }
    }
}

/// Multiplies a panel of rows by a panel of the weight.
///
/// `ahead` is the data that will be read next. The loop touches its lines one by one, so that they
/// are in a nearer cache by then. (Without this, the first reader of a panel waits for memory.)
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    left: &[[f32; ROWS]],
    right: &[Pair<S>],
    ahead: &[[f32; LINE]],
) -> Sums<S> {
    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
    let (lefts, left_rest) = left.as_chunks::<STEP>();
    let (rights, right_rest) = right.as_chunks::<STEP>();
    let mut ahead = ahead.iter();
    let mut touched = 0;
    for (left, right) in lefts.iter().zip(rights) {
        if let Some(line) = ahead.next() {
            touched |= line[0].to_bits();
        }
        for k in 0..STEP {
            add_products(simd, &mut sums, &left[k], &right[k]);
        }
    }
    // Keeps the compiler from removing the reads.
    black_box(touched);
    for (left, right) in left_rest.iter().zip(right_rest) {
        add_products(simd, &mut sums, left, right);
    }
    sums
}

#[inline(always)]
fn add_products<S: Simd>(simd: S, sums: &mut Sums<S>, left: &[f32; ROWS], right: &Pair<S>) {
    for r in 0..ROWS {
        let factor = simd.splat_f32s(left[r]);
        sums[r][0] = simd.mul_add_e_f32s(factor, right[0], sums[r][0]);
        sums[r][1] = simd.mul_add_e_f32s(factor, right[1], sums[r][1]);
    }
}

#[inline(always)]
fn add_bias<S: Simd>(simd: S, sums: &mut Sums<S>, bias: Pair<S>) {
    for sum in sums {
        *sum = plus(simd, *sum, bias);
    }
}

#[inline(always)]
fn plus<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

/// Writes a row's outputs: their sums plus bias, plus the previous contents of `row` if `add`.
/// `sums` and `bias` are padded to a whole number of vector pairs.
#[inline(always)]
pub(crate) fn finish_row<S: Simd>(
    simd: S,
    sums: &[f32],
    bias: &[f32],
    row: &mut [f32],
    add: bool,
    gelu: bool,
) {
    let (sums, bias) =
        (S::as_simd_f32s(sums).0.as_chunks().0, S::as_simd_f32s(bias).0.as_chunks().0);
    for ((sums, bias), row) in sums.iter().zip(bias).zip(row.chunks_mut(2 * S::F32_LANES)) {
        store(simd, plus(simd, *sums, *bias), row, add, gelu);
    }
}

/// Writes a row's outputs of one panel, plus the previous contents of `row` if `add`.
#[inline(always)]
fn store<S: Simd>(simd: S, sums: Pair<S>, row: &mut [f32], add: bool, gelu: bool) {
    if row.len() == 2 * S::F32_LANES {
        let (row, _) = S::as_mut_simd_f32s(row);
        if let [first, second] = row {
            [*first, *second] = finish(simd, sums, [*first, *second], add, gelu);
        }
    } else {
        let mut previous = [simd.splat_f32s(0.0); 2];
        let numbers: &mut [f32] = bytemuck::cast_slice_mut(&mut previous);
        numbers[..row.len()].copy_from_slice(row);
        previous = finish(simd, sums, previous, add, gelu);
        let numbers: &[f32] = bytemuck::cast_slice(&previous);
        row.copy_from_slice(&numbers[..row.len()]);
    }
}

#[inline(always)]
fn finish<S: Simd>(simd: S, sums: Pair<S>, previous: Pair<S>, add: bool, is_gelu: bool) -> Pair<S> {
    let mut sums = sums;
    if add {
        sums = plus(simd, previous, sums);
    }
    if is_gelu {
        sums = [gelu(simd, sums[0]), gelu(simd, sums[1])];
    }
    sums
}

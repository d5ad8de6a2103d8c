//! A task: some rows by all of the weight.

use std::{cell::Cell, hint::black_box, ops::Range};

use pulp::{Simd, WithSimd};

use super::{STEP, Then, Weights, blocks};
use crate::gelu::gelu;

/// Rows of a panel: with two vectors of outputs they fill twelve registers with sums, of sixteen (AVX2) or 32.
pub(super) const ROWS: usize = 6;

/// Two vectors of outputs.
type Pair<S> = [<S as Simd>::f32s; 2];
/// The sums of a panel of rows.
type Sums<S> = [Pair<S>; ROWS];

/// How many numbers a vector has.
pub(super) struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

thread_local! {
    /// Room for the rows of a task, kept because fresh memory is slow.
    static PANELS: Cell<Vec<[f32; ROWS]>> = const { Cell::new(Vec::new()) };
}

/// Some rows by all of the weight.
pub(super) struct Task<'a> {
    pub(super) weights: &'a Weights,
    pub(super) x: &'a [f32],
    pub(super) out: &'a mut [f32],
    /// As long as whole panels.
    pub(super) bias: &'a [f32],
    pub(super) then: Then,
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
            let gelu = last && self.then == Then::Gelu;
            let add = block.start > 0 || self.then == Then::Skip;
            for (number, bias) in bias.iter().enumerate() {
                let (panel, others) = rest.split_at(width * depth);
                rest = others;
                let (panel, _) = S::as_simd_f32s(panel);
                let (panel, _) = panel.as_chunks::<2>();
                let column = number * width;
                let columns = column..outputs.min(column + width);
                // The next panel, a part with each panel of rows.
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

/// Numbers of a line of cache.
const LINE: usize = super::LINE / size_of::<f32>();

/// A block of rows as panels of [`ROWS`] rows, each panel input by input; rows that are not there are
/// zeros.
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
        // (Slices of a length that the compiler knows to be the same need no checks in the loop.)
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

/// A panel of rows by a panel of the weight.
///
/// `ahead` is what will be read soon: a line of it is touched now and then, so that it is in the
/// nearer cache by then. (Without that, the first to read a panel waits for it.)
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
    // Else nothing would be read.
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

/// Writes a row's outputs, their sums and bias, with what `row` held where that is to be added. `sums` and `bias` may be
/// longer, and are as long as a whole number of pairs of vectors.
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

/// Writes a row's outputs of a panel, with what `row` held where that is to be added.
#[inline(always)]
fn store<S: Simd>(simd: S, sums: Pair<S>, row: &mut [f32], add: bool, gelu: bool) {
    if row.len() == 2 * S::F32_LANES {
        let (row, _) = S::as_mut_simd_f32s(row);
        if let [first, second] = row {
            [*first, *second] = finish(simd, sums, [*first, *second], add, gelu);
        }
    } else {
        let mut held = [simd.splat_f32s(0.0); 2];
        let numbers: &mut [f32] = bytemuck::cast_slice_mut(&mut held);
        numbers[..row.len()].copy_from_slice(row);
        held = finish(simd, sums, held, add, gelu);
        let numbers: &[f32] = bytemuck::cast_slice(&held);
        row.copy_from_slice(&numbers[..row.len()]);
    }
}

#[inline(always)]
fn finish<S: Simd>(simd: S, sums: Pair<S>, held: Pair<S>, add: bool, is_gelu: bool) -> Pair<S> {
    let mut sums = sums;
    if add {
        sums = plus(simd, held, sums);
    }
    if is_gelu {
        sums = [gelu(simd, sums[0]), gelu(simd, sums[1])];
    }
    sums
}

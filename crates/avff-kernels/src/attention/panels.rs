//! Packed operands of the attention products, and the two products.

use pulp::Simd;

use crate::math::exp2;

/// Rows of the left operand that are multiplied at once. With two vectors of the right operand they
/// need twelve accumulator registers, of sixteen (AVX2) or 32.
pub(super) const ROWS: usize = 6;

/// A row of a tile: two vectors of queries.
pub(super) type Pair<S> = [<S as Simd>::f32s; 2];

/// Returns the number of queries in a tile.
pub(super) const fn width<S: Simd>() -> usize {
    2 * S::F32_LANES
}

/// Returns a pair of zero vectors.
#[inline(always)]
pub(super) fn zero<S: Simd>(simd: S) -> Pair<S> {
    [simd.splat_f32s(0.0); 2]
}

// The functions below use no closures: a closure would be compiled as a separate function, without
// the vector instructions of its caller.

/// The element-wise maximum of `a` and `b`.
#[inline(always)]
pub(super) fn max<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.max_f32s(a[0], b[0]), simd.max_f32s(a[1], b[1])]
}

/// `a - b`.
#[inline(always)]
pub(super) fn sub<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.sub_f32s(a[0], b[0]), simd.sub_f32s(a[1], b[1])]
}

/// `a + b`.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

/// `a * b`.
#[inline(always)]
pub(super) fn mul<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.mul_f32s(a[0], b[0]), simd.mul_f32s(a[1], b[1])]
}

/// `2^(a - b)`, for differences of at most 0.
#[inline(always)]
pub(super) fn power<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    let x = sub(simd, a, b);
    [exp2(simd, x[0]), exp2(simd, x[1])]
}

/// Packs the rows of a head into panels of [`ROWS`] rows, each panel feature by feature. Missing
/// rows become zeros.
///
/// `rows` is a sequence whose rows have length `stride`; the head's features start at `offset`.
pub(super) fn pack_rows(
    rows: &[f32],
    stride: usize,
    offset: usize,
    head_dim: usize,
    panels: &mut [[f32; ROWS]],
) {
    let group = ROWS * stride;
    for (panel, rows) in panels.chunks_exact_mut(head_dim).zip(rows.chunks(group)) {
        if rows.len() < group {
            panel.fill([0.0; ROWS]);
        }
        for (r, row) in rows.chunks_exact(stride).enumerate() {
            for (to, from) in panel.iter_mut().zip(&row[offset..offset + head_dim]) {
                to[r] = *from;
            }
        }
    }
}

/// Packs a head transposed: panels of [`ROWS`] features, each panel row by row. Missing features
/// become zeros. `length` is the number of rows in a panel.
pub(super) fn pack_features(
    rows: &[f32],
    stride: usize,
    offset: usize,
    head_dim: usize,
    length: usize,
    panels: &mut [[f32; ROWS]],
) {
    for (p, panel) in panels.chunks_exact_mut(length).enumerate() {
        let (from, to) = (p * ROWS, ((p + 1) * ROWS).min(head_dim));
        for (entry, row) in panel.iter_mut().zip(rows.chunks_exact(stride)) {
            let features = &row[offset + from..offset + to];
            entry[..features.len()].copy_from_slice(features);
            entry[features.len()..].fill(0.0);
        }
    }
}

/// Packs up to [`width`] rows of a head side by side: entry `f` holds feature `f` of each row,
/// times `scale`. Missing rows become zeros.
#[inline(always)]
pub(super) fn pack_tile<S: Simd>(
    simd: S,
    rows: &[f32],
    stride: usize,
    offset: usize,
    scale: f32,
    tile: &mut [Pair<S>],
) {
    tile.fill(zero(simd));
    let head_dim = tile.len();
    let tile: &mut [f32] = bytemuck::cast_slice_mut(tile);
    for (r, row) in rows.chunks_exact(stride).enumerate() {
        let row = &row[offset..offset + head_dim];
        for (to, from) in tile.chunks_exact_mut(width::<S>()).zip(row) {
            to[r] = from * scale;
        }
    }
}

/// Transposes a tile back into rows and multiplies each row by its factor.
#[inline(always)]
pub(super) fn unpack_tile<S: Simd>(
    tile: &[Pair<S>],
    factors: &[f32],
    rows: &mut [f32],
    stride: usize,
    offset: usize,
) {
    let head_dim = tile.len();
    let tile: &[f32] = bytemuck::cast_slice(tile);
    for (r, (row, factor)) in rows.chunks_exact_mut(stride).zip(factors).enumerate() {
        let row = &mut row[offset..offset + head_dim];
        for (to, from) in row.iter_mut().zip(tile.chunks_exact(width::<S>())) {
            *to = from[r] * factor;
        }
    }
}

/// Computes `sums[r] + Σ left[i][r] right[i]`: one panel times one tile.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    left: &[[f32; ROWS]],
    right: &[Pair<S>],
    mut sums: [Pair<S>; ROWS],
) -> [Pair<S>; ROWS] {
    for (left, right) in left.iter().zip(right) {
        for r in 0..ROWS {
            let factor = simd.splat_f32s(left[r]);
            sums[r][0] = simd.mul_add_e_f32s(factor, right[0], sums[r][0]);
            sums[r][1] = simd.mul_add_e_f32s(factor, right[1], sums[r][1]);
        }
    }
    sums
}

/// Adds `Σ left[r][i] right[i]` to `sums[r]`: [`ROWS`] rows of a tile, summed over its queries,
/// times rows of the right operand that are `step` apart.
#[inline(always)]
pub(super) fn multiply_over_queries<S: Simd>(
    simd: S,
    left: &[Pair<S>],
    right: &[Pair<S>],
    step: usize,
    sums: &mut [Pair<S>; ROWS],
) {
    let left: &[f32] = bytemuck::cast_slice(left);
    let left = &left[..ROWS * width::<S>()];
    let mut sum = *sums;
    for (i, right) in right.iter().step_by(step).take(width::<S>()).enumerate() {
        for r in 0..ROWS {
            let factor = simd.splat_f32s(left[r * width::<S>() + i]);
            sum[r][0] = simd.mul_add_e_f32s(factor, right[0], sum[r][0]);
            sum[r][1] = simd.mul_add_e_f32s(factor, right[1], sum[r][1]);
        }
    }
    *sums = sum;
}

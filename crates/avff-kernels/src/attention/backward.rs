//! The backward pass of attention.
//!
//! With scores `S`, `P = softmax(S)`, output `O = P V` and its gradient `dO`:
//! `dV = Pᵀ dO`, `dP = dO Vᵀ`, `dS = P (dP - rowsum(dO O))`, `dQ = dS K`, `dK = dSᵀ Q`.
//! `P` is recomputed from the scores and the logarithm of their sum.

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    Heads, KEY_BLOCK,
    forward::score,
    panels::{
        Pair, ROWS, mul, multiply, multiply_over_queries, pack_features, pack_rows, pack_tile,
        power, sub, unpack_tile, width, zero,
    },
    parts,
};
use crate::memory::{LINE, first_line, recycle, scratch, zeros};

/// Number of parts into which the keys of a head are split, so that a model with few heads has
/// enough tasks. Each part needs its own gradient of all queries until the parts are added.
const KEY_PARTS: usize = 2;

/// Computes the gradient of stacked q, k, v.
///
/// # Shapes
/// - `qkv`: `[batch * tokens, 3 * dim]`, `out`: `[batch * tokens, dim]` and `log_sums`:
///   `[batch * tokens, heads]`: arguments of [`forward_for_training`](super::forward_for_training)
/// - `gradient`: `[batch * tokens, dim]`: gradient of `out`
/// - result: `[batch * tokens, 3 * dim]`
///
/// # Panics
/// Panics if a slice has another length.
#[must_use]
pub fn backward(
    heads: Heads,
    qkv: &[f32],
    out: &[f32],
    log_sums: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    heads.check(qkv);
    assert_eq!(out.len(), heads.rows() * heads.dim(), "rows of the output");
    assert_eq!(gradient.len(), out.len(), "rows of the output's gradient");
    assert_eq!(log_sums.len(), heads.rows() * heads.heads, "one sum for each row and head");
    if out.is_empty() {
        return Vec::new();
    }
    let arch = Arch::new();
    let dots = dots(heads, out, gradient);
    let key_part = heads.tokens.div_ceil(KEY_PARTS).next_multiple_of(ROWS);
    let key_parts = heads.tokens.div_ceil(key_part);
    let count = heads.batch * heads.heads * key_parts;
    let length = part_length(heads, key_part);
    let mut partial = scratch(count * length);
    partial.par_chunks_exact_mut(length).enumerate().for_each(|(index, partial)| {
        let (head, part) = (index / key_parts, index % key_parts);
        let (batch, head) = (head / heads.heads, head % heads.heads);
        let range =
            |length: usize| batch * heads.tokens * length..(batch + 1) * heads.tokens * length;
        arch.dispatch(Task {
            heads,
            head,
            keys: part * key_part..((part + 1) * key_part).min(heads.tokens),
            qkv: heads.sequence(qkv, batch),
            gradient: &gradient[range(heads.dim())],
            log_sums: &log_sums[range(heads.heads)],
            dots: &dots[range(heads.heads)],
            partial,
        });
    });
    let gradients = assemble(heads, &partial, key_part, key_parts);
    recycle(partial);
    gradients
}

/// Computes `rowsum(dO O)` of every head: `[batch * tokens, heads]`.
fn dots(heads: Heads, out: &[f32], gradient: &[f32]) -> Vec<f32> {
    let pairs = out.par_chunks_exact(heads.head_dim).zip(gradient.par_chunks_exact(heads.head_dim));
    pairs.with_min_len(1024).map(|(o, g)| o.iter().zip(g).map(|(o, g)| o * g).sum()).collect()
}

/// Length of one task's result, in rows of [`Heads::head_dim`]: the gradients of every query from
/// this part's keys, of these keys, and of their values.
fn part_length(heads: Heads, key_part: usize) -> usize {
    (heads.tokens + 2 * key_part) * heads.head_dim
}

/// Joins the gradients of the heads. Query gradients are added in the order of the key parts.
fn assemble(heads: Heads, parts: &[f32], key_part: usize, key_parts: usize) -> Vec<f32> {
    let Heads { tokens, head_dim, heads: count, .. } = heads;
    let dim = heads.dim();
    let length = part_length(heads, key_part);
    let mut gradients = zeros(heads.rows() * 3 * dim);
    gradients.par_chunks_exact_mut(3 * dim).with_min_len(64).enumerate().for_each(|(row, to)| {
        let (batch, token) = (row / tokens, row % tokens);
        let (queries, rest) = to.split_at_mut(dim);
        let (keys, values) = rest.split_at_mut(dim);
        let (own, key) = (token * head_dim, (tokens + token % key_part) * head_dim);
        let value = key + key_part * head_dim;
        for head in 0..count {
            let first = (batch * count + head) * key_parts * length;
            let parts = parts[first..][..key_parts * length].chunks_exact(length);
            let span = head * head_dim..(head + 1) * head_dim;
            for (number, part) in parts.enumerate() {
                if number == token / key_part {
                    keys[span.clone()].copy_from_slice(&part[key..][..head_dim]);
                    values[span.clone()].copy_from_slice(&part[value..][..head_dim]);
                }
                for (to, from) in queries[span.clone()].iter_mut().zip(&part[own..]) {
                    *to += from;
                }
            }
        }
    });
    gradients
}

thread_local! {
    /// Buffer for a task's operands and sums. It is reused because fresh memory is slow.
    static BUFFER: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Splits `buffer` into slices with the given counts of vector pairs. The contents are unspecified.
#[inline(always)]
fn split<S: Simd, const N: usize>(
    buffer: &mut Vec<f32>,
    counts: [usize; N],
) -> [&mut [Pair<S>]; N] {
    let width = width::<S>();
    let needed = counts.iter().sum::<usize>() * width + LINE / size_of::<f32>();
    if buffer.len() < needed {
        *buffer = vec![0.0; needed];
    }
    let start = first_line(buffer);
    let mut rest = &mut buffer[start..];
    counts.map(|count| {
        let (own, others) = std::mem::take(&mut rest).split_at_mut(count * width);
        rest = others;
        bytemuck::cast_slice_mut(own)
    })
}

/// One head's keys, or a part of them, with all queries of the head.
struct Task<'a> {
    heads: Heads,
    head: usize,
    keys: std::ops::Range<usize>,
    qkv: &'a [f32],
    gradient: &'a [f32],
    log_sums: &'a [f32],
    dots: &'a [f32],
    /// The result, of length [`part_length`].
    partial: &'a mut [f32],
}

/// The operands of a block of keys.
struct Block {
    keys: Vec<[f32; ROWS]>,
    values: Vec<[f32; ROWS]>,
    key_features: Vec<[f32; ROWS]>,
}

impl Block {
    fn pack(heads: Heads, head: usize, rows: &[f32]) -> Self {
        let (head_dim, dim) = (heads.head_dim, heads.dim());
        let stride = 3 * dim;
        let count = rows.len() / stride;
        let panels = || vec![[0.0; ROWS]; count.div_ceil(ROWS) * head_dim];
        let (mut keys, mut values) = (panels(), panels());
        let mut key_features = vec![[0.0; ROWS]; head_dim.div_ceil(ROWS) * count];
        let (key, value) = (dim + head * head_dim, 2 * dim + head * head_dim);
        pack_rows(rows, stride, key, head_dim, &mut keys);
        pack_rows(rows, stride, value, head_dim, &mut values);
        pack_features(rows, stride, key, head_dim, count, &mut key_features);
        Self { keys, values, key_features }
    }
}

/// All queries of a head and their gradients, packed tile by tile once for every block of keys.
struct Queries<'a, S: Simd> {
    /// Queries side by side, feature by feature; `gradients` holds the output gradient likewise.
    queries: &'a mut [Pair<S>],
    gradients: &'a mut [Pair<S>],
    /// Features side by side, query by query, padded with zeros.
    query_rows: &'a mut [Pair<S>],
    gradient_rows: &'a mut [Pair<S>],
    /// One number per query: the logarithm of the softmax sum, and the dot product of output and
    /// gradient.
    log_sums: &'a mut [Pair<S>],
    dots: &'a mut [Pair<S>],
}

/// The score, and the gradient of the score, of each key with a tile of queries.
struct Scores<'a, S: Simd> {
    scores: &'a mut [Pair<S>],
    gradients: &'a mut [Pair<S>],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut buffer = BUFFER.take();
        self.run(simd, &mut buffer);
        BUFFER.set(buffer);
    }
}

impl Task<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, buffer: &mut Vec<f32>) {
        let Heads { tokens, head_dim, .. } = self.heads;
        let (dim, width) = (self.heads.dim(), width::<S>());
        let stride = 3 * dim;
        // Vectors per row of features.
        let step = head_dim.div_ceil(width);
        let outputs = head_dim.next_multiple_of(ROWS);
        let tiles = tokens.div_ceil(width);

        let key_rows = self.keys.len().next_multiple_of(ROWS);
        let rows = KEY_BLOCK + 2 * ROWS;
        let (own, other, sums) = (tiles * head_dim, tiles * width * step, key_rows * step);
        let [
            query_sums,
            key_sums,
            value_sums,
            scores,
            gradients,
            queries,
            query_gradients,
            query_rows,
            gradient_rows,
            log_sums,
            dots,
        ] = split::<S, _>(
            buffer,
            [tiles * outputs, sums, sums, rows, rows, own, own, other, other, tiles, tiles],
        );
        for sums in [&mut *query_sums, &mut *key_sums, &mut *value_sums] {
            sums.fill(zero(simd));
        }
        let mut scores = Scores::<S> { scores, gradients };
        let gradients = query_gradients;
        let mut queries =
            Queries::<S> { queries, gradients, query_rows, gradient_rows, log_sums, dots };
        self.lay_out(simd, &mut queries, step);

        for block in parts(self.keys.len(), KEY_BLOCK, ROWS) {
            let first = (self.keys.start + block.start) * stride;
            let operands =
                Block::pack(self.heads, self.head, &self.qkv[first..first + block.len() * stride]);
            let sums = block.start * step..block.end.next_multiple_of(ROWS) * step;
            for (number, query_sums) in query_sums.chunks_exact_mut(outputs).enumerate() {
                let count = block.len();
                score_gradients(simd, &operands, &queries, number, count, &mut scores);
                let rows = number * width * step..(number + 1) * width * step;
                let (query_rows, gradient_rows) =
                    (&queries.query_rows[rows.clone()], &queries.gradient_rows[rows]);
                let Scores { scores, gradients } = &scores;
                accumulate(simd, scores, gradient_rows, step, &mut value_sums[sums.clone()]);
                accumulate(simd, gradients, query_rows, step, &mut key_sums[sums.clone()]);
                let panels = operands.key_features.chunks_exact(count);
                for (panel, sums) in panels.zip(query_sums.chunks_exact_mut(ROWS)) {
                    let mut sum = [zero(simd); ROWS];
                    for r in 0..ROWS {
                        sum[r] = sums[r];
                    }
                    let sum = multiply(simd, panel, &gradients[..count], sum);
                    for r in 0..ROWS {
                        sums[r] = sum[r];
                    }
                }
            }
        }

        // Scores include log2(e) for `exp2`; the score gradients refer to the scaled product
        // itself.
        let scale = (head_dim as f32).sqrt().recip();
        let (query_out, partial) = self.partial.split_at_mut(tokens * head_dim);
        let (key_out, value_out) = partial.split_at_mut(partial.len() / 2);
        let factors = vec![scale; width];
        let tiles = query_sums.chunks_exact(outputs);
        for (tile, rows) in tiles.zip(query_out.chunks_mut(width * head_dim)) {
            unpack_tile::<S>(&tile[..head_dim], &factors, rows, head_dim, 0);
        }
        let keys = self.keys.len();
        for (sums, scale, to) in [(key_sums, scale, key_out), (value_sums, 1.0, value_out)] {
            let sums: &[f32] = bytemuck::cast_slice(sums);
            let rows = sums.chunks_exact(step * width).take(keys);
            for (row, to) in rows.zip(to.chunks_exact_mut(head_dim)) {
                for (to, from) in to.iter_mut().zip(row) {
                    *to = from * scale;
                }
            }
        }
    }
}

impl Task<'_> {
    /// Returns this head's number for each query in `range`.
    #[inline(always)]
    fn side<S: Simd>(
        &self,
        simd: S,
        numbers: &[f32],
        range: std::ops::Range<usize>,
        padding: f32,
    ) -> Pair<S> {
        let heads = self.heads.heads;
        let mut side = [simd.splat_f32s(padding); 2];
        let lanes: &mut [f32] = bytemuck::cast_slice_mut(&mut side);
        let own = numbers[range.start * heads..range.end * heads].chunks_exact(heads);
        for (lane, row) in lanes.iter_mut().zip(own) {
            *lane = row[self.head];
        }
        side
    }

    /// Packs all queries and their gradients in both layouts.
    #[inline(always)]
    fn lay_out<S: Simd>(&self, simd: S, all: &mut Queries<'_, S>, step: usize) {
        let Heads { tokens, head_dim, .. } = self.heads;
        let (dim, width) = (self.heads.dim(), width::<S>());
        let offset = self.head * head_dim;
        let tiles = all.dots.len();
        // Zero the padding of queries and features.
        for rows in [&mut *all.query_rows, &mut *all.gradient_rows] {
            let last = if head_dim % width == 0 { (tiles - 1) * width * step } else { 0 };
            rows[last..].fill(zero(simd));
        }
        for tile in 0..tiles {
            let range = tile * width..((tile + 1) * width).min(tokens);
            // Padded queries get probabilities of zero.
            all.log_sums[tile] = self.side(simd, self.log_sums, range.clone(), f32::MAX);
            all.dots[tile] = self.side(simd, self.dots, range.clone(), 0.0);
            let queries = &self.qkv[range.start * 3 * dim..range.end * 3 * dim];
            let gradients = &self.gradient[range.start * dim..range.end * dim];
            let own = tile * head_dim..(tile + 1) * head_dim;
            let scale = self.heads.scale();
            pack_tile(simd, queries, 3 * dim, offset, scale, &mut all.queries[own.clone()]);
            pack_tile(simd, gradients, dim, offset, 1.0, &mut all.gradients[own]);
            let own = tile * width * step..(tile + 1) * width * step;
            for (rows, stride, to) in [
                (queries, 3 * dim, &mut all.query_rows[own.clone()]),
                (gradients, dim, &mut all.gradient_rows[own]),
            ] {
                let to: &mut [f32] = bytemuck::cast_slice_mut(to);
                let to = to.chunks_exact_mut(step * width);
                for (to, row) in to.zip(rows.chunks_exact(stride)) {
                    to[..head_dim].copy_from_slice(&row[offset..offset + head_dim]);
                }
            }
        }
    }
}

/// Writes the probabilities of a tile's queries to `scores` and the gradients of the scores beside
/// them. Padded rows of the last panel become zero.
#[inline(always)]
fn score_gradients<S: Simd>(
    simd: S,
    block: &Block,
    all: &Queries<'_, S>,
    tile: usize,
    count: usize,
    to: &mut Scores<'_, S>,
) {
    let Scores { scores, gradients } = to;
    let head_dim = all.queries.len() / all.dots.len();
    let own = tile * head_dim..(tile + 1) * head_dim;
    score(simd, &block.keys, &all.queries[own.clone()], count, scores);
    let panels = block.values.chunks_exact(head_dim).zip(gradients.chunks_exact_mut(ROWS));
    for (panel, to) in panels {
        let sum = multiply(simd, panel, &all.gradients[own.clone()], [zero(simd); ROWS]);
        for r in 0..ROWS {
            to[r] = sum[r];
        }
    }
    let (log_sums, dots) = (all.log_sums[tile], all.dots[tile]);
    for (score, gradient) in scores[..count].iter_mut().zip(gradients.iter_mut()) {
        *score = power(simd, *score, log_sums);
        *gradient = mul(simd, *score, sub(simd, *gradient, dots));
    }
    for tile in [scores, gradients] {
        tile[count..count.next_multiple_of(ROWS)].fill(zero(simd));
    }
}

/// `sums[key] += Σ left[key][query] rows[query]`.
#[inline(always)]
fn accumulate<S: Simd>(
    simd: S,
    left: &[Pair<S>],
    rows: &[Pair<S>],
    step: usize,
    sums: &mut [Pair<S>],
) {
    let panels = left.chunks_exact(ROWS).zip(sums.chunks_exact_mut(ROWS * step));
    for (left, sums) in panels {
        for column in 0..step {
            let mut sum = [zero(simd); ROWS];
            for r in 0..ROWS {
                sum[r] = sums[r * step + column];
            }
            multiply_over_queries(simd, left, &rows[column..], step, &mut sum);
            for r in 0..ROWS {
                sums[r * step + column] = sum[r];
            }
        }
    }
}

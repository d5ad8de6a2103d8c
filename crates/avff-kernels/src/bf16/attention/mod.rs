//! Scaled dot-product self-attention with products in bfloat16.
//!
//! It follows the f32 version: [`BLOCK`] queries and [`KEY_BLOCK`] keys at a time, with a running
//! maximum and a running sum. Unlike there, rows are queries, which is the layout of the matrix
//! units.

mod operands;
mod softmax;

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use self::{
    operands::Sizes,
    softmax::{Softmax, add, score},
};
use super::{
    tile::{BLOCK, Factors, SIDE, Sums, halves},
    units::Unit,
};
use crate::attention::{Heads, KEY_BLOCK, parts, task_queries};

/// Computes `softmax(q kᵀ / sqrt(head_dim)) v` for every head, with q, k, v and the attention
/// weights in bfloat16 and the softmax in f32.
///
/// # Shapes
/// - `qkv`: `[batch * tokens, 3 * dim]`: rows of stacked q, k, v, each with its heads side by side
/// - `out`: `[batch * tokens, dim]`
///
/// # Panics
/// Panics if a slice has another length.
pub fn attention(heads: Heads, qkv: &[f32], out: &mut [f32]) {
    attention_by(Unit::best(), heads, qkv, out);
}

pub(super) fn attention_by(unit: Unit, heads: Heads, qkv: &[f32], out: &mut [f32]) {
    heads.check(qkv);
    assert_eq!(out.len(), heads.rows() * heads.dim(), "rows of the output");
    if out.is_empty() {
        return;
    }
    let sizes = Sizes::of(heads);
    let mut buffers = OPERANDS.take();
    let (keys, values) = (heads.batch * sizes.keys(), heads.batch * sizes.values());
    if buffers.len() < keys + values {
        buffers.resize(keys + values, Factors::ZERO);
    }
    let (keys, values) = buffers[..keys + values].split_at_mut(keys);
    sizes.pack(qkv, keys, values);
    let operands: Vec<_> =
        keys.chunks_exact(sizes.keys()).zip(values.chunks_exact(sizes.values())).collect();
    let arch = Arch::new();
    let (sequence, queries) = (heads.tokens * heads.dim(), task_queries(heads));
    let tasks: Vec<_> = out
        .chunks_mut(sequence)
        .enumerate()
        .flat_map(|(batch, out)| {
            let parts = out.chunks_mut(queries * heads.dim()).enumerate();
            parts.map(move |(part, out)| (batch, part * queries, out))
        })
        .collect();
    tasks.into_par_iter().for_each(|(batch, first, out)| {
        let stride = 3 * heads.dim();
        let count = out.len() / heads.dim();
        let queries = &heads.sequence(qkv, batch)[first * stride..][..count * stride];
        arch.dispatch(Task { unit, sizes, operands: operands[batch], queries, out });
    });
    OPERANDS.set(buffers);
}

/// Consecutive queries of one sequence, all heads.
struct Task<'a> {
    unit: Unit,
    sizes: Sizes,
    /// Packed keys and values.
    operands: (&'a [Factors], &'a [Factors]),
    /// The stacked q, k, v rows of these queries.
    queries: &'a [f32],
    out: &'a mut [f32],
}

/// Buffers of a task, reused by later tasks.
#[derive(Default)]
struct Buffers {
    queries: Vec<Factors>,
    /// Scores of [`BLOCK`] queries and a block of keys.
    scores: Vec<Sums>,
    /// Exponentials of the scores, as left operand.
    powers: Vec<Factors>,
    /// Weighted sums of the values so far, in groups of features.
    totals: Vec<Sums>,
}

thread_local! {
    static OPERANDS: Cell<Vec<Factors>> = const { Cell::new(Vec::new()) };
    static BUFFERS: Cell<Option<Buffers>> = const { Cell::new(None) };
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { unit, sizes, operands: (keys, values), queries, out } = self;
        let heads = sizes.heads;
        let (dim, head_dim) = (heads.dim(), heads.head_dim);
        let mut buffers = BUFFERS.take().unwrap_or_default();
        let tiles = (out.len() / dim).div_ceil(BLOCK);
        buffers.queries.resize(tiles * sizes.pair(), Factors::ZERO);
        buffers.scores.resize(KEY_BLOCK / BLOCK, Sums::ZERO);
        buffers.powers.resize(KEY_BLOCK, Factors::ZERO);
        buffers.totals.resize(head_dim.div_ceil(BLOCK), Sums::ZERO);
        sizes.part(queries, 0).to_left(heads.scale(), &mut buffers.queries);
        let mut unit = unit.open();
        let mut sums = Sums::ZERO;
        for head in 0..heads.heads {
            let both =
                |lines, pair| [2 * pair, 2 * pair + 1].map(|tile| sizes.tile(lines, tile, head));
            let per_head = values.len() / heads.heads;
            let values = &values[head * per_head..][..per_head];
            for (number, out) in out.chunks_mut(BLOCK * dim).enumerate() {
                let queries = both(&buffers.queries, number);
                let mut state = Softmax::<S>::new(simd);
                buffers.totals.fill(Sums::ZERO);
                for block in parts(heads.tokens, KEY_BLOCK, BLOCK) {
                    let groups = block.start / BLOCK..block.end.div_ceil(BLOCK);
                    let scores = &mut buffers.scores[..groups.len()];
                    let powers = &mut buffers.powers[..groups.len() * BLOCK];
                    let keys = groups.clone().map(|group| both(keys, group));
                    let maximum = score(simd, &mut unit, queries, keys, block.len(), scores);
                    let rescale = state.update_maximum(simd, maximum);
                    state.powers(simd, scores, powers);
                    let values = values.chunks_exact(sizes.features());
                    for (totals, values) in buffers.totals.iter_mut().zip(values) {
                        let lines = groups.start * SIDE..groups.end * SIDE;
                        let values = halves(values).map(|tile| &tile[lines.clone()]);
                        unit.multiply(halves(powers), values, &mut sums);
                        add(simd, totals, rescale, &sums);
                    }
                }
                let inverses = state.inverses(simd);
                for (part, totals) in buffers.totals.iter().enumerate() {
                    let first = part * BLOCK;
                    let columns =
                        head * head_dim + first..head * head_dim + head_dim.min(first + BLOCK);
                    let rows = out.chunks_exact_mut(dim).zip(inverses).enumerate();
                    for (r, (row, inverse)) in rows {
                        let row = &mut row[columns.clone()];
                        for (to, sum) in row.iter_mut().zip(totals.numbers(r)) {
                            *to = sum * inverse;
                        }
                    }
                }
            }
        }
        drop(unit);
        BUFFERS.set(Some(buffers));
    }
}

//! Scaled dot-product self-attention whose products are in bfloat16.
//!
//! As that in f32, with [`BOTH`] queries by [`KEY_BLOCK`] keys at a time, and a running maximum and sum in the place of a
//! row of scores; but rows are queries here, as the units write them.

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
    tile::{BOTH, Factors, SIDE, Sums, halves},
    units::Unit,
};
use crate::attention::{Heads, KEY_BLOCK, parts, task_queries};

/// `softmax(q kᵀ / sqrt(head_dim)) v` for every head; q, k, v and weights are rounded, softmax is in f32.
///
/// # Shapes
/// - `qkv`: `[batch * tokens, 3 * dim]`: rows of stacked q, k, v, each with its heads side by side
/// - `out`: `[batch * tokens, dim]`
///
/// # Panics
/// When a slice has another length.
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
    let mut room = OPERANDS.take();
    let (keys, values) = (heads.batch * sizes.keys(), heads.batch * sizes.values());
    if room.len() < keys + values {
        room.resize(keys + values, Factors::ZERO);
    }
    let (keys, values) = room[..keys + values].split_at_mut(keys);
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
    OPERANDS.set(room);
}

/// A run of queries of one sequence, all heads.
struct Task<'a> {
    unit: Unit,
    sizes: Sizes,
    /// Keys and values.
    operands: (&'a [Factors], &'a [Factors]),
    /// Their rows of q, k, v.
    queries: &'a [f32],
    out: &'a mut [f32],
}

/// What the queries of a task need, kept from task to task.
#[derive(Default)]
struct Room {
    queries: Vec<Factors>,
    /// Of [`BOTH`] queries and a block of keys.
    scores: Vec<Sums>,
    /// Powers of the scores, as left factors.
    powers: Vec<Factors>,
    /// What they made of values so far, feature by feature.
    held: Vec<Sums>,
}

thread_local! {
    static OPERANDS: Cell<Vec<Factors>> = const { Cell::new(Vec::new()) };
    static ROOM: Cell<Option<Room>> = const { Cell::new(None) };
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { unit, sizes, operands: (keys, values), queries, out } = self;
        let heads = sizes.heads;
        let (dim, head_dim) = (heads.dim(), heads.head_dim);
        let mut room = ROOM.take().unwrap_or_default();
        let tiles = (out.len() / dim).div_ceil(BOTH);
        room.queries.resize(tiles * sizes.pair(), Factors::ZERO);
        room.scores.resize(KEY_BLOCK / BOTH, Sums::ZERO);
        room.powers.resize(KEY_BLOCK, Factors::ZERO);
        room.held.resize(head_dim.div_ceil(BOTH), Sums::ZERO);
        sizes.part(queries, 0).to_left(heads.scale(), &mut room.queries);
        let mut unit = unit.open();
        let mut sums = Sums::ZERO;
        for head in 0..heads.heads {
            let both =
                |lines, pair| [2 * pair, 2 * pair + 1].map(|tile| sizes.tile(lines, tile, head));
            let of_head = values.len() / heads.heads;
            let values = &values[head * of_head..][..of_head];
            for (number, out) in out.chunks_mut(BOTH * dim).enumerate() {
                let queries = both(&room.queries, number);
                let mut state = Softmax::<S>::new(simd);
                room.held.fill(Sums::ZERO);
                for block in parts(heads.tokens, KEY_BLOCK, BOTH) {
                    let groups = block.start / BOTH..block.end.div_ceil(BOTH);
                    let scores = &mut room.scores[..groups.len()];
                    let powers = &mut room.powers[..groups.len() * BOTH];
                    let keys = groups.clone().map(|group| both(keys, group));
                    let greatest = score(simd, &mut unit, queries, keys, block.len(), scores);
                    let rescale = state.raise(simd, greatest);
                    state.powers(simd, scores, powers);
                    let values = values.chunks_exact(sizes.features());
                    for (held, values) in room.held.iter_mut().zip(values) {
                        let lines = groups.start * SIDE..groups.end * SIDE;
                        let values = halves(values).map(|tile| &tile[lines.clone()]);
                        unit.multiply(halves(powers), values, &mut sums);
                        add(simd, held, rescale, &sums);
                    }
                }
                let inverses = state.inverses(simd);
                for (part, held) in room.held.iter().enumerate() {
                    let first = part * BOTH;
                    let columns =
                        head * head_dim + first..head * head_dim + head_dim.min(first + BOTH);
                    let rows = out.chunks_exact_mut(dim).zip(inverses).enumerate();
                    for (r, (row, inverse)) in rows {
                        let row = &mut row[columns.clone()];
                        for (to, sum) in row.iter_mut().zip(held.numbers(r)) {
                            *to = sum * inverse;
                        }
                    }
                }
            }
        }
        drop(unit);
        ROOM.set(Some(room));
    }
}

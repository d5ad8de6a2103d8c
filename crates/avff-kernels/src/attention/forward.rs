//! The forward pass of attention.

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    Heads, KEY_BLOCK,
    panels::{
        Pair, ROWS, add, max, mul, multiply, pack_features, pack_rows, pack_tile, power,
        unpack_tile, width, zero,
    },
    parts,
};

/// Queries per task, chosen so that each thread gets two tasks or more. No sum depends on it.
pub(crate) fn task_queries(heads: Heads) -> usize {
    let needed = 2 * rayon::current_num_threads();
    let enough = |size: &usize| heads.batch * heads.tokens.div_ceil(*size) >= needed;
    [128, 64, 32].into_iter().find(enough).unwrap_or(32)
}

/// Computes `softmax(q kᵀ / sqrt(head_dim)) v` for every head.
///
/// # Shapes
/// - `qkv`: `[batch * tokens, 3 * dim]`: rows of stacked q, k, v, each with its heads side by side
/// - `out`: `[batch * tokens, dim]`
///
/// # Panics
/// Panics if a slice has another length.
pub fn forward(heads: Heads, qkv: &[f32], out: &mut [f32]) {
    run(heads, qkv, out, None);
}

/// Runs [`forward`] and also returns the sums that [`backward`](super::backward()) needs.
///
/// # Shapes
/// - `log_sums`: `[batch * tokens, heads]`: binary logarithm of each softmax's denominator
///
/// # Panics
/// Panics if a slice has another length.
pub fn forward_for_training(heads: Heads, qkv: &[f32], out: &mut [f32], log_sums: &mut [f32]) {
    assert_eq!(log_sums.len(), heads.rows() * heads.heads, "one sum for each row and head");
    run(heads, qkv, out, Some(log_sums));
}

fn run(heads: Heads, qkv: &[f32], out: &mut [f32], log_sums: Option<&mut [f32]>) {
    heads.check(qkv);
    assert_eq!(out.len(), heads.rows() * heads.dim(), "rows of the output");
    if out.is_empty() {
        return;
    }
    let mut buffer = BUFFER.take();
    let operands = Operands::pack(heads, qkv, &mut buffer);
    let arch = Arch::new();
    let sequence = heads.tokens * heads.dim();
    let queries = task_queries(heads);
    let mut none = Vec::new();
    let sums: &mut [f32] = match log_sums {
        Some(sums) => sums,
        None => {
            none.resize(heads.rows() * heads.heads, 0.0);
            &mut none
        }
    };
    let tasks: Vec<_> = out
        .chunks_mut(sequence)
        .zip(sums.chunks_mut(heads.tokens * heads.heads))
        .enumerate()
        .flat_map(|(batch, (out, sums))| {
            let out = out.chunks_mut(queries * heads.dim());
            let sums = sums.chunks_mut(queries * heads.heads);
            out.zip(sums)
                .enumerate()
                .map(move |(part, (out, log_sums))| (batch, part, out, log_sums))
        })
        .collect();
    tasks.into_par_iter().for_each(|(batch, part, out, log_sums)| {
        let rows = heads.sequence(qkv, batch);
        let first = part * queries * 3 * heads.dim();
        let queries = &rows[first..first + out.len() * 3];
        arch.dispatch(Task { heads, operands: &operands, batch, queries, out, log_sums });
    });
    BUFFER.set(buffer);
}

thread_local! {
    /// Buffer for packed keys and values. Layers reuse it because fresh memory is slow.
    static BUFFER: Cell<Vec<[f32; ROWS]>> = const { Cell::new(Vec::new()) };
}

/// Keys and values of every head, packed.
struct Operands<'a> {
    heads: Heads,
    /// Keys in panels of rows.
    keys: &'a [[f32; ROWS]],
    /// Values in panels of features.
    values: &'a [[f32; ROWS]],
}

impl<'a> Operands<'a> {
    fn pack(heads: Heads, qkv: &[f32], buffer: &'a mut Vec<[f32; ROWS]>) -> Self {
        let Heads { tokens, head_dim, .. } = heads;
        let keys = tokens.div_ceil(ROWS) * head_dim;
        let values = head_dim.div_ceil(ROWS) * tokens;
        let count = heads.batch * heads.heads;
        if buffer.len() < count * (keys + values) {
            buffer.resize(count * (keys + values), [0.0; ROWS]);
        }
        let (all_keys, all_values) = buffer.split_at_mut(count * keys);
        let all_values = &mut all_values[..count * values];
        let (stride, dim) = (3 * heads.dim(), heads.dim());
        all_keys
            .par_chunks_exact_mut(keys)
            .zip(all_values.par_chunks_exact_mut(values))
            .enumerate()
            .for_each(|(index, (keys, values))| {
                let (batch, head) = (index / heads.heads, index % heads.heads);
                let rows = heads.sequence(qkv, batch);
                let offset = head * head_dim;
                pack_rows(rows, stride, dim + offset, head_dim, keys);
                pack_features(rows, stride, 2 * dim + offset, head_dim, tokens, values);
            });
        Self { heads, keys: all_keys, values: all_values }
    }

    fn of(&self, batch: usize, head: usize) -> (&[[f32; ROWS]], &[[f32; ROWS]]) {
        let Heads { tokens, head_dim, heads, .. } = self.heads;
        let index = batch * heads + head;
        let keys = tokens.div_ceil(ROWS) * head_dim;
        let values = head_dim.div_ceil(ROWS) * tokens;
        (&self.keys[index * keys..][..keys], &self.values[index * values..][..values])
    }
}

/// Consecutive queries of one sequence, all heads.
struct Task<'a> {
    heads: Heads,
    operands: &'a Operands<'a>,
    batch: usize,
    /// The stacked q, k, v rows of these queries.
    queries: &'a [f32],
    out: &'a mut [f32],
    log_sums: &'a mut [f32],
}

/// Running maximum and running sum of a tile of queries.
#[derive(Clone, Copy)]
struct Softmax<S: Simd> {
    maximum: Pair<S>,
    sum: Pair<S>,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Heads { tokens, head_dim, heads, .. } = self.heads;
        let (dim, stride) = (self.heads.dim(), 3 * self.heads.dim());
        let width = width::<S>();
        let tiles = (self.queries.len() / stride).div_ceil(width);
        let outputs = head_dim.next_multiple_of(ROWS);
        let mut queries = vec![zero(simd); tiles * head_dim];
        let mut sums = vec![zero(simd); tiles * outputs];
        let mut scores = vec![zero(simd); KEY_BLOCK.next_multiple_of(ROWS) + ROWS];
        let lowest = [simd.splat_f32s(f32::MIN); 2];
        let mut state = vec![Softmax::<S> { maximum: lowest, sum: zero(simd) }; tiles];
        for head in 0..heads {
            let offset = head * head_dim;
            let rows = self.queries.chunks(width * stride);
            for (tile, rows) in queries.chunks_exact_mut(head_dim).zip(rows) {
                pack_tile(simd, rows, stride, offset, self.heads.scale(), tile);
            }
            sums.fill(zero(simd));
            state.fill(Softmax { maximum: lowest, sum: zero(simd) });
            let (keys, values) = self.operands.of(self.batch, head);
            for block in parts(tokens, KEY_BLOCK, ROWS) {
                let keys = &keys[block.start / ROWS * head_dim..];
                let tiles = queries.chunks_exact(head_dim).zip(sums.chunks_exact_mut(outputs));
                for ((queries, sums), state) in tiles.zip(&mut state) {
                    let count = block.len();
                    let maximum = score(simd, keys, queries, count, &mut scores);
                    let rescale = exponentials(simd, maximum, &mut scores[..count], state);
                    for (panel, sums) in
                        values.chunks_exact(tokens).zip(sums.chunks_exact_mut(ROWS))
                    {
                        let mut sum = [zero(simd); ROWS];
                        for r in 0..ROWS {
                            sum[r] = mul(simd, sums[r], rescale);
                        }
                        let panel = &panel[block.clone()];
                        let sum = multiply(simd, panel, &scores[..count], sum);
                        for r in 0..ROWS {
                            sums[r] = sum[r];
                        }
                    }
                }
            }
            let outs = self.out.chunks_mut(width * dim);
            let log_sums = self.log_sums.chunks_mut(width * heads);
            let tiles = sums.chunks_exact(outputs).zip(&state).zip(outs.zip(log_sums));
            for ((sums, state), (out, log_sums)) in tiles {
                let one = simd.splat_f32s(1.0);
                let factors = [simd.div_f32s(one, state.sum[0]), simd.div_f32s(one, state.sum[1])];
                let factors: &[f32] = bytemuck::cast_slice(&factors);
                unpack_tile::<S>(&sums[..head_dim], factors, out, dim, offset);
                let sum: &[f32] = bytemuck::cast_slice(&state.sum);
                let maximum: &[f32] = bytemuck::cast_slice(&state.maximum);
                for ((to, sum), maximum) in log_sums.chunks_exact_mut(heads).zip(sum).zip(maximum) {
                    to[head] = maximum + sum.log2();
                }
            }
        }
    }
}

/// Fills `scores` with one row per key and returns the maximum score of each query.
#[inline(always)]
pub(super) fn score<S: Simd>(
    simd: S,
    keys: &[[f32; ROWS]],
    queries: &[Pair<S>],
    count: usize,
    scores: &mut [Pair<S>],
) -> Pair<S> {
    let mut maximum = [simd.splat_f32s(f32::MIN); 2];
    let panels = keys.chunks_exact(queries.len()).zip(scores.chunks_exact_mut(ROWS));
    for (number, (panel, scores)) in panels.take(count.div_ceil(ROWS)).enumerate() {
        let sums = multiply(simd, panel, queries, [zero(simd); ROWS]);
        for r in 0..ROWS {
            scores[r] = sums[r];
        }
        // Rows past the last key hold no scores. (The full case is separate because a count that
        // the compiler knows keeps the sums in registers.)
        if count - number * ROWS >= ROWS {
            for sum in sums {
                maximum = max(simd, maximum, sum);
            }
        } else {
            for sum in &scores[..count - number * ROWS] {
                maximum = max(simd, maximum, *sum);
            }
        }
    }
    maximum
}

/// Replaces scores by powers of two relative to the running maximum and adds them to the running
/// sum. Returns the factor that rescales earlier sums.
#[inline(always)]
fn exponentials<S: Simd>(
    simd: S,
    maximum: Pair<S>,
    scores: &mut [Pair<S>],
    state: &mut Softmax<S>,
) -> Pair<S> {
    let maximum = max(simd, state.maximum, maximum);
    let rescale = power(simd, state.maximum, maximum);
    let mut sum = mul(simd, state.sum, rescale);
    for score in scores {
        *score = power(simd, *score, maximum);
        sum = add(simd, sum, *score);
    }
    *state = Softmax { maximum, sum };
    rescale
}

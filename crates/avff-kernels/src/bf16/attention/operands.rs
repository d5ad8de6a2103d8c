//! Packing of queries, keys and values.

use pulp::Arch;
use rayon::prelude::*;

use super::super::tile::{BLOCK, Factors, INPUTS, Rows, SIDE};
use crate::attention::Heads;

/// Sizes of the packed operands, in cache lines.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) heads: Heads,
    /// Lines of one head in a tile of queries or keys.
    lines: usize,
    /// Number of pairs of key tiles.
    groups: usize,
}

impl Sizes {
    pub(super) fn of(heads: Heads) -> Self {
        let lines = heads.head_dim.div_ceil(INPUTS) * SIDE;
        Self { heads, lines, groups: heads.tokens.div_ceil(BLOCK) }
    }

    /// Lines of two tiles, all heads.
    pub(super) fn pair(&self) -> usize {
        2 * self.heads.heads * self.lines
    }

    /// Lines of all keys of a sequence: tile by tile, head by head.
    pub(super) fn keys(&self) -> usize {
        self.groups * self.pair()
    }

    /// Lines of two tiles of a head's features, over all keys.
    pub(super) fn features(&self) -> usize {
        2 * self.groups * SIDE
    }

    /// Lines of all values of a sequence: head by head, feature tile by feature tile.
    pub(super) fn values(&self) -> usize {
        self.heads.heads * self.heads.head_dim.div_ceil(BLOCK) * self.features()
    }

    /// Returns q, k or v of some rows, split into heads.
    pub(super) fn part<'a>(&self, rows: &'a [f32], part: usize) -> Rows<'a> {
        let Heads { heads, head_dim, .. } = self.heads;
        let dim = self.heads.dim();
        Rows { numbers: rows, stride: 3 * dim, first: part * dim, parts: heads, columns: head_dim }
    }

    /// Returns one head of a tile of queries or keys.
    pub(super) fn tile<'a>(&self, lines: &'a [Factors], tile: usize, head: usize) -> &'a [Factors] {
        &lines[(tile * self.heads.heads + head) * self.lines..][..self.lines]
    }

    /// Packs keys and values of every sequence, group by group, with all heads of a group together
    /// as in memory.
    pub(super) fn pack(&self, qkv: &[f32], keys: &mut [Factors], values: &mut [Factors]) {
        let Self { heads, groups, .. } = *self;
        // Collect the lines of each key group from all feature tiles of the values.
        let mut parts: Vec<Vec<_>> = (0..heads.batch * groups).map(|_| Vec::new()).collect();
        let sequences = values.chunks_exact_mut(self.values()).zip(parts.chunks_exact_mut(groups));
        for (values, parts) in sequences {
            for tile in values.chunks_exact_mut(groups * SIDE) {
                for (part, lines) in parts.iter_mut().zip(tile.chunks_exact_mut(SIDE)) {
                    part.push(lines);
                }
            }
        }
        let arch = Arch::new();
        let tiles = 2 * heads.head_dim.div_ceil(BLOCK);
        let keys = keys.par_chunks_exact_mut(self.pair());
        keys.zip(parts).enumerate().for_each(|(index, (keys, mut values))| {
            let sequence = heads.sequence(qkv, index / groups);
            let stride = 3 * heads.dim();
            let rows = &sequence[index % groups * BLOCK * stride..];
            let rows = &rows[..rows.len().min(BLOCK * stride)];
            arch.dispatch(|| {
                self.part(rows, 1).to_right(keys);
                for (head, tiles) in values.chunks_exact_mut(tiles).enumerate() {
                    for (tile, lines) in tiles.iter_mut().enumerate() {
                        self.part(rows, 2).to_right_paired(head, tile * SIDE, lines);
                    }
                }
            });
        });
    }
}

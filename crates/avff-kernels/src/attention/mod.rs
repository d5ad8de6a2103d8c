//! Scaled dot-product self-attention.
//!
//! Scores of 1568 tokens and 12 heads fill 118 MB, and writing, reading and normalising them takes
//! longer than the products that they come from. Here they exist for 16 queries (two vectors) by a
//! few hundred keys at a time (Dao et al., "FlashAttention", 2022): a running maximum and a running
//! sum stand in for the row of scores, and the gradient makes them again from the sum.
//!
//! A tile of scores lies with its keys as rows and its queries side by side in vectors, so that
//! maximum, exponential and sum are vertical operations, and the tile is the right-hand operand of
//! the next product as it is. Powers are of two: `log2(e)` is part of the scale.
#![allow(
    clippy::manual_memcpy,
    clippy::needless_range_loop,
    reason = "loops of a known number of rows stay in registers, where a copy is a call"
)]

mod backward;
mod forward;
mod panels;

pub use backward::backward;
pub(crate) use forward::task_queries;
pub use forward::{forward, forward_for_training};

/// What the rows of stacked `q`, `k`, `v` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Sequences, each attending within itself.
    pub batch: usize,
    /// Rows of a sequence.
    pub tokens: usize,
    /// Heads of a row.
    pub heads: usize,
    /// Features of a head.
    pub head_dim: usize,
}

impl Heads {
    /// Features of `q`, of `k`, of `v` and of the output.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Rows of all sequences.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batch * self.tokens
    }

    /// What a score is multiplied with so that powers of two come out as powers of e.
    pub(crate) fn scale(&self) -> f32 {
        std::f32::consts::LOG2_E / (self.head_dim as f32).sqrt()
    }

    /// The stacked rows of one sequence.
    pub(crate) fn sequence<'a>(&self, qkv: &'a [f32], batch: usize) -> &'a [f32] {
        let length = self.tokens * 3 * self.dim();
        &qkv[batch * length..(batch + 1) * length]
    }

    pub(crate) fn check(&self, qkv: &[f32]) {
        assert_eq!(qkv.len(), self.rows() * 3 * self.dim(), "rows of stacked q, k, v");
    }
}

/// Keys of a block: its keys and values stay in the second-level cache while tiles of queries pass.
pub(crate) const KEY_BLOCK: usize = 256;

/// Cuts `total` into equal parts of at most `most`, each but the last a multiple of `step`.
pub(crate) fn parts(
    total: usize,
    most: usize,
    step: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let count = total.div_ceil(most).max(1);
    let part = total.div_ceil(count).next_multiple_of(step).max(step);
    (0..total).step_by(part).map(move |start| start..(start + part).min(total))
}

#[cfg(test)]
pub(crate) mod tests;

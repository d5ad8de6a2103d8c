//! Scaled dot-product self-attention.
//!
//! The scores of 1568 tokens and 12 heads fill 118 MB. Writing, reading and normalizing them takes
//! longer than the matrix products. This module therefore computes scores for 16 queries (two
//! vectors) and a few hundred keys at a time (Dao et al., "FlashAttention", 2022). A running
//! maximum and a running sum replace the full row of scores, and the backward pass recomputes
//! scores from the sum.
//!
//! A tile of scores has keys as rows and queries as vector lanes. Maximum, exponential and sum are
//! therefore vertical operations, and the tile is the right operand of the next product without any
//! repacking. Exponentials are powers of two: `log2(e)` is part of the scale.
#![allow(
    clippy::manual_memcpy,
    clippy::needless_range_loop,
    reason = "loops with a constant number of rows stay in registers, where a copy would be a call"
)]

mod backward;
mod forward;
mod panels;

pub use backward::backward;
pub(crate) use forward::task_queries;
pub use forward::{forward, forward_for_training};

/// The layout of the rows of stacked `q`, `k`, `v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Number of sequences, each of which attends only to itself.
    pub batch: usize,
    /// Rows of each sequence.
    pub tokens: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Features of each head.
    pub head_dim: usize,
}

impl Heads {
    /// Returns the number of features of `q`, of `k`, of `v` and of the output.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Returns the number of rows of all sequences.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batch * self.tokens
    }

    /// Returns the factor for scores, so that powers of two equal powers of e.
    pub(crate) fn scale(&self) -> f32 {
        std::f32::consts::LOG2_E / (self.head_dim as f32).sqrt()
    }

    /// Returns the stacked rows of one sequence.
    pub(crate) fn sequence<'a>(&self, qkv: &'a [f32], batch: usize) -> &'a [f32] {
        let length = self.tokens * 3 * self.dim();
        &qkv[batch * length..(batch + 1) * length]
    }

    pub(crate) fn check(&self, qkv: &[f32]) {
        assert_eq!(qkv.len(), self.rows() * 3 * self.dim(), "rows of stacked q, k, v");
    }
}

/// Keys per block: the block's keys and values stay in the L2 cache while tiles of queries pass.
pub(crate) const KEY_BLOCK: usize = 256;

/// Splits `total` into equal ranges of at most `limit`; every range but the last is a multiple of
/// `step`.
pub(crate) fn parts(
    total: usize,
    limit: usize,
    step: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let count = total.div_ceil(limit).max(1);
    let part = total.div_ceil(count).next_multiple_of(step).max(step);
    (0..total).step_by(part).map(move |start| start..(start + part).min(total))
}

#[cfg(test)]
pub(crate) mod tests;

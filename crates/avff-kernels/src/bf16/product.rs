//! Products of rows with a weight that was rounded and packed once, and what follows them.

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    tile::{BOTH, Factors, Rows, Sums, halves},
    units::Unit,
};
use crate::product::{Then, by_shares, finish_row, padded};

/// Bytes of a task's rounded rows at most: they fit a second-level cache of 1 MB, and the weight is read once a task.
const TASK_BYTES: usize = 768 << 10;

/// A weight matrix in bfloat16, in the order in which products read it.
#[derive(Debug, Clone)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    /// Tiles of outputs, an even number.
    lines: Vec<Factors>,
}

impl Weights {
    /// # Shapes
    /// - `weights`: `[outputs, inputs]`
    ///
    /// # Panics
    /// When `weights` has another number of elements, or none.
    #[must_use]
    pub fn new(weights: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "weights of each output");
        assert!(!weights.is_empty(), "a weight of {outputs} x {inputs}");
        let pair = 2 * Rows::whole(weights, inputs).lines();
        let mut lines = vec![Factors::ZERO; outputs.div_ceil(BOTH) * pair];
        lines
            .par_chunks_exact_mut(pair)
            .zip(weights.par_chunks(BOTH * inputs))
            .for_each(|(lines, weights)| Rows::whole(weights, inputs).to_right(lines));
        Self { inputs, outputs, lines }
    }

    /// Outputs of a row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `x Wᵀ + bias`, and what comes then.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `out`: `[rows, outputs]`, `bias`: `[outputs]`
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn multiply(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32], then: Then) {
        self.multiply_by(Unit::best(), x, bias, out, then);
    }

    pub(super) fn multiply_by(
        &self,
        unit: Unit,
        x: &[f32],
        bias: Option<&[f32]>,
        out: &mut [f32],
        then: Then,
    ) {
        let bias = padded(bias, self.outputs, BOTH);
        let (shape, arch) = ([self.inputs, self.outputs], Arch::new());
        let most = TASK_BYTES / size_of::<u16>() / self.inputs / BOTH * BOTH;
        by_shares(x, out, shape, BOTH, BOTH..=most.max(BOTH), |x, out| {
            arch.dispatch(Task { weights: self, unit, x, out, bias: &bias, then });
        });
    }
}

/// Some rows by all of the weight.
struct Task<'a> {
    weights: &'a Weights,
    unit: Unit,
    x: &'a [f32],
    out: &'a mut [f32],
    /// As long as whole tiles.
    bias: &'a [f32],
    then: Then,
}

thread_local! {
    /// Room for the rounded rows of a task, kept because fresh memory is slow.
    static ROWS: Cell<Vec<Factors>> = const { Cell::new(Vec::new()) };
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut room = ROWS.take();
        let Weights { inputs, outputs, ref lines } = *self.weights;
        let rows = Rows::whole(self.x, inputs);
        let pair = 2 * rows.lines();
        let count = (self.out.len() / outputs).div_ceil(BOTH) * pair;
        if room.len() < count {
            room.resize(count, Factors::ZERO);
        }
        let left = &mut room[..count];
        rows.to_left(1.0, left);
        let mut unit = self.unit.open();
        let mut sums = Sums::ZERO;
        let (add, gelu) = (self.then == Then::Skip, self.then == Then::Gelu);
        let tiles = lines.chunks_exact(pair).zip(self.bias.chunks_exact(BOTH));
        for (number, (right, bias)) in tiles.enumerate() {
            let columns = number * BOTH..outputs.min((number + 1) * BOTH);
            for (left, out) in left.chunks_exact(pair).zip(self.out.chunks_mut(BOTH * outputs)) {
                unit.multiply(halves(left), halves(right), &mut sums);
                for (r, row) in out.chunks_exact_mut(outputs).enumerate() {
                    let row = &mut row[columns.clone()];
                    finish_row(simd, &sums.numbers(r), bias, row, add, gelu);
                }
            }
        }
        drop(unit);
        ROWS.set(room);
    }
}

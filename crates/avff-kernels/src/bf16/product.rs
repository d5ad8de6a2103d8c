//! Products with a weight that is rounded and packed once, fused with the operations that follow.

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    tile::{BLOCK, Factors, Rows, Sums, halves},
    units::Unit,
};
use crate::product::{Epilogue, finish_row, for_each_share, padded};

/// Upper limit for the rounded rows of a task, in bytes. They fit an L2 cache of 1 MB, and each
/// task reads the weight once.
const TASK_BYTES: usize = 768 << 10;

/// A weight matrix in bfloat16, packed in the order in which products read it.
#[derive(Debug, Clone)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    /// Tiles of outputs, an even number of them.
    lines: Vec<Factors>,
}

impl Weights {
    /// Rounds and packs a weight matrix.
    ///
    /// # Shapes
    /// - `weights`: `[outputs, inputs]`
    ///
    /// # Panics
    /// Panics if `weights` is empty or has another number of elements.
    #[must_use]
    pub fn new(weights: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "weights of each output");
        assert!(!weights.is_empty(), "a weight of {outputs} x {inputs}");
        let pair = 2 * Rows::whole(weights, inputs).lines();
        let mut lines = vec![Factors::ZERO; outputs.div_ceil(BLOCK) * pair];
        lines
            .par_chunks_exact_mut(pair)
            .zip(weights.par_chunks(BLOCK * inputs))
            .for_each(|(lines, weights)| Rows::whole(weights, inputs).to_right(lines));
        Self { inputs, outputs, lines }
    }

    /// Returns the number of outputs per row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Computes `x Wᵀ + bias`, followed by `epilogue`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `out`: `[rows, outputs]`, `bias`: `[outputs]`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    pub fn multiply(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32], epilogue: Epilogue) {
        self.multiply_by(Unit::best(), x, bias, out, epilogue);
    }

    pub(super) fn multiply_by(
        &self,
        unit: Unit,
        x: &[f32],
        bias: Option<&[f32]>,
        out: &mut [f32],
        epilogue: Epilogue,
    ) {
        let bias = padded(bias, self.outputs, BLOCK);
        let (shape, arch) = ([self.inputs, self.outputs], Arch::new());
        let max_rows = TASK_BYTES / size_of::<u16>() / self.inputs / BLOCK * BLOCK;
        for_each_share(x, out, shape, BLOCK, BLOCK..=max_rows.max(BLOCK), |x, out| {
            arch.dispatch(Task { weights: self, unit, x, out, bias: &bias, epilogue });
        });
    }
}

/// Some rows and the whole weight.
struct Task<'a> {
    weights: &'a Weights,
    unit: Unit,
    x: &'a [f32],
    out: &'a mut [f32],
    /// The bias, padded to whole tiles.
    bias: &'a [f32],
    epilogue: Epilogue,
}

thread_local! {
    /// Buffer for the rounded rows of a task. It is reused because fresh memory is slow.
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
        let count = (self.out.len() / outputs).div_ceil(BLOCK) * pair;
        if room.len() < count {
            room.resize(count, Factors::ZERO);
        }
        let left = &mut room[..count];
        rows.to_left(1.0, left);
        let mut unit = self.unit.open();
        let mut sums = Sums::ZERO;
        let (add, gelu) = (self.epilogue == Epilogue::Add, self.epilogue == Epilogue::Gelu);
        let tiles = lines.chunks_exact(pair).zip(self.bias.chunks_exact(BLOCK));
        for (number, (right, bias)) in tiles.enumerate() {
            let columns = number * BLOCK..outputs.min((number + 1) * BLOCK);
            for (left, out) in left.chunks_exact(pair).zip(self.out.chunks_mut(BLOCK * outputs)) {
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

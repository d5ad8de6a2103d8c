//! Products of rows with a weight that was packed once.
//!
//! A library packs both operands anew at every product, because it does not know that one of them
//! stays. Here the weight is brought into the order in which it is read when a network is loaded, and
//! what follows a layer's sums (bias, GELU, skip connection) happens while they are in registers.
//!
//! Each output is summed in the order of its inputs by one lane, whatever rows stand beside it and
//! however rows are shared out.

mod kernel;

use std::ops::{Range, RangeInclusive};

use pulp::Arch;
use rayon::prelude::*;

pub(crate) use kernel::finish_row;
use kernel::{Lanes, ROWS, Task};

use crate::memory::{LINE, first_line};

/// Inputs of a block at most: a panel of the weight and one of rows stream from the second-level cache
/// faster than they are multiplied, and sums are seldom written and read again.
const BLOCK: usize = 768;
/// Blocks are as long as a whole number of these.
const STEP: usize = 16;
/// Rows of a task at most: a block of them fits half of the second-level cache (of 512 KiB).
const TASK_ROWS: usize = 96;
/// Rows of a task at least: the weight is read once a task.
const LEAST_TASK_ROWS: usize = 2 * ROWS;

/// A weight matrix in the order in which products read it.
#[derive(Debug, Clone)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    /// Outputs of a panel: two vectors.
    width: usize,
    /// Panels in blocks of inputs: block by block, panel by panel, input by input, a panel's outputs
    /// side by side; outputs that are not there are zeros. Beyond them, anything.
    numbers: Vec<f32>,
    /// Where the panels start in `numbers`.
    start: usize,
}

/// What becomes of a row's sums, after a bias was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// They are the output.
    Nothing,
    /// Their GELU is the output.
    Gelu,
    /// They are added to what the output holds.
    Skip,
}

impl Weights {
    /// # Shapes
    /// - `weights`: `[outputs, inputs]`
    ///
    /// # Panics
    /// When `weights` has another number of elements, or none.
    #[must_use]
    pub fn new(weights: &[f32], shape: [usize; 2]) -> Self {
        Self::in_memory_of(Vec::new(), weights, shape)
    }

    /// These weights in the memory of others, which are needed no more: fresh memory is slow.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn instead(self, weights: &[f32], shape: [usize; 2]) -> Self {
        Self::in_memory_of(self.numbers, weights, shape)
    }

    fn in_memory_of(memory: Vec<f32>, weights: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "weights of each output");
        let mut packed = Self::zeros(memory, [outputs, inputs]);
        let width = packed.width;
        packed.fill(|block, number, panel| {
            let rows = weights.chunks_exact(inputs).skip(number * width).take(width);
            for (o, row) in rows.enumerate() {
                let row = &row[block.clone()];
                for (to, weight) in panel.chunks_exact_mut(width).zip(row) {
                    to[o] = *weight;
                }
            }
        });
        packed
    }

    /// From a matrix that lies the other way.
    ///
    /// # Shapes
    /// - `weights`: `[inputs, outputs]`
    ///
    /// # Panics
    /// When `weights` has another number of elements, or none.
    #[must_use]
    pub fn transposed(weights: &[f32], [inputs, outputs]: [usize; 2]) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "weights of each output");
        let mut packed = Self::zeros(Vec::new(), [outputs, inputs]);
        let width = packed.width;
        packed.fill(|block, number, panel| {
            let rows = &weights[block.start * outputs..block.end * outputs];
            let first = number * width;
            let columns = first..outputs.min(first + width);
            for (to, row) in panel.chunks_exact_mut(width).zip(rows.chunks_exact(outputs)) {
                to[..columns.len()].copy_from_slice(&row[columns.clone()]);
            }
        });
        packed
    }

    /// Zeros where there is no output; elsewhere whatever `numbers` held.
    fn zeros(mut numbers: Vec<f32>, [outputs, inputs]: [usize; 2]) -> Self {
        assert!(outputs * inputs > 0, "a weight of {outputs} x {inputs}");
        let width = 2 * Arch::new().dispatch(Lanes);
        let padded = outputs.next_multiple_of(width);
        let wanted = padded * inputs + LINE / size_of::<f32>();
        if padded > outputs || numbers.len() < wanted {
            numbers = vec![0.0; wanted];
        }
        let start = first_line(&numbers);
        Self { inputs, outputs, width, numbers, start }
    }

    /// Hands out every panel with its block of inputs and its number.
    fn fill(&mut self, fill: impl Fn(Range<usize>, usize, &mut [f32]) + Sync) {
        let Self { inputs, outputs, width, start, .. } = *self;
        let padded = outputs.next_multiple_of(width);
        let mut rest = &mut self.numbers[start..][..padded * inputs];
        for block in blocks(inputs) {
            let (panels, others) = rest.split_at_mut(padded * block.len());
            rest = others;
            let panels = panels.par_chunks_exact_mut(width * block.len()).enumerate();
            panels.for_each(|(number, panel)| fill(block.clone(), number, panel));
        }
    }

    /// Outputs of a row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    fn panels(&self) -> &[f32] {
        &self.numbers[self.start..]
    }

    /// `x Wᵀ + bias`, and what comes then.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `out`: `[rows, outputs]`, `bias`: `[outputs]`
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn multiply(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32], then: Then) {
        let bias = padded(bias, self.outputs, self.width);
        let (shape, arch) = ([self.inputs, self.outputs], Arch::new());
        by_shares(x, out, shape, ROWS, LEAST_TASK_ROWS..=TASK_ROWS, |x, out| {
            arch.dispatch(Task { weights: self, x, out, bias: &bias, then });
        });
    }
}

/// The bias of whole panels, zeros where there is none.
pub(crate) fn padded(bias: Option<&[f32]>, outputs: usize, width: usize) -> Vec<f32> {
    let mut padded = vec![0.0; outputs.next_multiple_of(width)];
    if let Some(bias) = bias {
        padded[..outputs].copy_from_slice(bias);
    }
    padded
}

/// Does `work` on some rows of inputs and of outputs after others, in parallel, as [`shares`] shares them out.
///
/// # Panics
/// When there is no whole number of rows, or there are more of one than of the other.
pub(crate) fn by_shares(
    x: &[f32],
    out: &mut [f32],
    [inputs, outputs]: [usize; 2],
    step: usize,
    limits: RangeInclusive<usize>,
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    let rows = x.len() / inputs;
    assert_eq!(x.len(), rows * inputs, "rows of inputs");
    assert_eq!(out.len(), rows * outputs, "rows of outputs");
    let (mut x, mut out) = (x, out);
    let tasks = shares(rows, rayon::current_num_threads(), step, limits).map(|count| {
        let (now, later) = x.split_at(count * inputs);
        x = later;
        let (to, others) = std::mem::take(&mut out).split_at_mut(count * outputs);
        out = others;
        (now, to)
    });
    // In this order, one by one: the last tasks are the smallest.
    tasks.par_bridge().for_each(|(x, out)| work(x, out));
}

/// Blocks of inputs, of about the same length.
fn blocks(inputs: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = inputs.div_ceil(BLOCK).max(1);
    let length = inputs.div_ceil(count).next_multiple_of(STEP);
    (0..inputs).step_by(length).map(move |start| start..inputs.min(start + length))
}

/// How many rows each task takes, a multiple of `step` within `limits`: smaller and smaller towards the end, so that all
/// threads end at about the same time. Numbers do not depend on it.
fn shares(
    rows: usize,
    threads: usize,
    step: usize,
    limits: RangeInclusive<usize>,
) -> impl Iterator<Item = usize> + Send {
    let mut left = rows;
    std::iter::from_fn(move || {
        let share = (left / (2 * threads)).next_multiple_of(step);
        let share = share.clamp(*limits.start(), *limits.end()).min(left);
        left -= share;
        (share > 0).then_some(share)
    })
}

#[cfg(test)]
mod tests;

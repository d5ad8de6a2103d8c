//! Products with a weight that is packed once.
//!
//! A general library packs both operands at every product, because it does not know that the weight
//! is constant. This module packs the weight once, when a network is loaded. It also applies the
//! operations that follow (bias, GELU, skip connection) while the sums are in registers.
//!
//! One lane sums each output in the order of its inputs. The other rows and the split into tasks do
//! not change any result.

mod kernel;

use std::ops::{Range, RangeInclusive};

use pulp::Arch;
use rayon::prelude::*;

pub(crate) use kernel::finish_row;
use kernel::{Lanes, ROWS, Task};

use crate::memory::{LINE, first_line};

/// Maximum number of inputs in a block. A panel of the weight and a panel of rows then stream from
/// the L2 cache faster than they are multiplied, and sums are rarely written and read again.
const BLOCK: usize = 768;
/// Block lengths are multiples of this.
const STEP: usize = 16;
/// Maximum number of rows per task. A block of them fits half of an L2 cache of 512 KiB.
const MAX_TASK_ROWS: usize = 96;
/// Minimum number of rows per task: each task reads the whole weight.
const MIN_TASK_ROWS: usize = 2 * ROWS;

/// A weight matrix, packed in the order in which products read it.
#[derive(Debug, Clone)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    /// Outputs per panel: two vectors.
    width: usize,
    /// The panels, block by block, panel by panel and input by input, with a panel's outputs side
    /// by side. Missing outputs are zeros. The contents beyond the panels are unspecified.
    numbers: Vec<f32>,
    /// Index in `numbers` at which the panels start.
    start: usize,
}

/// The operation applied to a product's sums after the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epilogue {
    /// Writes the sums to the output.
    None,
    /// Writes the GELU of the sums to the output.
    Gelu,
    /// Adds the sums to the output.
    Add,
}

impl Weights {
    /// Packs a weight matrix.
    ///
    /// # Shapes
    /// - `weights`: `[outputs, inputs]`
    ///
    /// # Panics
    /// Panics if `weights` is empty or has another number of elements.
    #[must_use]
    pub fn new(weights: &[f32], shape: [usize; 2]) -> Self {
        Self::in_memory(Vec::new(), weights, shape)
    }

    /// Packs new weights into the memory of `self`, because fresh memory is slow.
    ///
    /// # Panics
    /// Panics as [`new`](Self::new) does.
    #[must_use]
    pub fn repack(self, weights: &[f32], shape: [usize; 2]) -> Self {
        Self::in_memory(self.numbers, weights, shape)
    }

    fn in_memory(memory: Vec<f32>, weights: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
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

    /// Packs a transposed weight matrix.
    ///
    /// # Shapes
    /// - `weights`: `[inputs, outputs]`
    ///
    /// # Panics
    /// Panics if `weights` is empty or has another number of elements.
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

    /// Allocates the panels with zeros for missing outputs; other contents of `numbers` are
    /// unspecified.
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

    /// Calls `fill` for every panel with its block of inputs and its number.
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

    /// Returns the number of outputs per row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    fn panels(&self) -> &[f32] {
        &self.numbers[self.start..]
    }

    /// Computes `x Wᵀ + bias`, followed by `epilogue`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`, `out`: `[rows, outputs]`, `bias`: `[outputs]`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    pub fn multiply(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32], epilogue: Epilogue) {
        let bias = padded(bias, self.outputs, self.width);
        let (shape, arch) = ([self.inputs, self.outputs], Arch::new());
        for_each_share(x, out, shape, ROWS, MIN_TASK_ROWS..=MAX_TASK_ROWS, |x, out| {
            arch.dispatch(Task { weights: self, x, out, bias: &bias, epilogue });
        });
    }
}

/// Pads the bias to whole panels with zeros; a missing bias is all zeros.
pub(crate) fn padded(bias: Option<&[f32]>, outputs: usize, width: usize) -> Vec<f32> {
    let mut padded = vec![0.0; outputs.next_multiple_of(width)];
    if let Some(bias) = bias {
        padded[..outputs].copy_from_slice(bias);
    }
    padded
}

/// Calls `work` in parallel on consecutive groups of input and output rows, with the group sizes of
/// [`shares`].
///
/// # Panics
/// Panics if the inputs and outputs do not hold the same number of whole rows.
pub(crate) fn for_each_share(
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
    // `par_bridge` hands out tasks one by one in this order: the last tasks are the smallest.
    tasks.par_bridge().for_each(|(x, out)| work(x, out));
}

/// Splits the inputs into blocks of about equal length.
fn blocks(inputs: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = inputs.div_ceil(BLOCK).max(1);
    let length = inputs.div_ceil(count).next_multiple_of(STEP);
    (0..inputs).step_by(length).map(move |start| start..inputs.min(start + length))
}

/// Yields the number of rows of each task: multiples of `step` within `limits`, decreasing so that
/// all threads finish at about the same time. Results do not depend on it.
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

//! Convolutions with stride 2, features last.
//!
//! The pixels under the kernel are gathered for some frames at a time, so that they stay in the
//! caches, and multiplied by the packed weight. Features come last in all tensors: the LayerNorm
//! that follows needs no transpose.

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    memory::{recycle, scratch, zeros},
    product::{Epilogue, Weights},
};

const STRIDE: usize = 2;
/// Output places per task, for which the gathered pixels fit an L2 cache.
const TASK_PLACES: usize = 2048;

/// The sizes of a convolution with stride 2, whose inputs are padded with `kernel / 2` zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Features of the input.
    pub inputs: usize,
    /// Features of the output.
    pub outputs: usize,
    /// Height and width of the kernel, an odd number.
    pub kernel: usize,
}

impl Convolution {
    /// Returns height and width of the output.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        let padding = self.kernel / 2;
        self.size.map(|side| (side + 2 * padding - self.kernel) / STRIDE + 1)
    }

    /// Computes the convolution.
    ///
    /// # Shapes
    /// - `x`: `[frames, height, width, inputs]`
    /// - `weight`: `[outputs, kernel, kernel, inputs]`, `bias`: `[outputs]`
    /// - output: `[frames, output height, output width, outputs]`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    #[must_use]
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let (frame, places, seen) = (self.frame(), self.places(), self.seen());
        let frames = self.frames(x);
        let weights = Weights::new(weight, [self.outputs, seen]);
        let mut out = scratch(frames * places * self.outputs);
        let task = self.task_frames();
        let tasks = out.par_chunks_mut(task * places * self.outputs);
        tasks.zip(x.par_chunks(task * frame)).for_each(|(out, x)| {
            let gathered = self.gather(x);
            weights.multiply(&gathered, Some(bias), out, Epilogue::None);
            recycle(gathered);
        });
        out
    }

    /// Computes the gradients of the weight and, if wanted, of the input.
    ///
    /// # Shapes
    /// - `x`, `weight`: as in [`forward`](Self::forward); `gradient`: as its output
    /// - outputs: as `weight` and as `x`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    #[must_use]
    pub fn backward(
        &self,
        x: &[f32],
        weight: &[f32],
        gradient: &[f32],
        wants_dx: bool,
    ) -> (Vec<f32>, Option<Vec<f32>>) {
        let (frame, places, seen) = (self.frame(), self.places(), self.seen());
        let frames = self.frames(x);
        assert_eq!(gradient.len(), frames * places * self.outputs, "numbers of the gradient");
        let weights = wants_dx.then(|| Weights::transposed(weight, [self.outputs, seen]));
        let mut dx = if wants_dx { zeros(frames * frame) } else { Vec::new() };
        let task = self.task_frames();
        let inputs = x.par_chunks(task * frame);
        let gradients = gradient.par_chunks(task * places * self.outputs);
        let dweight = |x: &[f32], gradient: &[f32]| {
            let gathered = self.gather(x);
            let rows = gathered.len() / seen;
            let mut across = scratch(gradient.len());
            for (row, numbers) in gradient.chunks_exact(self.outputs).enumerate() {
                for (output, number) in numbers.iter().enumerate() {
                    across[output * rows + row] = *number;
                }
            }
            let mut out = vec![0.0; self.outputs * seen];
            let gathered_weights = Weights::transposed(&gathered, [rows, seen]);
            gathered_weights.multiply(&across, None, &mut out, Epilogue::None);
            recycle(gathered);
            recycle(across);
            out
        };
        let parts: Vec<Vec<f32>> = match &weights {
            None => inputs.zip(gradients).map(|(x, gradient)| dweight(x, gradient)).collect(),
            Some(weights) => {
                let tasks = inputs.zip(gradients).zip(dx.par_chunks_mut(task * frame));
                let each = |((x, gradient), dx): ((&[f32], &[f32]), &mut [f32])| {
                    let mut seen_gradient = scratch(gradient.len() / self.outputs * seen);
                    weights.multiply(gradient, None, &mut seen_gradient, Epilogue::None);
                    self.scatter(&seen_gradient, dx);
                    recycle(seen_gradient);
                    dweight(x, gradient)
                };
                tasks.map(each).collect()
            }
        };
        let mut total = vec![0.0; self.outputs * seen];
        for part in &parts {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        (total, wants_dx.then_some(dx))
    }

    /// Numbers of a frame of the input.
    fn frame(&self) -> usize {
        self.size[0] * self.size[1] * self.inputs
    }

    /// Places of a frame of the output.
    fn places(&self) -> usize {
        let [height, width] = self.output_size();
        height * width
    }

    /// Numbers under the kernel.
    fn seen(&self) -> usize {
        self.kernel * self.kernel * self.inputs
    }

    fn frames(&self, x: &[f32]) -> usize {
        assert!(x.len().is_multiple_of(self.frame()), "{} numbers are not whole frames", x.len());
        x.len() / self.frame()
    }

    /// Frames per task. They depend on the sizes alone, and so does the order of sums.
    fn task_frames(&self) -> usize {
        (TASK_PLACES / self.places()).max(1)
    }

    /// Gathers the numbers under the kernel: `[frames * places, kernel, kernel, inputs]`.
    fn gather(&self, x: &[f32]) -> Vec<f32> {
        let mut out = scratch(x.len() / self.frame() * self.places() * self.seen());
        let width = self.kernel * self.inputs;
        self.for_each_row(|at, run, from| {
            let frames = x.chunks_exact(self.frame());
            let gathered = out.chunks_exact_mut(self.places() * self.seen());
            for (x, out) in frames.zip(gathered) {
                let row = &mut out[at..at + width];
                row[..run.start].fill(0.0);
                row[run.end..].fill(0.0);
                if !run.is_empty() {
                    row[run.clone()].copy_from_slice(&x[from..from + run.len()]);
                }
            }
        });
        out
    }

    /// Adds the gradients of gathered numbers to those of the input.
    fn scatter(&self, gathered: &[f32], dx: &mut [f32]) {
        self.for_each_row(|at, run, from| {
            let frames = dx.chunks_exact_mut(self.frame());
            let gathered = gathered.chunks_exact(self.places() * self.seen());
            for (dx, gathered) in frames.zip(gathered) {
                let row = &gathered[at + run.start..at + run.end];
                let to = &mut dx[from..from + run.len()];
                to.iter_mut().zip(row).for_each(|(to, from)| *to += from);
            }
        });
    }

    /// Calls `each` for every row of the kernel at every place: with the index of its numbers in a
    /// gathered frame, the range of them that lies within the frame, and the index of the first of
    /// those in the frame.
    fn for_each_row(&self, mut each: impl FnMut(usize, Range<usize>, usize)) {
        let ([height, width], padding) = (self.size, self.kernel / 2);
        let [_, columns] = self.output_size();
        for place in 0..self.places() {
            let top = STRIDE * (place / columns);
            let left = STRIDE * (place % columns);
            let first = padding.saturating_sub(left);
            let end = self.kernel.min(width + padding - left);
            for row in 0..self.kernel {
                let at = (place * self.kernel + row) * self.kernel * self.inputs;
                let y = (top + row).checked_sub(padding).filter(|y| *y < height);
                let (run, from) = match y {
                    Some(y) => {
                        let from = (y * width + left + first - padding) * self.inputs;
                        (first * self.inputs..end * self.inputs, from)
                    }
                    None => (0..0, 0),
                };
                each(at, run, from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, numbers};

    /// Calls `each` with the indices of input, weight and output of every product.
    fn products(sizes: Convolution, frames: usize, mut each: impl FnMut(usize, usize, usize)) {
        let ([height, width], [rows, columns]) = (sizes.size, sizes.output_size());
        let Convolution { inputs, outputs, kernel, .. } = sizes;
        for frame in 0..frames {
            for place in 0..rows * columns {
                for output in 0..outputs {
                    for tap in 0..kernel * kernel {
                        let y = (2 * (place / columns) + tap / kernel).checked_sub(kernel / 2);
                        let x = (2 * (place % columns) + tap % kernel).checked_sub(kernel / 2);
                        let (Some(y), Some(x)) = (y, x) else { continue };
                        if y >= height || x >= width {
                            continue;
                        }
                        for input in 0..inputs {
                            each(
                                ((frame * height + y) * width + x) * inputs + input,
                                (output * kernel * kernel + tap) * inputs + input,
                                (frame * rows * columns + place) * outputs + output,
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn matches_definition() {
        for (size, inputs, outputs, kernel, frames) in [
            ([1, 1], 1, 1, 1, 1),
            ([2, 2], 1, 2, 5, 1),
            ([5, 8], 3, 4, 3, 7),
            ([48, 48], 5, 16, 5, 9),
            ([6, 6], 48, 64, 3, 300),
        ] {
            let sizes = Convolution { size, inputs, outputs, kernel };
            let [rows, columns] = sizes.output_size();
            let count = frames * rows * columns * outputs;
            let x = numbers(1, frames * size[0] * size[1] * inputs);
            let weight = numbers(2, outputs * kernel * kernel * inputs);
            let (bias, gradient) = (numbers(3, outputs), numbers(4, count));
            let mut out: Vec<f64> = (0..count).map(|at| f64::from(bias[at % outputs])).collect();
            let (mut dw, mut dx) = (vec![0.0; weight.len()], vec![0.0; x.len()]);
            products(sizes, frames, |from, tap, to| {
                out[to] += f64::from(x[from]) * f64::from(weight[tap]);
                dw[tap] += f64::from(x[from]) * f64::from(gradient[to]);
                dx[from] += f64::from(weight[tap]) * f64::from(gradient[to]);
            });
            assert_close(&sizes.forward(&x, &weight, &bias), &out, 1e-4);
            let (own_dw, own_dx) = sizes.backward(&x, &weight, &gradient, true);
            assert_close(&own_dw, &dw, 1e-3);
            assert_close(&own_dx.unwrap_or_default(), &dx, 1e-4);
            let (alone, none) = sizes.backward(&x, &weight, &gradient, false);
            assert_eq!((alone, none), (own_dw, None));
        }
    }
}

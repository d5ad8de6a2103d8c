//! Mean squared errors per row.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::{
    memory::scratch,
    rows::{TASK_ROWS, vectors},
};

/// Computes the mean of `(x - y)²` for every row.
///
/// # Shapes
/// - `x`, `y`: `[rows, width]`
/// - result: `[rows]`
///
/// # Panics
/// Panics if `x` does not hold whole rows, or if `y` has another number of elements.
#[must_use]
pub fn mean_squares(x: &[f32], y: &[f32], width: usize) -> Vec<f32> {
    check(x, y, width);
    let arch = Arch::new();
    let mut out = vec![0.0; x.len() / width];
    let task = TASK_ROWS * width;
    out.par_chunks_mut(TASK_ROWS)
        .zip(x.par_chunks(task).zip(y.par_chunks(task)))
        .for_each(|(out, (x, y))| arch.dispatch(Forward { x, y, width, out }));
    out
}

/// Computes the gradient of [`mean_squares`] with respect to `x`; the gradient of `y` is its
/// negative.
///
/// # Shapes
/// - `x`, `y`: `[rows, width]`; `gradient`: `[rows]`
/// - result: `[rows, width]`
///
/// # Panics
/// Panics if `x` does not hold whole rows, or if `y` or `gradient` has another length.
#[must_use]
pub fn mean_squares_backward(x: &[f32], y: &[f32], gradient: &[f32], width: usize) -> Vec<f32> {
    check(x, y, width);
    assert_eq!(gradient.len(), x.len() / width, "one gradient per row");
    let arch = Arch::new();
    let mut out = scratch(x.len());
    let task = TASK_ROWS * width;
    out.par_chunks_mut(task)
        .zip(x.par_chunks(task).zip(y.par_chunks(task)))
        .zip(gradient.par_chunks(TASK_ROWS))
        .for_each(|((out, (x, y)), gradient)| {
            arch.dispatch(|| {
                let rows = x.chunks_exact(width).zip(y.chunks_exact(width));
                for ((x, y), (out, gradient)) in rows.zip(out.chunks_exact_mut(width).zip(gradient))
                {
                    let factor = 2.0 * gradient / width as f32;
                    for (out, (x, y)) in out.iter_mut().zip(x.iter().zip(y)) {
                        *out = (x - y) * factor;
                    }
                }
            });
        });
    out
}

fn check(x: &[f32], y: &[f32], width: usize) {
    assert!(width > 0 && x.len().is_multiple_of(width), "{} numbers in rows of {width}", x.len());
    assert_eq!(x.len(), y.len(), "x and y differ in length");
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a [f32],
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.x.chunks_exact(self.width).zip(self.y.chunks_exact(self.width));
        for ((x, y), out) in rows.zip(self.out) {
            let mut sum = simd.splat_f32s(0.0);
            for (x, y) in vectors(simd, x).zip(vectors(simd, y)) {
                let d = simd.sub_f32s(x, y);
                sum = simd.mul_add_e_f32s(d, d, sum);
            }
            *out = simd.reduce_sum_f32s(sum) / self.width as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, numbers};

    #[test]
    fn matches_definition() {
        for (rows, width) in [(1, 1), (40, 13), (3, 1536)] {
            let (x, y) = (numbers(1, rows * width), numbers(2, rows * width));
            let gradient = numbers(3, rows);
            let difference = |i: usize| f64::from(x[i]) - f64::from(y[i]);
            let error = |row: usize| -> f64 {
                let row = row * width..(row + 1) * width;
                row.map(|i| difference(i).powi(2)).sum::<f64>() / width as f64
            };
            let errors: Vec<f64> = (0..rows).map(error).collect();
            assert_close(&mean_squares(&x, &y, width), &errors, 1e-6);
            let slope =
                |i: usize| 2.0 * difference(i) * f64::from(gradient[i / width]) / width as f64;
            let slopes: Vec<f64> = (0..x.len()).map(slope).collect();
            assert_close(&mean_squares_backward(&x, &y, &gradient, width), &slopes, 1e-6);
        }
    }
}

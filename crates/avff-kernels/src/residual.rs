//! The skip connection.

use rayon::prelude::*;

use crate::rows::TASK_ROWS;

/// Computes `x = x + y + bias` for every row.
///
/// # Shapes
/// - `x`, `y`: `[rows, bias.len()]`
///
/// # Panics
/// Panics if `x` does not hold whole rows, or if `y` has another number of elements.
pub fn add(x: &mut [f32], y: &[f32], bias: &[f32]) {
    let width = bias.len().max(1);
    assert!(x.len().is_multiple_of(width), "{} numbers in rows of {width}", x.len());
    assert_eq!(x.len(), y.len(), "x and y differ in length");
    let arch = pulp::Arch::new();
    x.par_chunks_mut(TASK_ROWS * width).zip(y.par_chunks(TASK_ROWS * width)).for_each(|(x, y)| {
        arch.dispatch(|| {
            for (x, y) in x.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
                for ((x, y), bias) in x.iter_mut().zip(y).zip(bias) {
                    *x += y + bias;
                }
            }
        });
    });
}

/// Computes `x = x + y`.
///
/// # Panics
/// Panics if `y` has another number of elements.
pub fn accumulate(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len(), "x and y differ in length");
    let arch = pulp::Arch::new();
    x.par_chunks_mut(TASK).zip(y.par_chunks(TASK)).for_each(|(x, y)| {
        arch.dispatch(|| x.iter_mut().zip(y).for_each(|(x, y)| *x += y));
    });
}

/// Numbers per task of [`accumulate`].
const TASK: usize = 1 << 14;

/// Computes the gradient of the bias: the sum of all rows.
///
/// # Shapes
/// - `gradient`: `[rows, width]`
///
/// # Panics
/// Panics if `gradient` does not hold whole rows.
#[must_use]
pub fn bias_backward(gradient: &[f32], width: usize) -> Vec<f32> {
    assert!(
        gradient.len().is_multiple_of(width.max(1)),
        "{} numbers in rows of {width}",
        gradient.len()
    );
    let arch = pulp::Arch::new();
    let sum = |rows: &[f32]| {
        let mut sum = vec![0.0; width];
        arch.dispatch(|| {
            for row in rows.chunks_exact(width) {
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        });
        sum
    };
    let sums: Vec<Vec<f32>> = gradient.par_chunks((TASK_ROWS * width).max(1)).map(sum).collect();
    let mut total = vec![0.0; width];
    for sum in &sums {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, numbers};

    #[test]
    fn matches_definition() {
        for (rows, width) in [(1, 1), (40, 13), (3, 768)] {
            let (x, y, bias) =
                (numbers(1, rows * width), numbers(2, rows * width), numbers(3, width));
            let mut out = x.clone();
            add(&mut out, &y, &bias);
            let mut sums = vec![0.0; width];
            let mut want = Vec::new();
            for i in 0..x.len() {
                want.push(f64::from(x[i]) + f64::from(y[i]) + f64::from(bias[i % width]));
                sums[i % width] += f64::from(x[i]);
            }
            assert_close(&out, &want, 1e-6);
            assert_close(&bias_backward(&x, width), &sums, 1e-5);
        }
    }
}

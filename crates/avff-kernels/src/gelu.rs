//! Bias and exact (erf) GELU, fused.

use std::f32::consts::FRAC_1_SQRT_2;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::{
    math::{erf, exp2},
    rows::{TASK_ROWS, vectors},
};

/// 1 / sqrt(2 pi), the normal density at 0.
const DENSITY: f32 = 0.398_942_3;

/// Computes `x = gelu(x + bias)` for every row.
///
/// # Shapes
/// - `x`: `[rows, bias.len()]`
///
/// # Panics
/// Panics if `x` does not hold whole rows.
pub fn bias_gelu(x: &mut [f32], bias: &[f32]) {
    check(x, bias);
    let arch = Arch::new();
    let task = TASK_ROWS * bias.len();
    x.par_chunks_mut(task.max(1)).for_each(|x| arch.dispatch(Forward { x, bias }));
}

/// Replaces the output gradient by the gradient of `x`, and returns the gradient of `bias`.
///
/// # Shapes
/// - `x`: `[rows, bias.len()]`, before the bias; `gradient`: `[rows, bias.len()]`, of the output
/// - output: `[bias.len()]`
///
/// # Panics
/// Panics if `x` does not hold whole rows, or if `gradient` has another number of elements.
#[must_use]
pub fn bias_gelu_backward(x: &[f32], bias: &[f32], gradient: &mut [f32]) -> Vec<f32> {
    check(x, bias);
    assert_eq!(x.len(), gradient.len(), "x and its gradient differ in length");
    let arch = Arch::new();
    let task = (TASK_ROWS * bias.len()).max(1);
    let sums: Vec<Vec<f32>> = gradient
        .par_chunks_mut(task)
        .zip(x.par_chunks(task))
        .map(|(out, x)| arch.dispatch(Backward { x, bias, out }))
        .collect();
    let mut total = vec![0.0; bias.len()];
    for sum in &sums {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

fn check(x: &[f32], bias: &[f32]) {
    assert!(
        x.len().is_multiple_of(bias.len().max(1)),
        "{} numbers in rows of {}",
        x.len(),
        bias.len()
    );
}

/// `0.5 (1 + erf(x / sqrt 2))`, the cumulative normal distribution.
#[inline(always)]
fn distribution<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let half = simd.splat_f32s(0.5);
    let erf = erf(simd, simd.mul_f32s(x, simd.splat_f32s(FRAC_1_SQRT_2)));
    simd.mul_add_e_f32s(half, erf, half)
}

/// Computes `x Φ(x)`. (This is a function because a closure would be compiled separately, without
/// the vector instructions of its caller.)
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.mul_f32s(x, distribution(simd, x))
}

/// The derivative of GELU at `x + bias`.
#[inline(always)]
fn slope<S: Simd>(simd: S, x: S::f32s, bias: S::f32s) -> S::f32s {
    let x = simd.add_f32s(x, bias);
    let half_square = simd.mul_f32s(simd.mul_f32s(x, x), simd.splat_f32s(-0.5));
    let power = simd.mul_f32s(half_square, simd.splat_f32s(std::f32::consts::LOG2_E));
    let density = simd.mul_f32s(simd.splat_f32s(DENSITY), exp2(simd, power));
    simd.mul_add_e_f32s(x, density, distribution(simd, x))
}

struct Forward<'a> {
    x: &'a mut [f32],
    bias: &'a [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, bias_tail) = S::as_simd_f32s(self.bias);
        for row in self.x.chunks_exact_mut(self.bias.len()) {
            let (head, tail) = S::as_mut_simd_f32s(row);
            for (x, bias) in head.iter_mut().zip(bias) {
                *x = gelu(simd, simd.add_f32s(*x, *bias));
            }
            if !tail.is_empty() {
                let (x, bias) = (simd.partial_load_f32s(tail), simd.partial_load_f32s(bias_tail));
                let y = gelu(simd, simd.add_f32s(x, bias));
                simd.partial_store_f32s(tail, y);
            }
        }
    }
}

struct Backward<'a> {
    x: &'a [f32],
    bias: &'a [f32],
    /// The output gradient at first, then the gradient of `x`.
    out: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let width = self.bias.len();
        let mut sums = vec![simd.splat_f32s(0.0); width.div_ceil(S::F32_LANES)];
        for (row, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let (head, tail) = S::as_mut_simd_f32s(out);
            let mut inputs = vectors(simd, row).zip(vectors(simd, self.bias)).zip(&mut sums);
            for (out, ((x, bias), sum)) in head.iter_mut().zip(&mut inputs) {
                *out = simd.mul_f32s(*out, slope(simd, x, bias));
                *sum = simd.add_f32s(*sum, *out);
            }
            if let Some(((x, bias), sum)) = inputs.next() {
                let y = simd.mul_f32s(simd.partial_load_f32s(tail), slope(simd, x, bias));
                simd.partial_store_f32s(tail, y);
                *sum = simd.add_f32s(*sum, y);
            }
        }
        let sums: &[f32] = bytemuck::cast_slice(&sums);
        sums[..width].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, numbers};

    /// The error function in f64, by its power series.
    fn erf64(x: f64) -> f64 {
        if x.abs() > 5.0 {
            return x.signum();
        }
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > 1e-18 {
            n += 1.0;
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn matches_definition() {
        for (rows, width) in [(1, 1), (2, 7), (65, 30), (3, 3072)] {
            let x: Vec<f32> = numbers(1, rows * width).iter().map(|x| 4.0 * x).collect();
            let (bias, gradient) = (numbers(2, width), numbers(3, rows * width));
            let mut out = x.clone();
            bias_gelu(&mut out, &bias);
            let mut dx = gradient.clone();
            let dbias = bias_gelu_backward(&x, &bias, &mut dx);
            let (mut want, mut slopes) = (Vec::new(), Vec::new());
            let mut sums = vec![0.0; width];
            for (i, (x, g)) in x.iter().zip(&gradient).enumerate() {
                let v = f64::from(x + bias[i % width]);
                let cdf = 0.5 * (1.0 + erf64(v * std::f64::consts::FRAC_1_SQRT_2));
                let density = f64::from(DENSITY) * (-0.5 * v * v).exp();
                want.push(v * cdf);
                slopes.push(f64::from(*g) * (cdf + v * density));
                sums[i % width] += slopes[i];
            }
            assert_close(&out, &want, 3e-6);
            assert_close(&dx, &slopes, 3e-6);
            assert_close(&dbias, &sums, 3e-5);
        }
    }

    #[test]
    fn large_inputs_give_identity_or_zero() {
        let mut x = [-1e30, -50.0, 50.0, 1e30, f32::NAN];
        bias_gelu(&mut x, &[0.0; 5]);
        assert_eq!(x[..4], [0.0, 0.0, 50.0, 1e30]);
        assert!(x[4].is_nan());
    }
}

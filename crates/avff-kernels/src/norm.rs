//! LayerNorm over rows.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::rows::{TASK_ROWS, vectors};

/// The parameters of a LayerNorm.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm<'a> {
    /// Scale of each feature.
    pub gamma: &'a [f32],
    /// Shift of each feature.
    pub beta: &'a [f32],
    /// Number added to the variance.
    pub epsilon: f32,
}

/// Mean and reciprocal standard deviation of a row.
pub type Moments = [f32; 2];

impl LayerNorm<'_> {
    /// Computes `(x - mean) / sqrt(var + epsilon) * gamma + beta` of every row, with the biased
    /// variance.
    ///
    /// # Shapes
    /// - `x`, `out`: `[rows, gamma.len()]`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    pub fn forward(&self, x: &[f32], out: &mut [f32]) {
        let mut moments = vec![[0.0; 2]; x.len() / self.width()];
        self.forward_for_training(x, out, &mut moments);
    }

    /// Runs [`forward`](Self::forward) and stores the moments of each row for
    /// [`backward`](Self::backward).
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    pub fn forward_for_training(&self, x: &[f32], out: &mut [f32], moments: &mut [Moments]) {
        self.check(x);
        assert_eq!(x.len(), out.len(), "x and out differ in length");
        assert_eq!(moments.len(), x.len() / self.width(), "one pair of moments per row");
        let (arch, task) = (Arch::new(), TASK_ROWS * self.width());
        out.par_chunks_mut(task)
            .zip(x.par_chunks(task))
            .zip(moments.par_chunks_mut(TASK_ROWS))
            .for_each(|((out, x), moments)| {
                arch.dispatch(Forward { norm: self, x, out, moments });
            });
    }

    /// Replaces the output gradient by the gradient of `x`, and returns the gradients of `gamma`
    /// and `beta`.
    ///
    /// # Shapes
    /// - `x`, `gradient`: `[rows, gamma.len()]`; `moments`: `[rows]`
    /// - results: `[gamma.len()]`, `[beta.len()]`
    ///
    /// # Panics
    /// Panics if the lengths do not match.
    #[must_use]
    pub fn backward(
        &self,
        x: &[f32],
        moments: &[Moments],
        gradient: &mut [f32],
    ) -> (Vec<f32>, Vec<f32>) {
        self.check(x);
        assert_eq!(x.len(), gradient.len(), "x and its gradient differ in length");
        assert_eq!(moments.len(), x.len() / self.width(), "one pair of moments per row");
        let (arch, task) = (Arch::new(), TASK_ROWS * self.width());
        let sums: Vec<(Vec<f32>, Vec<f32>)> = gradient
            .par_chunks_mut(task)
            .zip(x.par_chunks(task))
            .zip(moments.par_chunks(TASK_ROWS))
            .map(|((gradient, x), moments)| {
                arch.dispatch(Backward { norm: self, x, gradient, moments })
            })
            .collect();
        let mut totals = (vec![0.0; self.width()], vec![0.0; self.width()]);
        for (gamma, beta) in &sums {
            totals.0.iter_mut().zip(gamma).for_each(|(total, sum)| *total += sum);
            totals.1.iter_mut().zip(beta).for_each(|(total, sum)| *total += sum);
        }
        totals
    }

    fn width(&self) -> usize {
        self.gamma.len().max(1)
    }

    fn check(&self, x: &[f32]) {
        assert_eq!(self.gamma.len(), self.beta.len(), "gamma and beta differ in length");
        assert!(
            x.len().is_multiple_of(self.width()),
            "{} numbers in rows of {}",
            x.len(),
            self.width()
        );
    }
}

struct Forward<'a> {
    norm: &'a LayerNorm<'a>,
    x: &'a [f32],
    out: &'a mut [f32],
    moments: &'a mut [Moments],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.norm.width();
        let share = (width as f32).recip();
        let rows = self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width));
        for ((x, out), moments) in rows.zip(self.moments) {
            let mut sum = simd.splat_f32s(0.0);
            for x in vectors(simd, x) {
                sum = simd.add_f32s(sum, x);
            }
            let mean = simd.reduce_sum_f32s(sum) * share;
            let means = simd.splat_f32s(mean);
            let mut squares = simd.splat_f32s(0.0);
            let (head, tail) = S::as_simd_f32s(x);
            for x in head {
                let d = simd.sub_f32s(*x, means);
                squares = simd.mul_add_e_f32s(d, d, squares);
            }
            // Sum the tail one by one: the padding of a vector would add its own distance from the
            // mean.
            let rest: f32 = tail.iter().map(|x| (x - mean) * (x - mean)).sum();
            let squares = simd.reduce_sum_f32s(squares) + rest;
            let root = (squares * share + self.norm.epsilon).sqrt().recip();
            *moments = [mean, root];
            let roots = simd.splat_f32s(root);
            let mut inputs = vectors(simd, x)
                .zip(vectors(simd, self.norm.gamma))
                .zip(vectors(simd, self.norm.beta));
            let (head, tail) = S::as_mut_simd_f32s(out);
            for (out, ((x, gamma), beta)) in head.iter_mut().zip(&mut inputs) {
                *out = simd.mul_add_e_f32s(standard(simd, x, means, roots), gamma, beta);
            }
            if let Some(((x, gamma), beta)) = inputs.next() {
                let y = simd.mul_add_e_f32s(standard(simd, x, means, roots), gamma, beta);
                simd.partial_store_f32s(tail, y);
            }
        }
    }
}

/// `(x - mean) * root`. (This is a function and not a closure for the reason given in
/// [`crate::gelu`].)
#[inline(always)]
fn standard<S: Simd>(simd: S, x: S::f32s, mean: S::f32s, root: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.sub_f32s(x, mean), root)
}

/// The terms of a row's gradient that depend on sums over the row.
struct Slope<S: Simd> {
    mean: S::f32s,
    root: S::f32s,
    sum: S::f32s,
    product: S::f32s,
}

impl<S: Simd> Slope<S> {
    #[inline(always)]
    fn of(&self, simd: S, x: S::f32s, gradient: S::f32s, gamma: S::f32s) -> S::f32s {
        let g = simd.sub_f32s(simd.mul_f32s(gradient, gamma), self.sum);
        let x = standard(simd, x, self.mean, self.root);
        simd.mul_f32s(simd.sub_f32s(g, simd.mul_f32s(x, self.product)), self.root)
    }
}

struct Backward<'a> {
    norm: &'a LayerNorm<'a>,
    x: &'a [f32],
    gradient: &'a mut [f32],
    moments: &'a [Moments],
}

impl WithSimd for Backward<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (Vec<f32>, Vec<f32>) {
        let width = self.norm.width();
        let share = (width as f32).recip();
        let zeros = || vec![simd.splat_f32s(0.0); width.div_ceil(S::F32_LANES)];
        let (mut gammas, mut betas) = (zeros(), zeros());
        let rows = self.x.chunks_exact(width).zip(self.gradient.chunks_exact_mut(width));
        for ((x, gradient), [mean, root]) in rows.zip(self.moments) {
            let (means, roots) = (simd.splat_f32s(*mean), simd.splat_f32s(*root));
            let (mut sum, mut product) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            let inputs = vectors(simd, x).zip(vectors(simd, gradient));
            let inputs = inputs.zip(vectors(simd, self.norm.gamma));
            for (((x, g), gamma), (gammas, betas)) in inputs.zip(gammas.iter_mut().zip(&mut betas))
            {
                let x = standard(simd, x, means, roots);
                *gammas = simd.mul_add_e_f32s(g, x, *gammas);
                *betas = simd.add_f32s(*betas, g);
                let g = simd.mul_f32s(g, gamma);
                sum = simd.add_f32s(sum, g);
                product = simd.mul_add_e_f32s(g, x, product);
            }
            let slope = Slope::<S> {
                mean: means,
                root: roots,
                sum: simd.splat_f32s(simd.reduce_sum_f32s(sum) * share),
                product: simd.splat_f32s(simd.reduce_sum_f32s(product) * share),
            };
            let mut inputs = vectors(simd, x).zip(vectors(simd, self.norm.gamma));
            let (head, tail) = S::as_mut_simd_f32s(gradient);
            for (g, (x, gamma)) in head.iter_mut().zip(&mut inputs) {
                *g = slope.of(simd, x, *g, gamma);
            }
            if let Some((x, gamma)) = inputs.next() {
                let g = simd.partial_load_f32s(tail);
                simd.partial_store_f32s(tail, slope.of(simd, x, g, gamma));
            }
        }
        let lanes = |sums: &[S::f32s]| bytemuck::cast_slice::<_, f32>(sums)[..width].to_vec();
        (lanes(&gammas), lanes(&betas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, numbers};

    /// Computes outputs, and gradients with respect to x, gamma and beta, in f64.
    fn reference(norm: &LayerNorm<'_>, x: &[f32], gradient: &[f32]) -> [Vec<f64>; 4] {
        let width = norm.gamma.len();
        let mut results = [vec![], vec![], vec![0.0; width], vec![0.0; width]];
        for (x, g) in x.chunks(width).zip(gradient.chunks(width)) {
            let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let mean = x.iter().sum::<f64>() / width as f64;
            let var = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
            let root = (var + f64::from(norm.epsilon)).sqrt();
            let standard: Vec<f64> = x.iter().map(|x| (x - mean) / root).collect();
            let scaled: Vec<f64> =
                g.iter().zip(norm.gamma).map(|(g, gamma)| f64::from(g * gamma)).collect();
            let sum = scaled.iter().sum::<f64>() / width as f64;
            let product =
                scaled.iter().zip(&standard).map(|(g, x)| g * x).sum::<f64>() / width as f64;
            for i in 0..width {
                results[0].push(standard[i] * f64::from(norm.gamma[i]) + f64::from(norm.beta[i]));
                results[1].push((scaled[i] - sum - standard[i] * product) / root);
                results[2][i] += f64::from(g[i]) * standard[i];
                results[3][i] += f64::from(g[i]);
            }
        }
        results
    }

    #[test]
    fn matches_definition() {
        for (rows, width) in [(1, 1), (3, 5), (33, 24), (70, 100), (5, 768)] {
            let (gamma, beta) = (numbers(1, width), numbers(2, width));
            let norm = LayerNorm { gamma: &gamma, beta: &beta, epsilon: 1e-5 };
            // Far from zero, where a variance from sums of squares would lose all precision.
            let x: Vec<f32> = numbers(3, rows * width).iter().map(|x| x + 100.0).collect();
            let gradient = numbers(4, rows * width);
            let want = reference(&norm, &x, &gradient);
            let mut out = vec![0.0; x.len()];
            let mut moments = vec![[0.0; 2]; rows];
            norm.forward_for_training(&x, &mut out, &mut moments);
            let mut dx = gradient.clone();
            let (dgamma, dbeta) = norm.backward(&x, &moments, &mut dx);
            // The numbers lie near 100, where the last bit is 8e-6.
            let tolerance = if width == 1 { 1e-2 } else { 1e-4 };
            assert_close(&out, &want[0], tolerance);
            assert_close(&dx, &want[1], tolerance);
            // A sum over rows whose errors come from rounding each mean. The signs of the errors
            // differ, so the error grows with the square root of the number of rows.
            assert_close(&dgamma, &want[2], tolerance * (rows as f64).sqrt());
            assert_close(&dbeta, &want[3], tolerance);
        }
    }

    #[test]
    fn nan_stays_in_its_row() {
        let mut x = numbers(1, 3 * 20);
        x[25] = f32::NAN;
        let norm = LayerNorm { gamma: &[1.0; 20], beta: &[0.0; 20], epsilon: 1e-5 };
        let mut out = vec![0.0; x.len()];
        norm.forward(&x, &mut out);
        let rows: Vec<bool> = out.chunks(20).map(|row| row.iter().any(|x| x.is_nan())).collect();
        assert_eq!(rows, [false, true, false]);
    }
}

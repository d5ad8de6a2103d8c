//! Folds the attention biases of a source into other parameters, because this network has none.
//!
//! With `q = Wq x + bq` and so on, where `x` is the output of `norm1` and has no other reader:
//!
//! - `bk` adds an equal amount to every score of a query, which softmax ignores.
//! - `bv` adds `bv` to every attention output, because weights sum to 1: `proj.bias += proj bv`.
//! - `bq` equals `Wq d` for some `d` if `Wq` is invertible. Adding `d` to the bias of `norm1` gives
//!   the right `q`. It shifts `k` by a constant, which softmax ignores, and `v` by `Wv d`, which
//!   `proj.bias` compensates. The part that `Wq` cannot express is lost, and the report states it.

/// Ridge as a share of the mean eigenvalue of `WqᵀWq`. Without it, directions that `Wq` nearly
/// ignores would require a huge `d`, whose effects on `v` cancel only up to rounding.
const RIDGE: f64 = 1e-4;
/// Iterations of solving for the remaining residual. Four leave 1e-16 of an average direction and
/// 1e-8 of one with a tenth of its strength; `d` is at most some hundred times as long as the bias.
const ITERATIONS: usize = 4;

/// The attention parameters of one block in the source; weights are `[out, in]`, row-major.
#[derive(Debug)]
pub(super) struct Biased<'a> {
    /// `[3 * dim, dim]`.
    pub(super) qkv: &'a [f32],
    /// `[dim, dim]`.
    pub(super) proj: &'a [f32],
    /// `[dim]`.
    pub(super) q_bias: &'a [f32],
    /// `[dim]`.
    pub(super) v_bias: &'a [f32],
}

/// The folded biases.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    /// Term for `norm1.bias`.
    pub(super) norm: Vec<f64>,
    /// Term for `proj.bias`.
    pub(super) proj: Vec<f64>,
    /// Length of the bias of q.
    pub(super) q_norm: f64,
    /// Length of the lost part of the bias of q.
    pub(super) q_lost: f64,
}

impl Biased<'_> {
    pub(super) fn fold(&self) -> Folded {
        let dim = self.q_bias.len();
        let mut residual: Vec<f64> = self.q_bias.iter().copied().map(f64::from).collect();
        let mut norm = vec![0.0; dim];
        let q_norm = length(&residual);
        let query = self.qkv.get(..dim * dim).unwrap_or_default();
        if q_norm > 0.0 {
            let normal = Cholesky::of_normal_equations(query, dim);
            for _ in 0..ITERATIONS {
                let step = normal.solve(times_transposed(query, &residual));
                for (total, step) in norm.iter_mut().zip(&step) {
                    *total += step;
                }
                for (residual, product) in residual.iter_mut().zip(times(query, &step)) {
                    *residual -= product;
                }
            }
        }
        let value = self.qkv.get(2 * dim * dim..).unwrap_or_default();
        let moved = times(value, &norm);
        let constant: Vec<f64> =
            self.v_bias.iter().zip(moved).map(|(&bias, moved)| f64::from(bias) - moved).collect();
        Folded { proj: times(self.proj, &constant), norm, q_norm, q_lost: length(&residual) }
    }
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// `W x`.
fn times(weight: &[f32], x: &[f64]) -> Vec<f64> {
    let row = |row: &[f32]| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum();
    weight.chunks_exact(x.len().max(1)).map(row).collect()
}

/// `Wᵀ x`.
fn times_transposed(weight: &[f32], x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    for (row, x) in weight.chunks_exact(x.len().max(1)).zip(x) {
        for (out, &w) in out.iter_mut().zip(row) {
            *out += f64::from(w) * x;
        }
    }
    out
}

/// The lower triangle `L` of `L Lᵀ = WᵀW + ridge`, row-major in a full square.
struct Cholesky {
    dim: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    fn of_normal_equations(weight: &[f32], dim: usize) -> Self {
        let mut square = vec![0.0; dim * dim];
        for row in weight.chunks_exact(dim.max(1)) {
            for (out, &left) in square.chunks_exact_mut(dim).zip(row) {
                for (out, &right) in out.iter_mut().zip(row) {
                    *out += f64::from(left) * f64::from(right);
                }
            }
        }
        let trace: f64 = (0..dim).map(|i| square[i * dim + i]).sum();
        // The lower limit keeps an all-zero weight solvable.
        let ridge = (RIDGE * trace / dim.max(1) as f64).max(f64::MIN_POSITIVE.sqrt());
        for i in 0..dim {
            square[i * dim + i] += ridge;
        }
        for i in 0..dim {
            let (above, rest) = square.split_at_mut(i * dim);
            let row = &mut rest[..dim];
            for j in 0..i {
                let other = &above[j * dim..(j + 1) * dim];
                let sum: f64 = row[..j].iter().zip(&other[..j]).map(|(a, b)| a * b).sum();
                row[j] = (row[j] - sum) / other[j];
            }
            let sum: f64 = row[..i].iter().map(|a| a * a).sum();
            row[i] = (row[i] - sum).max(ridge).sqrt();
        }
        Self { dim, lower: square }
    }

    fn solve(&self, mut x: Vec<f64>) -> Vec<f64> {
        let row = |i: usize| &self.lower[i * self.dim..(i + 1) * self.dim];
        for i in 0..self.dim {
            let sum: f64 = row(i)[..i].iter().zip(&x[..i]).map(|(l, x)| l * x).sum();
            x[i] = (x[i] - sum) / row(i)[i];
        }
        for i in (0..self.dim).rev() {
            x[i] /= row(i)[i];
            let value = x[i];
            for (x, l) in x[..i].iter_mut().zip(row(i)) {
                *x -= l * value;
            }
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: f64) -> Vec<f32> {
        (0..count)
            .map(|i| ((i as f64 * 12.9898 + seed).sin() * 43_758.545_3).fract() as f32)
            .collect()
    }

    #[test]
    fn q_bias_folds_into_preceding_norm() {
        let dim = 12;
        let (qkv, proj) = (numbers(3 * dim * dim, 1.0), numbers(dim * dim, 2.0));
        let (q_bias, v_bias) = (numbers(dim, 3.0), numbers(dim, 4.0));
        let biased = Biased { qkv: &qkv, proj: &proj, q_bias: &q_bias, v_bias: &v_bias };
        let folded = biased.fold();
        for (actual, expected) in times(&qkv[..dim * dim], &folded.norm).iter().zip(&q_bias) {
            assert!((actual - f64::from(*expected)).abs() < 1e-3, "{actual} {expected}");
        }
        assert!(folded.q_norm > 1.0 && folded.q_lost < 1e-3, "{folded:?}");
        // The shift of v by the new norm bias, and the bias of v, both go into proj.bias.
        let moved = times(&qkv[2 * dim * dim..], &folded.norm);
        let expected: Vec<f64> = v_bias.iter().zip(moved).map(|(&b, m)| f64::from(b) - m).collect();
        assert_eq!(folded.proj, times(&proj, &expected));
    }

    #[test]
    fn inexpressible_q_bias_is_lost_and_bounded() {
        let dim = 4;
        // The last query feature ignores its input.
        let mut qkv = numbers(3 * dim * dim, 5.0);
        qkv[3 * dim..4 * dim].fill(0.0);
        let proj = numbers(dim * dim, 6.0);
        let q_bias = [0.3, -0.2, 0.1, 2.0];
        let folded = Biased { qkv: &qkv, proj: &proj, q_bias: &q_bias, v_bias: &[0.0; 4] }.fold();
        assert!((folded.q_lost - 2.0).abs() < 1e-3, "{folded:?}");
        assert!(folded.norm.iter().all(|value| value.abs() < 300.0), "{folded:?}");
        let zeros = vec![0.0; 3 * dim * dim];
        let folded = Biased { qkv: &zeros, proj: &proj, q_bias: &q_bias, v_bias: &[0.0; 4] }.fold();
        assert!(folded.norm.iter().all(|value| *value == 0.0), "{folded:?}");
        assert!((folded.q_lost - folded.q_norm).abs() < 1e-12);
    }

    #[test]
    fn zero_q_bias_leaves_norm_bit_identical() {
        let dim = 3;
        let (qkv, proj) = (numbers(27, 7.0), numbers(9, 8.0));
        let folded =
            Biased { qkv: &qkv, proj: &proj, q_bias: &[0.0; 3], v_bias: &[1.0, 2.0, 3.0] }.fold();
        assert_eq!(folded.norm, vec![0.0; dim]);
        assert_eq!(folded.proj, times(&proj, &[1.0, 2.0, 3.0]));
    }
}

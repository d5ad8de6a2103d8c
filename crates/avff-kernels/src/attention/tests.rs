#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{assert_close, numbers};

/// Computes the outputs and the gradient of stacked q, k, v in f64, from the definition.
pub(crate) fn reference(heads: Heads, qkv: &[f32], gradient: &[f32]) -> [Vec<f64>; 2] {
    let Heads { batch, tokens, heads: count, head_dim } = heads;
    let dim = heads.dim();
    let mut out = vec![0.0; heads.rows() * dim];
    let mut gradients = vec![0.0; qkv.len()];
    let scale = (head_dim as f64).sqrt().recip();
    for (b, h) in (0..batch).flat_map(|b| (0..count).map(move |h| (b, h))) {
        let at = |part: usize, token: usize, f: usize| {
            (b * tokens + token) * 3 * dim + part * dim + h * head_dim + f
        };
        let x = |part, token, f| f64::from(qkv[at(part, token, f)]);
        let g = |token: usize, f: usize| {
            f64::from(gradient[(b * tokens + token) * dim + h * head_dim + f])
        };
        for i in 0..tokens {
            let features = 0..head_dim;
            let score = |j| features.clone().map(|f| x(0, i, f) * x(1, j, f)).sum::<f64>() * scale;
            let scores: Vec<f64> = (0..tokens).map(score).collect();
            let greatest = scores.iter().copied().fold(f64::MIN, f64::max);
            let powers: Vec<f64> = scores.iter().map(|s| (s - greatest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let p: Vec<f64> = powers.iter().map(|power| power / sum).collect();
            let dp: Vec<f64> =
                (0..tokens).map(|j| features.clone().map(|f| g(i, f) * x(2, j, f)).sum()).collect();
            let dot: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
            for j in 0..tokens {
                let ds = p[j] * (dp[j] - dot) * scale;
                for f in features.clone() {
                    out[(b * tokens + i) * dim + h * head_dim + f] += p[j] * x(2, j, f);
                    gradients[at(0, i, f)] += ds * x(1, j, f);
                    gradients[at(1, j, f)] += ds * x(0, i, f);
                    gradients[at(2, j, f)] += p[j] * g(i, f);
                }
            }
        }
    }
    [out, gradients]
}

fn run(heads: Heads, qkv: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
    let mut out = vec![0.0; heads.rows() * heads.dim()];
    let mut log_sums = vec![0.0; heads.rows() * heads.heads];
    forward_for_training(heads, qkv, &mut out, &mut log_sums);
    let mut again = vec![0.0; out.len()];
    forward(heads, qkv, &mut again);
    assert_eq!(out, again);
    let gradients = backward(heads, qkv, &out, &log_sums, gradient);
    [out, gradients]
}

/// Sizes around the sizes of tiles, panels, blocks and tasks.
#[test]
fn matches_definition() {
    for (batch, tokens, heads, head_dim) in [
        (1, 1, 1, 1),
        (2, 5, 1, 3),
        (3, 17, 2, 8),
        (1, 33, 3, 24),
        (2, 129, 1, 64),
        (1, 257, 2, 33),
        (1, 530, 1, 16),
    ] {
        let heads = Heads { batch, tokens, heads, head_dim };
        let qkv: Vec<f32> =
            numbers(1, heads.rows() * 3 * heads.dim()).iter().map(|x| 2.0 * x).collect();
        let gradient = numbers(2, heads.rows() * heads.dim());
        let want = reference(heads, &qkv, &gradient);
        let got = run(heads, &qkv, &gradient);
        // Sums of up to 530 numbers in f32.
        assert_close(&got[0], &want[0], 2e-6);
        assert_close(&got[1], &want[1], 2e-5);
    }
}

/// Scores in the hundreds put all of a query's weight on one key.
#[test]
fn large_scores_do_not_overflow() {
    let heads = Heads { batch: 1, tokens: 300, heads: 1, head_dim: 8 };
    let qkv: Vec<f32> = numbers(3, 300 * 24).iter().map(|x| 40.0 * x).collect();
    let gradient = numbers(4, 300 * 8);
    let want = reference(heads, &qkv, &gradient);
    let got = run(heads, &qkv, &gradient);
    // The last bit of a score of 1000 is 6e-5, which is also the relative error of its
    // exponential.
    assert_close(&got[0], &want[0], 5e-3);
    assert!(got[1].iter().all(|x| x.is_finite()));
}

#[test]
fn nan_propagates() {
    let heads = Heads { batch: 2, tokens: 20, heads: 2, head_dim: 4 };
    let mut qkv = numbers(5, heads.rows() * 24);
    // NaN in a query of the second sequence's first head affects one row.
    qkv[25 * 24] = f32::NAN;
    let [out, _] = run_forward(heads, &qkv);
    let rows: Vec<usize> =
        (0..40).filter(|row| out[row * 8..row * 8 + 8].iter().any(|x| x.is_nan())).collect();
    assert_eq!(rows, [25]);
    // NaN in a key affects every query of its sequence.
    qkv[25 * 24] = 0.0;
    qkv[25 * 24 + 8] = f32::NAN;
    let [out, _] = run_forward(heads, &qkv);
    assert!((20..40).all(|row| out[row * 8].is_nan()));
    assert!(out[..20 * 8].iter().all(|x| x.is_finite()));
}

fn run_forward(heads: Heads, qkv: &[f32]) -> [Vec<f32>; 2] {
    let mut out = vec![0.0; heads.rows() * heads.dim()];
    let mut sums = vec![0.0; heads.rows() * heads.heads];
    forward_for_training(heads, qkv, &mut out, &mut sums);
    [out, sums]
}

/// A sequence gives bit-identical results in any batch and with any number of threads.
#[test]
fn results_do_not_depend_on_batch_or_threads() {
    let heads = Heads { batch: 3, tokens: 150, heads: 2, head_dim: 16 };
    let qkv = numbers(6, heads.rows() * 96);
    let gradient = numbers(7, heads.rows() * 32);
    let [out, gradients] = run(heads, &qkv, &gradient);
    let alone = Heads { batch: 1, ..heads };
    for b in 0..3 {
        let part = |x: &[f32], width: usize| x[b * 150 * width..(b + 1) * 150 * width].to_vec();
        let got = run(alone, &part(&qkv, 96), &part(&gradient, 32));
        assert_eq!(got, [part(&out, 32), part(&gradients, 96)]);
    }
    // Tasks of 128, 64 and 32 queries.
    for threads in [1, 4, 9] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let got = pool.install(|| run(heads, &qkv, &gradient));
        assert_eq!(got, [out.clone(), gradients.clone()], "{threads} threads");
    }
}

#[test]
fn empty_input_gives_empty_output() {
    let heads = Heads { batch: 0, tokens: 0, heads: 2, head_dim: 4 };
    assert_eq!(run(heads, &[], &[]), [vec![], vec![]]);
}

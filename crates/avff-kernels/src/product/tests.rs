#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    gelu::bias_gelu,
    testing::{assert_close, assert_nonfinite_rows_stay_separate, numbers},
};

/// Computes `x Wᵀ + bias` in f64.
fn reference(x: &[f32], weights: &[f32], bias: &[f32], inputs: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for row in x.chunks(inputs) {
        for (weights, bias) in weights.chunks(inputs).zip(bias) {
            let products = row.iter().zip(weights).map(|(x, w)| f64::from(*x) * f64::from(*w));
            out.push(products.sum::<f64>() + f64::from(*bias));
        }
    }
    out
}

/// Rows, inputs and outputs: less than a panel, whole panels, one more and one less than a block.
const SHAPES: [[usize; 3]; 7] =
    [[1, 1, 1], [5, 7, 17], [6, 16, 16], [99, 33, 40], [13, 767, 8], [7, 769, 18], [25, 1600, 33]];

#[test]
fn matches_definition() {
    for [rows, inputs, outputs] in SHAPES {
        let (x, weights) = (numbers(1, rows * inputs), numbers(2, outputs * inputs));
        let (bias, previous) = (numbers(3, outputs), numbers(4, rows * outputs));
        let packed = Weights::new(&weights, [outputs, inputs]);
        let multiply = |bias, epilogue| {
            let mut out = previous.clone();
            packed.multiply(&x, bias, &mut out, epilogue);
            out
        };
        let want = reference(&x, &weights, &vec![0.0; outputs], inputs);
        // Sums of one product per input, each of about 0.3 and rounded once.
        let tolerance = 1e-6 * (inputs as f64).sqrt().max(2.0);
        assert_close(&multiply(None, Epilogue::None), &want, tolerance);
        let want = reference(&x, &weights, &bias, inputs);
        let sums = multiply(Some(&bias), Epilogue::None);
        assert_close(&sums, &want, tolerance);
        let mut gelu = sums;
        bias_gelu(&mut gelu, &vec![0.0; outputs]);
        assert_eq!(multiply(Some(&bias), Epilogue::Gelu), gelu);
        let skipped: Vec<f64> = want
            .iter()
            .zip(&previous)
            .map(|(want, previous)| want + f64::from(*previous))
            .collect();
        assert_close(&multiply(Some(&bias), Epilogue::Add), &skipped, tolerance);
    }
}

/// The previous contents and the size of the memory do not matter.
#[test]
fn repacked_weights_give_equal_results() {
    let mut packed = Weights::new(&[f32::NAN; 40 * 40], [40, 40]);
    for [rows, inputs, outputs] in SHAPES.into_iter().chain(SHAPES.into_iter().rev()) {
        let (x, weights) = (numbers(1, rows * inputs), numbers(2, outputs * inputs));
        packed = packed.repack(&weights, [outputs, inputs]);
        let mut results = [vec![0.0; rows * outputs], vec![0.0; rows * outputs]];
        let fresh = Weights::new(&weights, [outputs, inputs]);
        for (weights, results) in [&packed, &fresh].into_iter().zip(&mut results) {
            weights.multiply(&x, None, results, Epilogue::None);
        }
        assert_eq!(results[0], results[1]);
    }
}

/// Packing a transposed weight matrix gives the same product.
#[test]
fn transposed_weights_give_equal_results() {
    let transpose = |x: &[f32], columns: usize| -> Vec<f32> {
        (0..columns).flat_map(|c| x.iter().skip(c).step_by(columns)).copied().collect()
    };
    for [rows, inputs, outputs] in SHAPES {
        let (x, weights) = (numbers(1, rows * inputs), numbers(2, outputs * inputs));
        let packed = Weights::new(&weights, [outputs, inputs]);
        let mut want = vec![0.0; rows * outputs];
        packed.multiply(&x, None, &mut want, Epilogue::None);
        let packed = Weights::transposed(&transpose(&weights, inputs), [inputs, outputs]);
        let mut got = vec![1.0; rows * outputs];
        packed.multiply(&x, None, &mut got, Epilogue::None);
        assert_eq!(got, want);
    }
}

/// A row gives bit-identical results alone, among others, and with any number of threads.
#[test]
fn results_do_not_depend_on_batch_or_threads() {
    let [rows, inputs, outputs] = [200, 800, 24];
    let (x, weights) = (numbers(1, rows * inputs), numbers(2, outputs * inputs));
    let packed = Weights::new(&weights, [outputs, inputs]);
    let run = |x: &[f32], threads: usize| {
        let mut out = vec![0.0; x.len() / inputs * outputs];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| packed.multiply(x, None, &mut out, Epilogue::None));
        out
    };
    let all = run(&x, 1);
    assert_eq!(run(&x, 3), all);
    assert_eq!(run(&x, 64), all);
    for row in [0, 7, 199] {
        let alone = run(&x[row * inputs..][..inputs], 2);
        assert_eq!(alone, all[row * outputs..][..outputs]);
    }
}

#[test]
fn shares_cover_all_rows() {
    for threads in [1, 2, 16, 300] {
        for rows in [0, 1, 5, 12, 13, 512, 1568, 100_000] {
            let shares: Vec<usize> =
                shares(rows, threads, ROWS, MIN_TASK_ROWS..=MAX_TASK_ROWS).collect();
            assert_eq!(shares.iter().sum::<usize>(), rows);
            assert!(shares.iter().all(|share| *share <= MAX_TASK_ROWS));
            // Only the last task may end in the middle of a panel.
            let before = &shares[..shares.len().saturating_sub(1)];
            assert!(before.iter().all(|share| share.is_multiple_of(ROWS)));
        }
    }
}

#[test]
fn nonfinite_values_stay_in_their_row() {
    let packed = Weights::new(&numbers(1, 20 * 8), [20, 8]);
    assert_nonfinite_rows_stay_separate([8, 20], |x, out| {
        packed.multiply(x, None, out, Epilogue::None);
    });
}

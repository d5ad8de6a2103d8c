use half::bf16;
use proptest::prelude::*;

use super::{
    attention::attention_by,
    product::Weights,
    tile::{BLOCK, Factors, Line, SIDE, Sums, halves, round},
    units::Unit,
};
use crate::{
    attention::{Heads, tests::reference},
    gelu::bias_gelu,
    product::Epilogue,
    testing::{assert_close, assert_nonfinite_rows_stay_separate, numbers},
};

proptest! {
    #[test]
    fn round_matches_half_crate(bits: u32) {
        let x = f32::from_bits(bits);
        let (actual, want) = (bf16::from_bits(round(x)), bf16::from_f32(x));
        prop_assert!(actual == want || actual.is_nan() && want.is_nan(), "{x}: {actual}, {want}");
    }
}

fn rounded(x: f32) -> f64 {
    bf16::from_f32(x).to_f64()
}

/// Returns two tiles of rows or outputs, `depth` input tiles deep.
fn tiles(seed: u64, depth: usize) -> Vec<Factors> {
    let numbers: Vec<u16> = numbers(seed, 2 * depth * SIDE * 32)
        .into_iter()
        .map(|x| bf16::from_f32(x).to_bits())
        .collect();
    numbers.as_chunks().0.iter().map(|line| Line(*line)).collect()
}

/// Each available unit, including plain arithmetic, matches the definition.
#[test]
fn units_match_plain_arithmetic() {
    for depth in [1, 2, 24, 49] {
        let (left, right) = (tiles(1, depth), tiles(2, depth));
        let value = |x: u16| bf16::from_bits(x).to_f64();
        let sum = |row: usize, output: usize| -> f64 {
            let (left, right) = (halves(&left)[row / SIDE], halves(&right)[output / SIDE]);
            (0..32 * depth)
                .map(|input| {
                    let x = left[input / 32 * SIDE + row % SIDE].0[input % 32];
                    let w = right[input / 2].0[2 * (output % SIDE) + input % 2];
                    value(x) * value(w)
                })
                .sum()
        };
        for unit in Unit::all() {
            // Earlier contents of the sums must not matter.
            let mut sums = Sums([[[Line([f32::NAN; SIDE]); SIDE]; 2]; 2]);
            let mut open = unit.open();
            open.multiply(halves(&left), halves(&right), &mut sums);
            open.multiply(halves(&left), halves(&right), &mut sums);
            for row in 0..BLOCK {
                let want: Vec<f64> = (0..BLOCK).map(|output| sum(row, output)).collect();
                // Sums of up to 1568 products of about 1/3 each, in f32.
                assert_close(&sums.numbers(row), &want, 2e-5);
            }
        }
    }
}

/// A unit can be opened again after it is dropped.
#[test]
fn units_can_be_reopened() {
    for unit in Unit::all() {
        for _ in 0..3 {
            drop(unit.open());
        }
    }
}

#[test]
fn products_match_definition() {
    for [rows, inputs, outputs] in
        [[1, 1, 1], [5, 7, 17], [32, 32, 32], [33, 33, 33], [150, 100, 40], [13, 769, 70]]
    {
        let (x, weights) = (numbers(1, rows * inputs), numbers(2, outputs * inputs));
        let (bias, previous) = (numbers(3, outputs), numbers(4, rows * outputs));
        let packed = Weights::new(&weights, [outputs, inputs]);
        let want: Vec<f64> = x
            .chunks(inputs)
            .flat_map(|row| weights.chunks(inputs).map(move |weights| (row, weights)))
            .map(|(row, w)| row.iter().zip(w).map(|(x, w)| rounded(*x) * rounded(*w)).sum())
            .collect();
        let and = |other: &dyn Fn(usize) -> f32| -> Vec<f64> {
            want.iter().enumerate().map(|(i, want)| want + f64::from(other(i))).collect()
        };
        for unit in Unit::all() {
            let multiply = |bias, epilogue| {
                let mut out = previous.clone();
                packed.multiply_by(unit, &x, bias, &mut out, epilogue);
                out
            };
            let tolerance = 1e-6 * (inputs as f64).sqrt().max(2.0);
            assert_close(&multiply(None, Epilogue::None), &want, tolerance);
            let sums = multiply(Some(&bias), Epilogue::None);
            assert_close(&sums, &and(&|i| bias[i % outputs]), tolerance);
            let mut gelu = sums;
            bias_gelu(&mut gelu, &vec![0.0; outputs]);
            assert_eq!(multiply(Some(&bias), Epilogue::Gelu), gelu);
            let skipped = multiply(Some(&bias), Epilogue::Add);
            assert_close(&skipped, &and(&|i| bias[i % outputs] + previous[i]), tolerance);
        }
    }
}

#[test]
fn attention_matches_definition() {
    for (batch, tokens, heads, head_dim) in [
        (1, 1, 1, 1),
        (2, 5, 1, 3),
        (3, 17, 2, 8),
        (1, 33, 3, 24),
        (2, 129, 2, 64),
        (1, 530, 1, 33),
    ] {
        let heads = Heads { batch, tokens, heads, head_dim };
        let qkv: Vec<f32> =
            numbers(1, heads.rows() * 3 * heads.dim()).iter().map(|x| 2.0 * x).collect();
        // Round q, k and v as the kernel does: q after scaling.
        let scales = [heads.scale(), 1.0, 1.0];
        let rows = qkv.chunks(heads.dim()).zip(scales.into_iter().cycle());
        let near: Vec<f32> = rows
            .flat_map(|(row, scale)| row.iter().map(move |x| rounded(x * scale) as f32 / scale))
            .collect();
        let [want, _] = reference(heads, &near, &vec![0.0; heads.rows() * heads.dim()]);
        for unit in Unit::all() {
            let mut out = vec![f32::NAN; heads.rows() * heads.dim()];
            attention_by(unit, heads, &qkv, &mut out);
            // Weights have a rounding error of up to 2^-9 and add up to 1; values are at most 2.
            assert_close(&out, &want, 2.0 / 512.0);
        }
    }
}

/// Scores in the hundreds, with the maximum last, put all of a query's weight on one key.
#[test]
fn large_scores_do_not_overflow() {
    let heads = Heads { batch: 1, tokens: 300, heads: 1, head_dim: 2 };
    let qkv: Vec<f32> = (0..300).flat_map(|i| [20.0, 0.0, i as f32, 0.0, i as f32, 1.0]).collect();
    for unit in Unit::all() {
        let mut out = vec![0.0; 600];
        attention_by(unit, heads, &qkv, &mut out);
        // The last key's value, 299 before rounding, gets all but 7e-7 of the weight; powers are
        // accurate to 1e-4.
        for y in out.chunks(2) {
            assert!((y[0] / 300.0 - 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4, "{y:?}");
        }
    }
}

/// Results depend neither on the batch, nor on the number of threads, nor on earlier buffer
/// contents.
#[test]
fn results_do_not_depend_on_batch_or_threads() {
    let heads = Heads { batch: 3, tokens: 70, heads: 2, head_dim: 40 };
    let (inputs, outputs) = (heads.dim(), 3 * heads.dim());
    let packed = Weights::new(&numbers(1, outputs * inputs), [outputs, inputs]);
    let run = |x: &[f32], batch: usize, threads: usize| {
        let heads = Heads { batch, ..heads };
        let (mut qkv, mut out) = (vec![0.0; heads.rows() * outputs], vec![0.0; x.len()]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let both = || {
            packed.multiply(x, None, &mut qkv, Epilogue::None);
            super::attention(heads, &qkv, &mut out);
        };
        assert!(pool.map(|pool| pool.install(both)).is_ok());
        out
    };
    let x = numbers(2, heads.rows() * inputs);
    let all = run(&x, 3, 1);
    assert!(all.iter().all(|y| y.is_finite()));
    for threads in [1, 2, 5] {
        assert_eq!(run(&x, 3, threads), all);
        for (x, want) in x.chunks(70 * inputs).zip(all.chunks(70 * inputs)) {
            assert_eq!(run(x, 1, threads), want);
        }
    }
}

#[test]
fn nonfinite_values_stay_in_their_row_or_sequence() {
    let packed = Weights::new(&numbers(1, 20 * 8), [20, 8]);
    assert_nonfinite_rows_stay_separate([8, 20], |x, out| {
        packed.multiply(x, None, out, Epilogue::None);
    });
    let heads = Heads { batch: 2, tokens: 5, heads: 1, head_dim: 4 };
    let mut qkv = numbers(1, 10 * 12);
    // NaN in a key of the second sequence.
    qkv[7 * 12 + 5] = f32::NAN;
    let mut out = vec![0.0; 10 * 4];
    super::attention(heads, &qkv, &mut out);
    let (first, second) = out.split_at(20);
    assert!(first.iter().all(|y| y.is_finite()) && second.iter().all(|y| y.is_nan()), "{out:?}");
}

use super::*;
use crate::testing::numbers;

/// Computes the documented result in the simplest way.
fn reference(weights: &[f32], [outputs, inputs]: [usize; 2], x: &[f32]) -> Vec<f64> {
    let quantized = |row: &[f32], limit: f32| -> (f64, Vec<i64>) {
        let step = row.iter().fold(0f32, |magnitude, x| magnitude.max(x.abs())) / limit;
        let inverse = if limit == MAX_INPUT { step.recip() } else { 0.0 };
        let number = |x: &f32| {
            let x = if limit == MAX_INPUT { x * inverse } else { x / step };
            f64::from(x).round_ties_even() as i64
        };
        (f64::from(step), row.iter().map(number).collect())
    };
    let mut out = Vec::new();
    for row in x.chunks(inputs) {
        let (step, row) = quantized(row, MAX_INPUT);
        for weights in weights.chunks(inputs).take(outputs) {
            let (scale, weights) = quantized(weights, MAX_WEIGHT);
            let sum: i64 = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
            out.push(sum as f64 * step * scale);
        }
    }
    out
}

#[test]
fn sums_are_exact() {
    for (rows, inputs, outputs) in
        [(1, 1, 1), (5, 7, 17), (13, 20, 50), (66, 64, 40), (63, 12, 32), (3, 768, 33)]
    {
        let weights = numbers(1, outputs * inputs);
        let x: Vec<f32> = numbers(2, rows * inputs).iter().map(|x| 3.0 * x).collect();
        let packed = Weights::new(&weights, [outputs, inputs]);
        let mut out = vec![0.0; rows * outputs];
        packed.multiply(&x, &mut out);
        let want = reference(&weights, [outputs, inputs], &x);
        for (got, want) in out.iter().zip(&want) {
            // The error of two factors and one product in f32.
            assert!((f64::from(*got) - want).abs() <= 4e-7 * want.abs(), "{got}, {want}");
        }
    }
}

/// Uses the worst inputs for 16-bit sums.
#[test]
fn sums_do_not_saturate() {
    let (inputs, outputs) = (64, 16);
    for sign in [1.0, -1.0] {
        let packed = Weights::new(&vec![sign; outputs * inputs], [outputs, inputs]);
        let mut out = vec![0.0; outputs];
        packed.multiply(&vec![1.0; inputs], &mut out);
        assert!(out.iter().all(|y| (y - sign * 64.0).abs() < 1e-4), "{out:?}");
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        for weight in [63, -63] {
            let sums = avx2::sums(simd, &[[[255; INPUTS]; ROWS]; 24], &[Group([weight; 64]); 24]);
            assert_eq!(sums, [[24 * 4 * 255 * i32::from(weight); OUTPUTS]; ROWS]);
        }
    }
}

/// Computes two panels by two tiles, as VNNI does, in plain arithmetic.
fn pairs(panels: &[Panel], groups: &[Group]) -> Sums<{ 2 * OUTPUTS }, { 2 * ROWS }> {
    let mut all = [[0; 2 * OUTPUTS]; 2 * ROWS];
    for (p, panel) in panels.chunks_exact(panels.len() / 2).enumerate() {
        for (t, tile) in groups.chunks_exact(groups.len() / 2).enumerate() {
            for (to, sums) in all[p * ROWS..].iter_mut().zip(plain_sums(panel, tile)) {
                to[t * OUTPUTS..][..OUTPUTS].copy_from_slice(&sums);
            }
        }
    }
    all
}

/// All implementations agree, including the one that this processor selects.
#[test]
fn all_implementations_agree() {
    for rows in [1, 4, 5, 8, 13, 63, 64] {
        for outputs in [1, 16, 17, 32, 33, 50, 80] {
            let inputs = 10;
            let packed = Weights::new(&numbers(1, outputs * inputs), [outputs, inputs]);
            let (panels, scales) = packed.pack(&numbers(2, rows * inputs));
            let [mut one_by_one, mut by_pairs, mut best] =
                [(); 3].map(|()| vec![f32::NAN; rows * outputs]);
            packed.multiply_by(plain_sums, &panels, &scales, &mut one_by_one);
            packed.multiply_by(pairs, &panels, &scales, &mut by_pairs);
            packed.multiply_panels(&panels, &scales, &mut best);
            assert_eq!(one_by_one, by_pairs, "{rows} rows, {outputs} outputs");
            assert_eq!(one_by_one, best, "{rows} rows, {outputs} outputs");
        }
    }
}

/// Returns two panels and two tiles, of 24 groups each.
#[cfg(target_arch = "x86_64")]
fn panels_and_groups() -> (Vec<Panel>, Vec<Group>) {
    let bytes = |seed, count| numbers(seed, count).into_iter().map(|x| (x * 127.0) as i8);
    let panels: Vec<u8> = bytes(1, 2 * 24 * 16).map(|x| x as u8).collect();
    let weights: Vec<i8> = bytes(2, 2 * 24 * 64).map(|x| x / 2).collect();
    let groups = weights.as_chunks().0.iter().map(|group| Group(*group)).collect();
    (bytemuck::cast_slice(&panels).to_vec(), groups)
}

#[cfg(target_arch = "x86_64")]
#[test]
fn avx2_matches_plain_arithmetic() {
    let Some(simd) = pulp::x86::V3::try_new() else { return };
    let (panels, groups) = panels_and_groups();
    for (panel, tile) in panels.chunks_exact(24).zip(groups.chunks_exact(24)) {
        assert_eq!(avx2::sums(simd, panel, tile), plain_sums(panel, tile));
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn vnni_matches_plain_arithmetic() {
    let simd = vnni::detect();
    // The test is skipped without VNNI, except under Miri when VNNI is enabled there.
    assert!(simd.is_some() || !cfg!(target_feature = "avx512vnni"));
    let Some(simd) = simd else { return };
    let (panels, groups) = panels_and_groups();
    assert_eq!(vnni::sums(simd, &panels, &groups), pairs(&panels, &groups));
}

#[test]
fn nonfinite_rows_become_nan_and_zero_rows_stay_zero() {
    let packed = Weights::new(&numbers(1, 8 * 4), [4, 8]);
    let mut x = vec![0.0; 3 * 8];
    x[9] = f32::INFINITY;
    x[17] = f32::NAN;
    let mut out = vec![1.0; 12];
    packed.multiply(&x, &mut out);
    assert_eq!(out[..4], [0.0; 4]);
    assert!(out[4..].iter().all(|y| y.is_nan()));
}

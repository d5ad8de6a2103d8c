//! Test data and assertions.

/// Returns numbers between -1 and 1 that depend only on the seed.
pub(crate) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Asserts equality within `tolerance`, absolute for small numbers and relative for large ones.
#[track_caller]
pub(crate) fn assert_close(got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(*got) - want).abs();
        assert!(error <= tolerance * want.abs().max(1.0), "number {i}: {got}, expected {want}");
    }
}

/// Asserts that non-finite numbers in two of seven rows affect only these rows of the product.
#[track_caller]
pub(crate) fn assert_nonfinite_rows_stay_separate(
    [inputs, outputs]: [usize; 2],
    multiply: impl Fn(&[f32], &mut [f32]),
) {
    let mut x = numbers(2, 7 * inputs);
    (x[inputs], x[6 * inputs + 2]) = (f32::NAN, f32::INFINITY);
    let mut out = vec![0.0; 7 * outputs];
    multiply(&x, &mut out);
    for (r, row) in out.chunks(outputs).enumerate() {
        let finite = row.iter().filter(|y| y.is_finite()).count();
        assert_eq!(finite, if r == 1 || r == 6 { 0 } else { outputs }, "row {r}");
    }
}

use super::*;
use crate::testing::numbers;

/// As the module says, in the plainest way.
fn reference(weights: &[f32], [outputs, inputs]: [usize; 2], x: &[f32]) -> Vec<f64> {
    let quantised = |row: &[f32], greatest: f32| -> (f64, Vec<i64>) {
        let step = scale(row, greatest);
        let inverse = if greatest == GREATEST_INPUT { step.recip() } else { 0.0 };
        let number = |x: &f32| {
            let x = if greatest == GREATEST_INPUT { x * inverse } else { x / step };
            f64::from(x).round_ties_even() as i64
        };
        (f64::from(step), row.iter().map(number).collect())
    };
    let mut out = Vec::new();
    for row in x.chunks(inputs) {
        let (step, row) = quantised(row, GREATEST_INPUT);
        for weights in weights.chunks(inputs).take(outputs) {
            let (scale, weights) = quantised(weights, GREATEST_WEIGHT);
            let sum: i64 = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
            out.push(sum as f64 * step * scale);
        }
    }
    out
}

#[test]
fn sums_are_exact() {
    for (rows, inputs, outputs) in [(1, 1, 1), (5, 7, 17), (66, 64, 40), (3, 768, 33)] {
        let weights = numbers(1, outputs * inputs);
        let x: Vec<f32> = numbers(2, rows * inputs).iter().map(|x| 3.0 * x).collect();
        let packed = Weights::new(&weights, [outputs, inputs]);
        let mut out = vec![0.0; rows * outputs];
        packed.multiply(&x, &mut out);
        let want = reference(&weights, [outputs, inputs], &x);
        for (got, want) in out.iter().zip(&want) {
            // Two factors and one product in f32.
            assert!((f64::from(*got) - want).abs() <= 4e-7 * want.abs(), "{got}, {want}");
        }
    }
}

/// The worst inputs for sums of 16 bits.
#[test]
fn nothing_saturates() {
    let (inputs, outputs) = (64, 16);
    for sign in [1.0, -1.0] {
        let packed = Weights::new(&vec![sign; outputs * inputs], [outputs, inputs]);
        let mut out = vec![0.0; outputs];
        packed.multiply(&vec![1.0; inputs], &mut out);
        assert!(out.iter().all(|y| (y - sign * 64.0).abs() < 1e-4), "{out:?}");
    }
}

/// Two panels and two tiles of 24 groups, and the sums of each panel with each tile in the plainest way.
#[cfg(target_arch = "x86_64")]
struct Case {
    panels: Vec<Panel>,
    groups: Vec<Group>,
}

#[cfg(target_arch = "x86_64")]
impl Case {
    const LENGTH: usize = 24;

    fn new() -> Self {
        let bytes = |seed, count| numbers(seed, count).into_iter().map(|x| (x * 127.0) as i8);
        let panels: Vec<u8> = bytes(1, 2 * Self::LENGTH * 16).map(|x| x as u8).collect();
        let weights: Vec<i8> = bytes(2, 2 * Self::LENGTH * 64).map(|x| x / 2).collect();
        let groups = weights.as_chunks().0.iter().map(|group| Group(*group)).collect();
        Self { panels: bytemuck::cast_slice(&panels).to_vec(), groups }
    }

    fn panel(&self, number: usize) -> &[Panel] {
        &self.panels[number * Self::LENGTH..][..Self::LENGTH]
    }

    fn tile(&self, number: usize) -> &[Group] {
        &self.groups[number * Self::LENGTH..][..Self::LENGTH]
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn avx2_gives_the_sums_of_plain_arithmetic() {
    let Some(simd) = pulp::x86::V3::try_new() else { return };
    let case = Case::new();
    for (panel, tile) in [(0, 0), (1, 1)] {
        let (panel, tile) = (case.panel(panel), case.tile(tile));
        assert_eq!(avx2::sums(simd, panel, tile), plain_sums(panel, tile));
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn vnni_gives_the_sums_of_plain_arithmetic() {
    let Some(simd) = vnni::here() else { return };
    let case = Case::new();
    let sums = vnni::sums(simd, &case.panels, &case.groups);
    for panel in 0..2 {
        for tile in 0..2 {
            let plain = plain_sums(case.panel(panel), case.tile(tile));
            for (row, plain) in sums[panel * ROWS..].iter().zip(&plain) {
                assert_eq!(
                    row[tile * OUTPUTS..][..OUTPUTS],
                    plain[..],
                    "panel {panel}, tile {tile}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_finite_is_nan_and_zero_is_zero() {
    let packed = Weights::new(&numbers(1, 8 * 4), [4, 8]);
    let mut x = vec![0.0; 3 * 8];
    x[9] = f32::INFINITY;
    x[17] = f32::NAN;
    let mut out = vec![1.0; 12];
    packed.multiply(&x, &mut out);
    assert_eq!(out[..4], [0.0; 4]);
    assert!(out[4..].iter().all(|y| y.is_nan()));
}

//! `exp` and `erf` on vectors.

use pulp::Simd;

/// 1.5 * 2^23. Adding it to a small number leaves the nearest integer in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0;
/// Smallest exponent of a normal 2^x.
const MIN_EXPONENT: f32 = -126.0;
/// Cephes' `exp2f`: (2^f - 1) / f on [-0.5, 0.5], highest power first.
const EXP2: [f32; 6] =
    [1.535_336_2e-4, 1.339_887_4e-3, 9.618_437e-3, 5.550_332_5e-2, 2.402_264_8e-1, 6.931_472e-1];

/// The polynomial of degree 3 with the smallest relative error for 2^f on [-0.5, 0.5], 7.5e-5;
/// highest power first.
const EXP2_APPROX: [f32; 4] = [5.517_167e-2, 2.426_111_2e-1, 6.932_61e-1, 9.999_281e-1];

/// Evaluates a polynomial; coefficients are ordered from the highest power down.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, coefficients: &[f32; N], x: S::f32s) -> S::f32s {
    let mut p = simd.splat_f32s(coefficients[0]);
    for c in &coefficients[1..] {
        p = simd.mul_add_e_f32s(p, x, simd.splat_f32s(*c));
    }
    p
}

/// Computes 2^x for x of at most 127, to about one unit in the last place. Results below 2^-126
/// become 2^-126, and NaN stays NaN.
#[inline(always)]
pub(crate) fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (shifted, fraction) = split(simd, x);
    let p = polynomial(simd, &EXP2, fraction);
    let p = simd.mul_add_e_f32s(p, fraction, simd.splat_f32s(1.0));
    scaled(simd, p, shifted)
}

/// Computes 2^x as [`exp2`] does, with a relative error of 1e-4: enough for results rounded to 8
/// bits.
#[inline(always)]
pub(crate) fn exp2_approx<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (shifted, fraction) = split(simd, x);
    scaled(simd, polynomial(simd, &EXP2_APPROX, fraction), shifted)
}

/// Splits `x` into the nearest integer, in the low bits of the first result, and the remainder.
#[inline(always)]
fn split<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    // The order matters: x86's maximum returns the second operand if one is NaN.
    let x = simd.max_f32s(simd.splat_f32s(MIN_EXPONENT), x);
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.add_f32s(x, round);
    (shifted, simd.sub_f32s(x, simd.sub_f32s(shifted, round)))
}

/// Multiplies `p` by two to the power of the integer in `shifted`.
#[inline(always)]
fn scaled<S: Simd>(simd: S, p: S::f32s, shifted: S::f32s) -> S::f32s {
    // The low bits of `shifted` hold the integer; the shift drops all others.
    let integer = simd.transmute_u32s_f32s(shifted);
    let exponent = simd.wrapping_dyn_shl_u32s(integer, simd.splat_u32s(23));
    let power = simd.add_u32s(exponent, simd.splat_u32s(127 << 23));
    simd.mul_f32s(p, simd.transmute_f32s_u32s(power))
}

/// A rational approximation to `erf` on [-4, 4] (Eigen's): odd powers from the ninth and tenth
/// down.
const ERF_NUMERATOR: [f32; 7] = [
    -2.726_142_3e-10,
    2.770_681_4e-8,
    -2.101_024e-6,
    -5.692_506e-5,
    -7.349_906e-4,
    -2.954_6e-3,
    -1.609_603_3e-2,
];
const ERF_DENOMINATOR: [f32; 5] =
    [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];

/// The error function, absolute error below 4e-7; NaN stays NaN.
#[inline(always)]
pub(crate) fn erf<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.min_f32s(simd.splat_f32s(4.0), simd.max_f32s(simd.splat_f32s(-4.0), x));
    let t = simd.mul_f32s(x, x);
    let p = polynomial(simd, &ERF_NUMERATOR, t);
    let q = polynomial(simd, &ERF_DENOMINATOR, t);
    let y = simd.div_f32s(simd.mul_f32s(x, p), q);
    // Return exactly 1 where the approximation reaches it: GELU multiplies the remainder by x,
    // which may be large.
    let saturated = simd.greater_than_or_equal_f32s(simd.abs_f32s(x), simd.splat_f32s(4.0));
    simd.select_f32s(saturated, simd.mul_f32s(x, simd.splat_f32s(0.25)), y)
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    /// Applies [`exp2`] to the first slice and writes [`exp2_approx`] of it to the second.
    struct Powers<'a>(&'a mut [f32], &'a mut [f32]);

    impl WithSimd for Powers<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let approx = S::as_mut_simd_f32s(self.1).0;
            for (x, approx) in S::as_mut_simd_f32s(self.0).0.iter_mut().zip(approx) {
                (*x, *approx) = (exp2(simd, *x), exp2_approx(simd, *x));
            }
        }
    }

    #[test]
    fn exp2_matches_f64() {
        let inputs: Vec<f32> = (0..160_000).map(|i| i as f32 * -1e-3 + 10.0).collect();
        let (mut powers, mut approx) = (inputs.clone(), vec![0.0; inputs.len()]);
        Arch::new().dispatch(Powers(&mut powers, &mut approx));
        for (x, (power, approx)) in inputs.iter().zip(powers.iter().zip(approx)) {
            let want = f64::from(x.max(-126.0)).exp2();
            let error = |power: f32| (f64::from(power) / want - 1.0).abs();
            assert!(error(*power) < 2e-7, "2^{x}: {power}, {want}");
            assert!(error(approx) < 8e-5, "2^{x}: {approx}, {want}");
        }
        let (mut ends, mut approx) = ([f32::NAN; 32], [0.0; 32]);
        ends[..16].fill(f32::NEG_INFINITY);
        Arch::new().dispatch(Powers(&mut ends, &mut approx));
        for ends in [ends, approx] {
            assert!(ends[0] > 0.0 && ends[0] < 1e-37 && ends[16].is_nan());
        }
    }
}

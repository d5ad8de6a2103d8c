//! ReLU.

use rayon::prelude::*;

/// Numbers per task.
const TASK: usize = 1 << 14;

/// Computes `max(x, 0)`; NaN stays NaN.
pub fn forward(x: &mut [f32]) {
    let arch = pulp::Arch::new();
    x.par_chunks_mut(TASK).for_each(|x| {
        arch.dispatch(|| x.iter_mut().for_each(|x| *x = if *x <= 0.0 { 0.0 } else { *x }));
    });
}

/// Sets the gradient to 0 where the output is.
///
/// # Panics
/// Panics if `out` and `gradient` differ in length.
pub fn backward(out: &[f32], gradient: &mut [f32]) {
    assert_eq!(out.len(), gradient.len(), "output and gradient differ in length");
    let arch = pulp::Arch::new();
    gradient.par_chunks_mut(TASK).zip(out.par_chunks(TASK)).for_each(|(gradient, out)| {
        arch.dispatch(|| {
            for (gradient, out) in gradient.iter_mut().zip(out) {
                *gradient = if *out <= 0.0 { 0.0 } else { *gradient };
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_stays_nan() {
        let mut x = [-1.0, 0.0, 2.0, f32::NAN, f32::NEG_INFINITY];
        forward(&mut x);
        assert_eq!(x[..3], [0.0, 0.0, 2.0]);
        assert!(x[3].is_nan());
        assert_eq!(x[4], 0.0);
        let mut gradient = [1.0; 5];
        backward(&x, &mut gradient);
        assert_eq!(gradient, [0.0, 0.0, 1.0, 1.0, 0.0]);
    }
}

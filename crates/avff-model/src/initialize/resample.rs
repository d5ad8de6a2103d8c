//! Interpolates tables and kernels to another grid.

/// Parameter of the cubic convolution kernel (Keys 1981), as in PyTorch and ONNX.
const A: f64 = -0.75;

/// Values on a grid, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Grid {
    pub(super) fn new(shape: &[usize], values: Vec<f32>) -> Self {
        Self { shape: shape.to_vec(), values }
    }

    /// Returns the distance between neighbors along `axis`.
    fn stride(&self, axis: usize) -> usize {
        self.shape.iter().skip(axis + 1).product()
    }

    /// Interpolates cubically along one axis. Pixels are areas (`align_corners=False`), edges
    /// repeat, and no smoothing is applied. Along two axes the result is PyTorch's `bicubic`.
    pub(super) fn resampled(&self, axis: usize, length: usize) -> Self {
        let from = self.shape.get(axis).copied().unwrap_or(0);
        if from == length || from == 0 {
            return self.clone();
        }
        let inner = self.stride(axis);
        let mut shape = self.shape.clone();
        shape[axis] = length;
        let mut values = Vec::with_capacity(shape.iter().product());
        for block in self.values.chunks_exact(from * inner) {
            for to in 0..length {
                let taps = taps(to, from as f64 / length as f64, from);
                values.extend((0..inner).map(|column| {
                    let terms = taps
                        .iter()
                        .map(|&(at, weight)| weight * f64::from(block[at * inner + column]));
                    terms.sum::<f64>() as f32
                }));
            }
        }
        Self { shape, values }
    }

    /// Resamples a kernel and scales it by the ratio of lengths. Its sum, and so its response to a
    /// constant input, stays about equal.
    pub(super) fn kernel_resampled(&self, axis: usize, length: usize) -> Self {
        let from = self.shape.get(axis).copied().unwrap_or(length);
        let mut kernel = self.resampled(axis, length);
        if from != length {
            let scale = (from as f64 / length as f64) as f32;
            kernel.values.iter_mut().for_each(|value| *value *= scale);
        }
        kernel
    }

    /// Exchanges the last two axes.
    pub(super) fn transposed(&self) -> Self {
        let &[.., rows, columns] = self.shape.as_slice() else { return self.clone() };
        let mut shape = self.shape.clone();
        let axes = shape.len();
        shape.swap(axes - 2, axes - 1);
        let mut values = Vec::with_capacity(self.values.len());
        for plane in self.values.chunks_exact((rows * columns).max(1)) {
            for column in 0..columns {
                values.extend((0..rows).map(|row| plane[row * columns + column]));
            }
        }
        Self { shape, values }
    }
}

/// Returns positions and weights of the four source values for value `to`.
fn taps(to: usize, scale: f64, from: usize) -> [(usize, f64); 4] {
    let at = (to as f64 + 0.5) * scale - 0.5;
    let floor = at.floor();
    let t = at - floor;
    std::array::from_fn(|tap| {
        let offset = tap as f64 - 1.0;
        let place = (floor + offset).clamp(0.0, (from - 1) as f64) as usize;
        (place, cubic((t - offset).abs()))
    })
}

fn cubic(x: f64) -> f64 {
    if x <= 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::excessive_precision, reason = "published numbers, as they are printed")]
    use super::*;

    fn sixteen() -> Grid {
        Grid::new(&[4, 4], (1..=16).map(|value| value as f32).collect())
    }

    /// The examples in ONNX's specification of `Resize`, mode `cubic`, whose defaults are
    /// PyTorch's.
    #[test]
    fn resampling_matches_onnx_examples() {
        let doubled = sixteen().resampled(0, 8).resampled(1, 8);
        let first = [
            0.472_656_25,
            0.769_531_25,
            1.246_093_75,
            1.875,
            2.281_25,
            2.910_156_25,
            3.386_718_75,
            3.683_593_75,
        ];
        let third = [
            3.566_406_25,
            3.863_281_25,
            4.339_843_75,
            4.968_75,
            5.375,
            6.003_906_25,
            6.480_468_75,
            6.777_343_75,
        ];
        assert_eq!((&doubled.values[..8], &doubled.values[16..24]), (&first[..], &third[..]));
        let smaller = sixteen().resampled(0, 3).resampled(1, 3);
        let expected = [
            1.630_787,
            3.004_629_6,
            4.378_472,
            7.126_157_4,
            8.5,
            9.873_843,
            12.621_528,
            13.995_37,
            15.369_213,
        ];
        assert_eq!(smaller.shape, [3, 3]);
        for (value, expected) in smaller.values.iter().zip(expected) {
            // The specification prints eight digits.
            assert!((value - expected).abs() < 2e-6, "{value} {expected}");
        }
    }

    #[test]
    fn equal_size_is_identity_and_axes_commute() {
        let grid = sixteen();
        assert_eq!(grid.resampled(1, 4), grid);
        let (one, two) =
            (grid.resampled(0, 5).resampled(1, 3), grid.resampled(1, 3).resampled(0, 5));
        for (a, b) in one.values.iter().zip(&two.values) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn resampled_kernel_keeps_its_sum() {
        let kernel = sixteen().kernel_resampled(0, 8).kernel_resampled(1, 2);
        assert_eq!(kernel.shape, [8, 2]);
        let sum: f32 = kernel.values.iter().sum();
        // The interpolation errors of a ramp's two halves cancel, so the sum stays.
        assert!((sum - 136.0).abs() < 1e-3, "{sum}");
    }

    #[test]
    fn transposed_swaps_last_axes() {
        let grid = Grid::new(&[2, 2, 3], (0..12).map(|value| value as f32).collect());
        let turned = grid.transposed();
        assert_eq!(turned.shape, [2, 3, 2]);
        assert_eq!(turned.values, [0., 3., 1., 4., 2., 5., 6., 9., 7., 10., 8., 11.]);
    }
}

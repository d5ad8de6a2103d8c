//! Compares a device's matrix products with exact results.

use burn::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::matmul;

/// Batch, rows, inner size and columns of products: some as in the networks, some smaller than a
/// tile.
const SIZES: [[usize; 4]; 6] = [
    [1, 7, 5, 3],
    [3, 20, 8, 12],
    [1, 20, 12, 8],
    [2, 49, 64, 96],
    [1, 130, 48, 96],
    [1, 200, 768, 64],
];

/// Checks whether a device computes f32 products accurately. It compares products of several sizes
/// with f64 results from the host.
///
/// This matters on GPUs, which compile their kernels at run time. A kernel that is wrong, or that
/// rounds its factors, gives plausible but wrong scores.
pub fn products_are_exact<B: Backend>(device: &B::Device) -> bool {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    SIZES.into_iter().all(|[batch, rows, inner, columns]| {
        let mut tensor = |shape: [usize; 3]| {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
            (Tensor::<B, 3>::from_data(TensorData::new(values.clone(), shape), device), values)
        };
        let (left, l) = tensor([batch, rows, inner]);
        // A transposed view of the weight, shared by the batch, as in layers.
        let (right, r) = tensor([1, columns, inner]);
        let product = matmul(left, right.swap_dims(1, 2)).into_data();
        let expected = (0..batch * rows * columns).map(|at| {
            let (row, column) = (at / columns, at % columns);
            let factors = l[row * inner..][..inner].iter().zip(&r[column * inner..][..inner]);
            factors.map(|(&l, &r)| f64::from(l) * f64::from(r)).sum::<f64>()
        });
        // The error of f32 in sums of up to 768 terms is smaller; the error of TF32 is about 1e-3.
        let mut pairs = product.iter::<f32>().zip(expected);
        pairs.all(|(actual, expected)| (f64::from(actual) - expected).abs() < 1e-4)
    })
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn cpu_products_are_exact() {
        assert!(products_are_exact::<burn_flex::Flex>(&Default::default()));
    }
}

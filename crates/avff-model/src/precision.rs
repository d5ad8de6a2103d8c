//! Networks that compute in another precision.

use std::cell::Cell;

use burn::{
    module::{ModuleMapper, Param},
    prelude::*,
    tensor::FloatDType,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fused::matmul;

/// The module with its parameters in another precision, in which it then computes; inputs are cast to it,
/// losses are f32.
///
/// Under autodiff the parameters hang on the given module's, so that gradients reach those, in their own
/// precision: f32 master weights, as PyTorch's autocast keeps them.
pub fn cast<B: Backend, M: Module<B>>(module: M, dtype: FloatDType) -> M {
    struct Cast(FloatDType);
    impl<B: Backend> ModuleMapper<B> for Cast {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, tensor, mapper) = param.consume();
            Param::from_mapped_value(id, tensor.cast(self.0), mapper)
        }
    }
    module.map(&mut Cast(dtype))
}

thread_local! {
    static TF32: Cell<bool> = const { Cell::new(false) };
}

/// `work`, whose products in f32 may, where `allowed`, run on a GPU's tensor cores as TF32, which keeps 10 bits of each
/// factor. Elsewhere they may not. In this thread alone, so that no network's numbers change with another's; other
/// backends than `Cuda` know no TF32.
pub fn with_tf32<T>(allowed: bool, work: impl FnOnce() -> T) -> T {
    /// Restores it after a panic, too.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            TF32.set(self.0);
        }
    }
    let _before = Before(TF32.replace(allowed));
    work()
}

/// Whether [`with_tf32`] allows it here.
#[must_use]
pub fn allows_tf32() -> bool {
    TF32.get()
}

/// Whether the CPU has instructions for products in bfloat16 that [`Classifier::into_bf16`] knows: AMX, under Linux, or
/// AVX512-BF16; `false` without feature `flex`.
///
/// [`Classifier::into_bf16`]: crate::Classifier::into_bf16
#[must_use]
pub fn cpu_has_bf16() -> bool {
    #[cfg(feature = "flex")]
    return avff_kernels::bf16::is_supported();
    #[cfg(not(feature = "flex"))]
    false
}

/// Batch, rows, inner size and columns: of the networks' products, and some that fill no tile.
const CHECKED: [[usize; 4]; 6] = [
    [1, 7, 5, 3],
    [3, 20, 8, 12],
    [1, 20, 12, 8],
    [2, 49, 64, 96],
    [1, 130, 48, 96],
    [1, 200, 768, 64],
];

/// Whether products in f32 come out on a device as they should: some, of sizes that networks have and of odd ones,
/// against the host's. For GPUs, whose kernels are made where they run: one that is wrong, or rounds its factors,
/// gives scores that look like any others.
pub fn products_are_exact<B: Backend>(device: &B::Device) -> bool {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    CHECKED.into_iter().all(|[batch, rows, inner, columns]| {
        let mut tensor = |shape: [usize; 3]| {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|_| random.random_range(-1.0..1.0)).collect();
            (Tensor::<B, 3>::from_data(TensorData::new(values.clone(), shape), device), values)
        };
        let (left, l) = tensor([batch, rows, inner]);
        // As layers have their weights: a transpose that is not laid out anew, for all of a batch.
        let (right, r) = tensor([1, columns, inner]);
        let found = matmul(left, right.swap_dims(1, 2)).into_data();
        let due = (0..batch * rows * columns).map(|at| {
            let (row, column) = (at / columns, at % columns);
            let factors = l[row * inner..][..inner].iter().zip(&r[column * inner..][..inner]);
            factors.map(|(&l, &r)| f64::from(l) * f64::from(r)).sum::<f64>()
        });
        // What f32 makes of up to 768 terms; TF32 is off by some 1e-3.
        let mut pairs = found.iter::<f32>().zip(due);
        pairs.all(|(found, due)| (f64::from(found) - due).abs() < 1e-4)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tf32_is_allowed_within_and_in_no_other_thread() {
        let seen = with_tf32(true, || {
            let other = std::thread::spawn(allows_tf32).join();
            (allows_tf32(), with_tf32(false, allows_tf32), allows_tf32(), other.unwrap_or(true))
        });
        assert_eq!((seen, allows_tf32()), ((true, false, true, false), false));
    }

    #[cfg(feature = "flex")]
    #[test]
    fn a_cpu_multiplies_exactly() {
        assert!(products_are_exact::<burn_flex::Flex>(&Default::default()));
    }
}

//! The precision that networks compute in.

use std::cell::Cell;

use burn::{
    module::{ModuleMapper, Param},
    prelude::*,
    tensor::FloatDType,
};

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
}

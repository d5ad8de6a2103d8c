//! The compute precision of networks.

use std::cell::Cell;

use burn::{
    module::{ModuleMapper, Param},
    prelude::*,
    tensor::FloatDType,
};

/// Casts the parameters of a module to another precision, in which it then computes. Inputs are
/// cast to that precision too; losses are f32.
///
/// Under autodiff the cast parameters depend on the given module's parameters, so gradients reach
/// those in their own precision. They act as f32 master weights, as in PyTorch's autocast.
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

/// Runs `work` with TF32 allowed or forbidden for f32 products on a GPU's tensor cores. TF32 keeps
/// 10 bits of each factor.
///
/// The setting affects only this thread, so that it cannot change another network's results. Only
/// the backend `Cuda` supports TF32.
pub fn with_tf32<T>(allowed: bool, work: impl FnOnce() -> T) -> T {
    /// Restores the previous setting, even after a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            TF32.set(self.0);
        }
    }
    let _before = Before(TF32.replace(allowed));
    work()
}

/// Whether [`with_tf32`] allows TF32 in this thread.
#[must_use]
pub fn allows_tf32() -> bool {
    TF32.get()
}

/// Whether the CPU has bfloat16 instructions that [`Classifier::into_bf16`] supports: AMX (on
/// Linux) or AVX512-BF16. Without feature `flex` the result is `false`.
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
    fn tf32_setting_is_scoped_and_thread_local() {
        let seen = with_tf32(true, || {
            let other = std::thread::spawn(allows_tf32).join();
            (allows_tf32(), with_tf32(false, allows_tf32), allows_tf32(), other.unwrap_or(true))
        });
        assert_eq!((seen, allows_tf32()), ((true, false, true, false), false));
    }
}

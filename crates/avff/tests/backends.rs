//! The model's goldens on the other backends: the same checks and, for ndarray, the same tolerances
//! as on flex. Run with `--features ndarray` or `--features wgpu`; wgpu needs a Vulkan driver. Mesa's
//! software renderer will do, but takes minutes for `wgpu::short` and long for `wgpu::training`.
#![cfg(any(feature = "ndarray", feature = "wgpu"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, unreachable_pub, dead_code)]

#[path = "../../avff-model/tests/support/mod.rs"]
mod support;

use burn::{backend::Autodiff, tensor::backend::Backend};
use serde_json::Value;
use support::golden::{self, Tolerances};

fn tiny() -> Value {
    serde_json::from_str(include_str!("../../avff-model/tests/fixtures/model_tiny.json")).unwrap()
}

fn micro() -> Value {
    serde_json::from_str(include_str!("../../avff-model/tests/fixtures/stage2_micro.json")).unwrap()
}

/// What takes a software renderer minutes.
fn check_short<B: Backend>(tolerances: Tolerances, device: &B::Device) {
    let (tiny, micro) = (tiny(), micro());
    golden::check_classifier::<B>(&tiny["classifier_tiny"], 3, tolerances.value, device);
    golden::check_plain_targets::<B>(&micro["pretrain_micro"], 2, tolerances.value, device);
    golden::check_pretrain::<Autodiff<B>>(&micro["pretrain_micro"], 2, tolerances, device);
}

/// What takes it an hour or two: training trajectories of the tiny models.
fn check_training<B: Backend>(tolerances: Tolerances, device: &B::Device) {
    let tiny = tiny();
    golden::check_plain_targets::<B>(&tiny["pretrain_tiny"], 3, tolerances.value, device);
    golden::check_finetune::<Autodiff<B>>(&tiny["classifier_tiny"], tolerances, device);
    golden::check_pretrain::<Autodiff<B>>(&tiny["pretrain_tiny"], 3, tolerances, device);
}

#[cfg(feature = "ndarray")]
mod ndarray {
    use burn::backend::NdArray;

    use super::{
        support::compare::{EXACT, GRADIENT},
        *,
    };

    const TOLERANCES: Tolerances =
        Tolerances { value: EXACT, gradient: GRADIENT, trajectory: GRADIENT };

    #[test]
    fn short() {
        check_short::<NdArray>(TOLERANCES, &Default::default());
    }

    #[test]
    fn training() {
        check_training::<NdArray>(TOLERANCES, &Default::default());
    }
}

#[cfg(feature = "wgpu")]
mod wgpu {
    use burn::backend::Wgpu;

    use super::{
        support::compare::{GPU, Tolerance},
        *,
    };

    const TOLERANCES: Tolerances = Tolerances {
        value: GPU,
        // Gradients are small numbers: an absolute 1e-3 would accept anything.
        gradient: Tolerance { absolute: 1e-6, relative: 1e-3 },
        trajectory: GPU,
    };

    #[test]
    fn short() {
        check_short::<Wgpu>(TOLERANCES, &Default::default());
    }

    #[test]
    fn training() {
        check_training::<Wgpu>(TOLERANCES, &Default::default());
    }
}

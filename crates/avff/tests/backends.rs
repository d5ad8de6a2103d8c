//! The model's golden values on the other backends. The checks are those of flex, and ndarray also has the
//! tolerances of flex. Run with `--features ndarray`, `wgpu` or `cuda`.
//!
//! wgpu needs a Vulkan driver. Mesa's software renderer works, but takes minutes for `wgpu::short` and an hour or two
//! for `wgpu::training`. The cuda tests need a GPU, which CI does not have:
//! `cargo test -p avff --features cuda --test backends cuda`.
#![cfg(any(feature = "ndarray", feature = "wgpu", feature = "cuda"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, unreachable_pub, dead_code)]

#[path = "../../avff-model/tests/support/mod.rs"]
mod support;

use burn::{backend::Autodiff, tensor::backend::Backend};
use serde_json::Value;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use support::compare::{GPU, Tolerance};
use support::golden::{self, Tolerances};

fn tiny() -> Value {
    serde_json::from_str(include_str!("../../avff-model/tests/fixtures/model_tiny.json")).unwrap()
}

fn micro() -> Value {
    serde_json::from_str(include_str!("../../avff-model/tests/fixtures/stage2_micro.json")).unwrap()
}

/// Checks that take minutes on a software renderer.
fn check_short<B: Backend>(tolerances: Tolerances, device: &B::Device) {
    let (tiny, micro) = (tiny(), micro());
    golden::check_classifier::<B>(&tiny["classifier_tiny"], 3, tolerances.value, device);
    golden::check_plain_targets::<B>(&micro["pretrain_micro"], 2, tolerances.value, device);
    golden::check_pretrain::<Autodiff<B>>(&micro["pretrain_micro"], 2, tolerances, device);
}

/// Training trajectories of the tiny models, which take an hour or two on a software renderer.
fn check_training<B: Backend>(tolerances: Tolerances, device: &B::Device) {
    let tiny = tiny();
    golden::check_plain_targets::<B>(&tiny["pretrain_tiny"], 3, tolerances.value, device);
    golden::check_finetune::<Autodiff<B>>(&tiny["classifier_tiny"], tolerances, device);
    golden::check_pretrain::<Autodiff<B>>(&tiny["pretrain_tiny"], 3, tolerances, device);
}

/// Runs an epoch of each learner with `avff train` and compares its loss with that on the CPU.
#[cfg(feature = "cpu")]
fn check_learners(device: &str, tolerance: f64) {
    let root = std::path::Path::new("../..");
    let scene = tempfile::tempdir().unwrap();
    let manifest = root.join("data/synthetic.csv").display().to_string();
    let loss = |device: &str, stage: u8| -> f64 {
        let run = scene.path().join(format!("{stage}-{}", device.replace(':', "-")));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_avff"));
        command
            .args(["train", "--device", device])
            .arg(root.join(format!("data/recipes/avff-tiny-stage{stage}.toml")))
            .arg("--run")
            .arg(&run);
        let train = format!("data.train={manifest}");
        for set in [train.as_str(), "data.validation=", "data.batch=4", "epochs=1"] {
            command.args(["--set", set]);
        }
        if stage == 3 {
            command.args(["--set", "initialize={from=\"scratch\"}"]);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let table = std::fs::read_to_string(run.join("result.csv")).unwrap();
        let row = table.lines().nth(1).unwrap();
        assert!(table.starts_with("epoch,step,train/loss"), "{table}");
        row.split(',').nth(2).unwrap().parse().unwrap()
    };
    for stage in [1, 3] {
        let (actual, expected) = (loss(device, stage), loss("cpu", stage));
        println!("stage {stage}: {actual} on {device}, {expected} on cpu");
        assert!(
            (actual - expected).abs() < tolerance * expected.abs(),
            "{stage}: {actual}, {expected}"
        );
    }
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
    #[cfg(feature = "cpu")]
    fn learners() {
        check_learners("ndarray", 1e-3);
    }

    #[test]
    fn training() {
        check_training::<NdArray>(TOLERANCES, &Default::default());
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
const ON_GPU: Tolerances = Tolerances {
    value: GPU,
    // Gradients are small numbers: an absolute 1e-3 would accept anything.
    gradient: Tolerance { absolute: 1e-6, relative: 1e-3 },
    trajectory: GPU,
};

#[cfg(feature = "wgpu")]
mod wgpu {
    use burn::backend::Wgpu;

    use super::*;

    #[test]
    fn short() {
        check_short::<Wgpu>(ON_GPU, &Default::default());
    }

    #[test]
    fn training() {
        check_training::<Wgpu>(ON_GPU, &Default::default());
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use burn::backend::Cuda;

    use super::*;

    #[test]
    fn short() {
        check_short::<Cuda>(ON_GPU, &Default::default());
    }

    #[test]
    #[cfg(feature = "cpu")]
    fn learners() {
        check_learners("cuda", 1e-3);
    }

    #[test]
    fn training() {
        check_training::<Cuda>(ON_GPU, &Default::default());
    }
}

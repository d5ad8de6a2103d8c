//! A classifier with the products of the encoders' blocks in bytes, or in bfloat16.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, missing_docs)]

use avff_model::{AvffConfig, Classifier, FusionScope, Init, ModelError};
use burn::{
    backend::Autodiff,
    tensor::{Distribution, Tensor, backend::Backend},
};
use burn_flex::Flex;

fn small() -> AvffConfig {
    let mut config = AvffConfig::open_avff();
    config.audio.frames = 128;
    (config.video.height, config.video.width) = (32, 32);
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (96, 2, 3);
    config
}

#[test]
fn tokens_stay_near_those_of_f32() {
    let (config, device) = (small(), Default::default());
    let model = Classifier::<Flex>::new(&config, &mut Init::seeded(3), &device).unwrap();
    Flex::seed(&device, 5);
    let normal = Distribution::Normal(0.0, 1.0);
    let audio = Tensor::<Flex, 3>::random([2, 128, 128], normal, &device);
    let video = Tensor::<Flex, 5>::random([2, 3, 16, 32, 32], normal, &device);
    let scope = FusionScope::evaluation(config.fusion_attention);
    let embed = |model: &Classifier<Flex>| model.embed(audio.clone(), video.clone(), scope);
    let exact = embed(&model);
    for (name, rounded) in [
        ("int8", model.clone().into_int8()),
        ("bf16", model.clone().into_bf16()),
        // As it is scored with.
        ("bf16, packed", model.clone().into_bf16().map(Classifier::into_packed)),
    ] {
        let near = embed(&rounded.unwrap());
        let pairs = [(exact.audio.clone(), near.audio), (exact.video.clone(), near.video)];
        for (exact, near) in pairs {
            // Tokens are normalised: their size is one.
            let error = (exact - near).powi_scalar(2).mean().sqrt().into_scalar();
            assert!(error > 1e-5 && error < 0.03, "{name}: {error}");
        }
    }
}

#[test]
fn other_backends_have_none() {
    let model =
        Classifier::<Autodiff<Flex>>::new(&small(), &mut Init::seeded(3), &Default::default());
    let model = model.unwrap();
    for rounded in [model.clone().into_int8(), model.into_bf16()] {
        assert!(matches!(rounded, Err(ModelError::CpuAlone { .. })));
    }
}

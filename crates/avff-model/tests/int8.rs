//! A classifier with the encoders' products in bytes.
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
    let rounded = model.clone().into_int8().unwrap();
    Flex::seed(&device, 5);
    let normal = Distribution::Normal(0.0, 1.0);
    let audio = Tensor::<Flex, 3>::random([2, 128, 128], normal, &device);
    let video = Tensor::<Flex, 5>::random([2, 3, 16, 32, 32], normal, &device);
    let scope = FusionScope::evaluation(config.fusion_attention);
    let embed = |model: &Classifier<Flex>| model.embed(audio.clone(), video.clone(), scope);
    let (exact, near) = (embed(&model), embed(&rounded));
    for (exact, near) in [(exact.audio, near.audio), (exact.video, near.video)] {
        // Tokens are normalised: their size is one.
        let error = (exact - near).powi_scalar(2).mean().sqrt().into_scalar();
        assert!(error > 1e-5 && error < 0.03, "{error}");
    }
}

#[test]
fn other_backends_have_none() {
    let model =
        Classifier::<Autodiff<Flex>>::new(&small(), &mut Init::seeded(3), &Default::default());
    assert!(matches!(model.unwrap().into_int8(), Err(ModelError::NoInt8)));
}

//! Helpers: initialized networks, their inputs, and comparisons.

use std::path::Path;

use avff_model::{
    AvffConfig, Init, Pretrain,
    config::AudioSlices,
    initialize::{Conversion, Normalization, PublishedEncoder, Report},
};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;

use crate::{DEPTH, DIM, HEADS, formula};

/// Returns a config with 4 x 8 audio tokens and 8 x 2 x 2 visual tokens.
pub(crate) fn config(slices: AudioSlices) -> AvffConfig {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (DIM, DEPTH, HEADS);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
    (config.audio.frames, config.slices, config.audio_slices) = (64, 4, slices);
    (config.video.height, config.video.width) = (32, 32);
    config
}

pub(crate) fn new_model(config: &AvffConfig) -> Pretrain<Flex> {
    Pretrain::new(config, &mut Init::seeded(3), &Default::default()).unwrap()
}

pub(crate) fn initialize(path: &Path, config: &AvffConfig) -> (Pretrain<Flex>, Report) {
    PublishedEncoder::open(path)
        .unwrap()
        .initialize(new_model(config), &Normalization::default())
        .unwrap()
}

pub(crate) fn error_message(path: &Path, config: &AvffConfig) -> String {
    let given = PublishedEncoder::open(path)
        .and_then(|published| published.initialize(new_model(config), &Normalization::default()));
    given.map(|_| ()).unwrap_err().to_string()
}

/// Returns log-mel energies `[64, 128]` before any normalization.
pub(crate) fn log_mels() -> Vec<f32> {
    formula::stream("log mels", 64 * 128).into_iter().map(|value| 6.0 * value - 5.0).collect()
}

pub(crate) fn audio_input() -> Tensor<Flex, 3> {
    let inputs = Normalization::default();
    let values: Vec<f32> =
        log_mels().iter().map(|value| (value - inputs.audio_mean) / inputs.audio_std).collect();
    Tensor::from_data(TensorData::new(values, [1, 64, 128]), &Default::default())
}

pub(crate) fn assert_close(actual: &[f32], expected: &[f32], allowed: f32) {
    assert_eq!(actual.len(), expected.len());
    let worst = actual.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("largest error {worst}");
    assert!(worst <= allowed, "largest error {worst}, allowed {allowed}");
    assert!(expected.iter().any(|value| value.abs() > 0.5), "nothing to compare");
}

pub(crate) fn conversions<'r>(report: &'r Report, key: &str) -> &'r [Conversion] {
    &report
        .initialized
        .iter()
        .find(|entry| entry.key == key)
        .unwrap_or_else(|| panic!("{key}"))
        .conversions
}

pub(crate) fn unused_reason<'r>(report: &'r Report, key: &str) -> &'r str {
    &report.unused.iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("{key}")).reason
}

/// Values are of the order of 1 after LayerNorm. In f32, another summation order in two blocks
/// gives an error of 1.4e-6.
pub(crate) const TOLERANCE: f32 = 1e-5;

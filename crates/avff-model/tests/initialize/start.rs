//! Networks of ours that start from a file, their inputs, and what is compared.

use std::path::Path;

use avff_model::{
    AvffConfig, Init, Pretrain,
    config::AudioSlices,
    initialize::{Conversion, Normalization, PublishedEncoder, Report},
};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;

use crate::{DEPTH, DIM, HEADS, formula};

/// 4 x 8 audio tokens, 8 x 2 x 2 visual ones.
pub(crate) fn config(slices: AudioSlices) -> AvffConfig {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (DIM, DEPTH, HEADS);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
    (config.audio.frames, config.slices, config.audio_slices) = (64, 4, slices);
    (config.video.height, config.video.width) = (32, 32);
    config
}

pub(crate) fn fresh(config: &AvffConfig) -> Pretrain<Flex> {
    Pretrain::new(config, &mut Init::seeded(3), &Default::default()).unwrap()
}

pub(crate) fn start(path: &Path, config: &AvffConfig) -> (Pretrain<Flex>, Report) {
    PublishedEncoder::open(path)
        .unwrap()
        .initialize(fresh(config), &Normalization::default())
        .unwrap()
}

pub(crate) fn fault(path: &Path, config: &AvffConfig) -> String {
    let given = PublishedEncoder::open(path)
        .and_then(|published| published.initialize(fresh(config), &Normalization::default()));
    given.map(|_| ()).unwrap_err().to_string()
}

/// Log-mel energies `[64, 128]`, as they are before any network normalises them.
pub(crate) fn log_mels() -> Vec<f32> {
    formula::stream("log mels", 64 * 128).into_iter().map(|value| 6.0 * value - 5.0).collect()
}

pub(crate) fn audio_input() -> Tensor<Flex, 3> {
    let inputs = Normalization::default();
    let values: Vec<f32> =
        log_mels().iter().map(|value| (value - inputs.audio_mean) / inputs.audio_std).collect();
    Tensor::from_data(TensorData::new(values, [1, 64, 128]), &Default::default())
}

pub(crate) fn assert_close(made: &[f32], wanted: &[f32], allowed: f32) {
    assert_eq!(made.len(), wanted.len());
    let worst = made.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("off by {worst} at most");
    assert!(worst <= allowed, "off by {worst}, allowed is {allowed}");
    assert!(wanted.iter().any(|value| value.abs() > 0.5), "nothing to compare");
}

pub(crate) fn conversions<'r>(report: &'r Report, key: &str) -> &'r [Conversion] {
    &report
        .initialized
        .iter()
        .find(|entry| entry.key == key)
        .unwrap_or_else(|| panic!("{key}"))
        .conversions
}

pub(crate) fn why<'r>(report: &'r Report, key: &str) -> &'r str {
    &report.unused.iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("{key}")).reason
}

/// After LayerNorm values are of the order of 1; f32 through two blocks in another order is off by 1.4e-6.
pub(crate) const ALLOWED: f32 = 1e-5;

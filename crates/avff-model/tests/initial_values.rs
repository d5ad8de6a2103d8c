//! Tests the distribution of every initial tensor of both networks, as the reference draws it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    dead_code
)]

mod support;

use std::collections::BTreeMap;

use avff_model::{
    AvffConfig, Classifier, Init, Pretrain, checkpoint,
    config::{HeadInput, VisualDecoderInit},
};
use burn::module::Module;
use burn_flex::Flex;
use support::networks::{micro, weights};

/// The distribution of a tensor's initial values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Law {
    /// All values are equal.
    Constant(f32),
    /// Uniform within this bound on both sides of 0.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// As `Normal`, but only values within one standard deviation.
    Truncated(f64),
    /// A sine-cosine table, whose values other tests check.
    Table,
}

/// Returns the law of a tensor by the reference's code. `weight` is the shape of the weight that
/// belongs to a bias.
fn law(key: &str, shape: &[usize], weight: Option<&[usize]>, init: VisualDecoderInit) -> Law {
    let fan_in = |shape: &[usize]| shape[1..].iter().product::<usize>() as f64;
    let fans = |shape: &[usize]| shape[0] as f64 + fan_in(shape);
    let torch_default = || Law::Uniform(1.0 / fan_in(weight.unwrap_or(shape)).sqrt());
    let is_bias = key.ends_with("bias");
    match key {
        "visual_decoder.mask_token" if init == VisualDecoderInit::TorchDefault => {
            Law::Truncated(0.02)
        }
        _ if key.ends_with("modality") || key.ends_with("mask_token") => Law::Normal(0.02),
        _ if key.contains("pos_embed") => Law::Table,
        _ if key.contains("norm") => Law::Constant(if is_bias { 0.0 } else { 1.0 }),
        // `nn.MultiheadAttention` has its own initialization.
        _ if key.ends_with("in_proj_weight") => Law::Uniform((6.0 / fans(shape)).sqrt()),
        _ if key.ends_with("in_proj_bias") || key.ends_with("out_proj.bias") => Law::Constant(0.0),
        // Modules that the reference leaves at PyTorch's defaults.
        _ if key.starts_with("a2v.") || key.starts_with("v2a.") || key.starts_with("mlp_") => {
            torch_default()
        }
        _ if key.starts_with("visual_encoder.patch_embedding.") => torch_default(),
        "audio_encoder.patch_embed.proj.bias" => torch_default(),
        _ if key.starts_with("visual_decoder.decoder_patch_embed.")
            && init == VisualDecoderInit::TorchDefault =>
        {
            torch_default()
        }
        _ if is_bias => Law::Constant(0.0),
        _ if key.starts_with("audio_encoder.transformer.") => {
            Law::Normal((2.0 / fans(shape)).sqrt())
        }
        _ => Law::Uniform((6.0 / fans(shape)).sqrt()),
    }
}

/// Checks mean, deviation, largest value and shape of a sample. Tolerances are five standard errors
/// or more, so a law of another width or kind fails where the tensor has enough values to tell.
fn check(key: &str, values: &[f32], law: Law) {
    let count = values.len() as f64;
    let moment =
        |power: i32| values.iter().map(|&value| f64::from(value).powi(power)).sum::<f64>() / count;
    let largest = values.iter().fold(0.0_f64, |max, &value| max.max(f64::from(value).abs()));
    // Kurtosis tells uniform (1.8), normal (3) and truncated normal (1.94) apart. Its variance, and
    // that of the mean square, follows from the moments of the law.
    let (std, kurtosis, spread, bound) = match law {
        Law::Table => return,
        Law::Constant(constant) => {
            assert!(values.iter().all(|&value| value == constant), "{key} is not {constant}");
            return;
        }
        Law::Uniform(bound) => (bound / 3.0_f64.sqrt(), 1.8, 4.0, Some(bound)),
        Law::Normal(std) => (std, 3.0, 12.0, None),
        // Variance and kurtosis of a normal distribution truncated at one standard deviation.
        Law::Truncated(std) => (std * 0.539_56, 1.941, 5.0, Some(std)),
    };
    let name = format!("{key} ({law:?}, {count} values)");
    let error = 5.0 / count.sqrt();
    assert!(moment(1).abs() <= std * error, "{name}: mean {}", moment(1));
    let ratio = moment(2) / (std * std);
    let allowed = error * (kurtosis - 1.0_f64).sqrt();
    assert!((ratio - 1.0).abs() <= allowed, "{name}: variance is {ratio} of the law's");
    let actual = moment(4) / moment(2).powi(2);
    if count >= 500.0 {
        assert!((actual - kurtosis).abs() <= error * spread, "{name}: kurtosis {actual}");
    }
    match bound {
        Some(bound) => {
            assert!(largest <= bound * 1.000_001, "{name}: {largest} exceeds {bound}");
            // A uniform sample of n values reaches 1 - 20 / n of its bound in all but e^-20 cases.
            if let Law::Uniform(_) = law {
                assert!(largest >= bound * (1.0 - 20.0 / count), "{name}: at most {largest}");
            }
        }
        None if count >= 500.0 => assert!(largest > 2.5 * std, "{name}: at most {largest}"),
        None => {}
    }
}

/// Checks all tensors of a network. Returns the laws by key.
fn check_all<M: Module<Flex>>(model: &M, init: VisualDecoderInit) -> BTreeMap<String, Law> {
    let keys = checkpoint::required_keys(model);
    let shapes: BTreeMap<&str, &[usize]> =
        keys.iter().map(|(key, shape)| (key.as_str(), shape.as_slice())).collect();
    let values = weights(model);
    let mut laws = BTreeMap::new();
    for (key, shape) in &keys {
        let weight = key.strip_suffix("bias").map(|module| format!("{module}weight"));
        let weight = weight.and_then(|key| shapes.get(key.as_str()).copied());
        let law = law(key, shape, weight, init);
        check(key, &values[key], law);
        laws.insert(key.clone(), law);
    }
    laws
}

fn pretrain(config: &AvffConfig) -> Pretrain<Flex> {
    Pretrain::new(config, &mut Init::seeded(11), &Default::default()).unwrap()
}

fn classifier(config: &AvffConfig) -> Classifier<Flex> {
    Classifier::new(config, &mut Init::seeded(11), &Default::default()).unwrap()
}

/// A network with enough values in each tensor, but few blocks.
fn small() -> AvffConfig {
    let mut config = micro();
    (config.encoder.dim, config.encoder.depth) = (96, 2);
    (config.decoder.dim, config.decoder.depth) = (48, 2);
    (config.audio.frames, config.video.height, config.video.width) = (256, 64, 64);
    config
}

#[test]
fn small_networks_are_initialized_as_the_reference() {
    let config = small();
    check_all(&pretrain(&config), config.visual_decoder_init);
    check_all(&classifier(&config), config.visual_decoder_init);
}

#[test]
fn visual_decoder_follows_the_option() {
    let key = "visual_decoder.decoder_patch_embed.weight";
    let bias = "visual_decoder.decoder_patch_embed.bias";
    let mut config = AvffConfig { visual_decoder_init: VisualDecoderInit::TorchDefault, ..small() };
    let laws = check_all(&pretrain(&config), config.visual_decoder_init);
    let bound = 1.0 / 96.0_f64.sqrt();
    assert_eq!([laws[key], laws[bias]], [Law::Uniform(bound); 2]);
    config.visual_decoder_init = VisualDecoderInit::Xavier;
    let laws = check_all(&pretrain(&config), config.visual_decoder_init);
    let bound = (6.0 / 144.0_f64).sqrt();
    assert_eq!([laws[key], laws[bias]], [Law::Uniform(bound), Law::Constant(0.0)]);
}

#[test]
fn own_heads_keep_the_defaults_of_pytorch() {
    for input in [HeadInput::Features, HeadInput::Pairs, HeadInput::Agreement] {
        let mut config = AvffConfig::avff_tiny();
        config.head.input = input;
        check_all(&classifier(&config), config.visual_decoder_init);
    }
    let config = AvffConfig::avff_tiny();
    check_all(&pretrain(&config), config.visual_decoder_init);
}

/// The released sizes with two blocks in each stack: every other tensor has its released shape.
#[test]
fn released_sizes_are_initialized_as_the_reference() {
    let mut config = AvffConfig::open_avff();
    (config.encoder.depth, config.decoder.depth) = (2, 1);
    let laws = check_all(&pretrain(&config), VisualDecoderInit::TorchDefault);
    let bound = 1.0 / 768.0_f64.sqrt();
    for key in ["weight", "bias"] {
        let key = format!("visual_decoder.decoder_patch_embed.{key}");
        assert_eq!(laws[&key], Law::Uniform(bound), "{key}");
    }
    check_all(&classifier(&config), VisualDecoderInit::TorchDefault);
}

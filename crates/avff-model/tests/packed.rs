//! Tests classifiers whose weights are packed or rounded for evaluation.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, missing_docs)]

use avff_model::{
    AvffConfig, Checkpoint, Classifier, FusionScope, Init, ModelError,
    checkpoint::{self, Kind, Metadata, Precision},
    config::FusionAttention,
};
use burn::{
    backend::Autodiff,
    module::Module,
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

fn model<B: Backend>() -> Classifier<B> {
    model_of(&small())
}

fn model_of<B: Backend>(config: &AvffConfig) -> Classifier<B> {
    Classifier::new(config, &mut Init::seeded(3), &Default::default()).unwrap()
}

fn inputs(batch: usize) -> (Tensor<Flex, 3>, Tensor<Flex, 5>) {
    let (normal, device) = (Distribution::Normal(0.0, 1.0), Default::default());
    Flex::seed(&device, 5);
    (
        Tensor::random([batch, 128, 128], normal, &device),
        Tensor::random([batch, 3, 16, 32, 32], normal, &device),
    )
}

fn logits(model: &Classifier<Flex>, audio: Tensor<Flex, 3>, video: Tensor<Flex, 5>) -> Vec<f32> {
    model.forward(audio, video, FusionScope::PerClip).into_data().to_vec().unwrap()
}

#[test]
fn packed_logits_match_plain_network() {
    let (audio, video) = inputs(2);
    for (attention, scope) in [
        (FusionAttention::Batch, FusionScope::PerClip),
        (FusionAttention::Tokens, FusionScope::PerClip),
        (FusionAttention::Batch, FusionScope::AcrossBatch),
    ] {
        let plain = model_of::<Flex>(&AvffConfig { fusion_attention: attention, ..small() });
        let packed = plain.clone().into_packed();
        let logits = |model: &Classifier<Flex>| -> Vec<f32> {
            model.forward(audio.clone(), video.clone(), scope).into_data().to_vec().unwrap()
        };
        for (actual, expected) in logits(&packed).iter().zip(&logits(&plain)) {
            // The sums have equal terms in an equal order, except for blocks of terms.
            assert!(
                (actual - expected).abs() < 2e-6,
                "{attention:?} {scope:?}: {actual}, {expected}"
            );
        }
    }
}

/// A network with offloaded weights gives equal logits and does not hold them in memory.
#[test]
fn offloaded_weights_give_equal_logits() {
    let folder = tempfile::tempdir().unwrap();
    let (audio, video) = inputs(1);
    let metadata = Metadata::new(Kind::Classifier, &small(), false);
    for (precision, is_f32) in [(Precision::F32, true), (Precision::F16, false)] {
        let path = folder.path().join("some.safetensors");
        checkpoint::save::<Flex, _>(&model::<Flex>(), &metadata, precision, &path).unwrap();
        let file = Checkpoint::open(&path).unwrap();
        let device = Default::default();
        let whole = file.classifier::<Flex>(&small(), &device).unwrap();
        let (model, source) = file.classifier_offloaded::<Flex>(&small(), &device).unwrap();
        // Products read f32 only, so f16 weights are loaded.
        assert_eq!(source.is_some(), is_f32);
        let in_memory = Checkpoint::from_bytes("some", std::fs::read(&path).unwrap()).unwrap();
        let (from_bytes, _) = in_memory.classifier_offloaded::<Flex>(&small(), &device).unwrap();
        let removed = whole.num_params() - model.num_params();
        let config = small().encoder;
        let block = 4 * config.dim * config.dim + 2 * config.dim * config.hidden();
        assert_eq!(removed, if is_f32 { 2 * config.depth * block } else { 0 });
        let [model, whole, from_bytes] = [model, whole, from_bytes].map(Classifier::into_packed);
        for _ in 0..2 {
            let expected = logits(&whole, audio.clone(), video.clone());
            assert_eq!(logits(&model, audio.clone(), video.clone()), expected);
            assert_eq!(logits(&from_bytes, audio.clone(), video.clone()), expected);
        }
        assert!(source.is_none_or(|source| source.take_error().is_none()));
    }
}

/// NaN in the input gives NaN logits in every form of the network.
#[test]
fn nan_inputs_give_nan_logits() {
    let device = Default::default();
    // Heads that see token means, and pairs.
    for config in [small(), AvffConfig::avff_tiny()] {
        let (a, v) = (&config.audio, &config.video);
        let audio = Tensor::<Flex, 3>::ones([1, a.frames, a.mels], &device);
        let video = Tensor::ones([1, v.channels, v.frames, v.height, v.width], &device);
        let broken = video.clone().slice_fill([0..1, 1..2, 3..4, 5..6, 7..8], f32::NAN);
        let silent = audio.clone().slice_fill([0..1, 5..6, 7..8], f32::NAN);
        let plain = Classifier::<Flex>::new(&config, &mut Init::seeded(3), &device).unwrap();
        let forms = [
            ("plain", plain.clone()),
            ("packed", plain.clone().into_packed()),
            ("int8", plain.clone().into_int8().unwrap()),
            ("bf16", plain.into_bf16().unwrap().into_packed()),
        ];
        for (form, model) in &forms {
            let logits = |audio: &Tensor<Flex, 3>, video: &Tensor<Flex, 5>| -> Vec<f32> {
                model
                    .forward(audio.clone(), video.clone(), FusionScope::PerClip)
                    .into_data()
                    .to_vec()
                    .unwrap()
            };
            assert!(logits(&audio, &video).iter().all(|x| x.is_finite()));
            for (audio, video) in [(&audio, &broken), (&silent, &video)] {
                let logits = logits(audio, video);
                assert!(logits.iter().all(|x| x.is_nan()), "{form}: {logits:?}");
            }
        }
    }
}

/// Unreadable weights give NaN, and the error is reported once.
#[test]
fn truncated_file_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.safetensors");
    let metadata = Metadata::new(Kind::Classifier, &small(), false);
    checkpoint::save::<Flex, _>(&model::<Flex>(), &metadata, Precision::F32, &path).unwrap();
    let file = Checkpoint::open(&path).unwrap();
    let (model, source) = file.classifier_offloaded::<Flex>(&small(), &Default::default()).unwrap();
    let (audio, video) = inputs(1);
    let length = std::fs::metadata(&path).unwrap().len();
    let cut = std::fs::File::options().write(true).open(&path).unwrap();
    cut.set_len(length / 2).unwrap();
    assert!(logits(&model, audio, video).iter().all(|logit| logit.is_nan()));
    let source = source.unwrap();
    assert!(matches!(source.take_error(), Some(ModelError::Io { .. })));
    assert!(source.take_error().is_none());
}

/// Packed weights replace the plain ones.
#[test]
fn packed_weights_replace_plain_weights() {
    let plain = model::<Flex>();
    let packed = plain.clone().into_packed();
    let config = small().encoder;
    let block = 4 * config.dim * config.dim + 2 * config.dim * config.hidden();
    let cross = 6 * config.dim * config.dim;
    let patches = config.dim * (small().audio_patch_len() + small().video_patch_len());
    let removed = 2 * config.depth * block + 2 * cross + patches;
    assert_eq!(plain.num_params() - packed.num_params(), removed);
    // Packing again changes nothing.
    assert_eq!(packed.clone().into_packed().num_params(), packed.num_params());
}

#[test]
fn logits_do_not_depend_on_batch() {
    let packed = model::<Flex>().into_packed();
    let (audio, video) = inputs(3);
    let together = logits(&packed, audio.clone(), video.clone());
    for clip in 0..3 {
        let alone =
            logits(&packed, audio.clone().narrow(0, clip, 1), video.clone().narrow(0, clip, 1));
        // The head's products are not packed and may sum in another order in a batch.
        for (alone, together) in alone.iter().zip(&together[2 * clip..]) {
            assert!((alone - together).abs() < 1e-6, "{alone}, {together}");
        }
    }
}

#[test]
fn prepared_networks_cannot_be_saved_or_rounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packed.safetensors");
    let metadata = Metadata::new(Kind::Classifier, &small(), false);
    let packed = model::<Flex>().into_packed();
    let rounded = [model::<Flex>().into_int8().unwrap(), model::<Flex>().into_bf16().unwrap()];
    for model in [&packed, &rounded[0], &rounded[1]] {
        let saved = checkpoint::save::<Flex, _>(model, &metadata, Precision::F32, &path);
        assert!(matches!(saved, Err(ModelError::Prepared)));
        assert!(!path.exists());
    }
    assert!(matches!(packed.clone().into_int8(), Err(ModelError::Prepared)));
    assert!(matches!(packed.into_bf16(), Err(ModelError::Prepared)));
}

/// Without a kernel, packing changes nothing.
#[test]
fn other_backends_are_not_packed() {
    let model = model::<Autodiff<Flex>>();
    let before = model.num_params();
    assert_eq!(model.into_packed().num_params(), before);
}

#[test]
fn rounded_tokens_are_close_to_f32() {
    let model = model::<Flex>();
    let (audio, video) = inputs(2);
    let embed =
        |model: &Classifier<Flex>| model.embed(audio.clone(), video.clone(), FusionScope::PerClip);
    let exact = embed(&model);
    for (name, rounded) in [
        ("int8", model.clone().into_int8()),
        ("bf16", model.clone().into_bf16()),
        // The form that scoring uses.
        ("bf16, packed", model.clone().into_bf16().map(Classifier::into_packed)),
    ] {
        let rounded_tokens = embed(&rounded.unwrap());
        let pairs = [
            (exact.audio.clone(), rounded_tokens.audio),
            (exact.video.clone(), rounded_tokens.video),
        ];
        for (exact, rounded_tokens) in pairs {
            // Tokens are normalized to unit variance.
            let error = (exact - rounded_tokens).powi_scalar(2).mean().sqrt().into_scalar();
            assert!(error > 1e-5 && error < 0.03, "{name}: {error}");
        }
    }
}

#[test]
fn other_backends_cannot_round() {
    let model = model::<Autodiff<Flex>>();
    for rounded in [model.clone().into_int8(), model.into_bf16()] {
        assert!(matches!(rounded, Err(ModelError::CpuOnly { .. })));
    }
}

//! A classifier whose weights are packed, or rounded, for evaluation.
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
fn logits_are_those_of_the_plain_network() {
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
        for (got, want) in logits(&packed).iter().zip(&logits(&plain)) {
            // Sums of the same numbers in the same order but for blocks of them.
            assert!((got - want).abs() < 2e-6, "{attention:?} {scope:?}: {got}, {want}");
        }
    }
}

/// A network whose blocks' weights stay in the file is the same, and has them nowhere else.
#[test]
fn weights_in_their_file_give_the_same_logits() {
    let folder = tempfile::tempdir().unwrap();
    let (audio, video) = inputs(1);
    let metadata = Metadata::new(Kind::Classifier, &small(), false);
    for (precision, left) in [(Precision::F32, true), (Precision::F16, false)] {
        let path = folder.path().join("some.safetensors");
        checkpoint::save::<Flex, _>(&model::<Flex>(), &metadata, precision, &path).unwrap();
        let file = Checkpoint::open(&path).unwrap();
        let device = Default::default();
        let whole = file.classifier::<Flex>(&small(), &device).unwrap();
        let (model, source) = file.classifier_in_file::<Flex>(&small(), &device).unwrap();
        // f16 is not what products read.
        assert_eq!(source.is_some(), left);
        let in_memory = Checkpoint::from_bytes("some", std::fs::read(&path).unwrap()).unwrap();
        let (from_bytes, _) = in_memory.classifier_in_file::<Flex>(&small(), &device).unwrap();
        let gone = whole.num_params() - model.num_params();
        let config = small().encoder;
        let block = 4 * config.dim * config.dim + 2 * config.dim * config.hidden();
        assert_eq!(gone, if left { 2 * config.depth * block } else { 0 });
        let [model, whole, from_bytes] = [model, whole, from_bytes].map(Classifier::into_packed);
        for _ in 0..2 {
            let want = logits(&whole, audio.clone(), video.clone());
            assert_eq!(logits(&model, audio.clone(), video.clone()), want);
            assert_eq!(logits(&from_bytes, audio.clone(), video.clone()), want);
        }
        assert!(source.is_none_or(|source| source.fault().is_none()));
    }
}

/// What no number can be made of makes no score, whatever computes it.
#[test]
fn what_is_no_number_stays_none() {
    let device = Default::default();
    // Heads that see means, and pairs.
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

/// What cannot be read is no number and told, once.
#[test]
fn a_file_that_is_cut_short_meanwhile_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.safetensors");
    let metadata = Metadata::new(Kind::Classifier, &small(), false);
    checkpoint::save::<Flex, _>(&model::<Flex>(), &metadata, Precision::F32, &path).unwrap();
    let file = Checkpoint::open(&path).unwrap();
    let (model, source) = file.classifier_in_file::<Flex>(&small(), &Default::default()).unwrap();
    let (audio, video) = inputs(1);
    let length = std::fs::metadata(&path).unwrap().len();
    let cut = std::fs::File::options().write(true).open(&path).unwrap();
    cut.set_len(length / 2).unwrap();
    assert!(logits(&model, audio, video).iter().all(|logit| logit.is_nan()));
    let source = source.unwrap();
    assert!(matches!(source.fault(), Some(ModelError::Io { .. })));
    assert!(source.fault().is_none());
}

/// The packed weights are in the place of the plain ones, not beside them.
#[test]
fn weights_are_held_once() {
    let plain = model::<Flex>();
    let packed = plain.clone().into_packed();
    let config = small().encoder;
    let block = 4 * config.dim * config.dim + 2 * config.dim * config.hidden();
    let cross = 6 * config.dim * config.dim;
    let patches = config.dim * (small().audio_patch_len() + small().video_patch_len());
    let gone = 2 * config.depth * block + 2 * cross + patches;
    assert_eq!(plain.num_params() - packed.num_params(), gone);
    // And a second time there is nothing to do.
    assert_eq!(packed.clone().into_packed().num_params(), packed.num_params());
}

#[test]
fn a_clips_logits_do_not_depend_on_its_neighbours() {
    let packed = model::<Flex>().into_packed();
    let (audio, video) = inputs(3);
    let together = logits(&packed, audio.clone(), video.clone());
    for clip in 0..3 {
        let alone =
            logits(&packed, audio.clone().narrow(0, clip, 1), video.clone().narrow(0, clip, 1));
        // The head's products are not packed, and may sum in another order in a batch.
        for (alone, together) in alone.iter().zip(&together[2 * clip..]) {
            assert!((alone - together).abs() < 1e-6, "{alone}, {together}");
        }
    }
}

#[test]
fn such_a_network_is_not_saved_and_not_rounded() {
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

/// Where there is no kernel, nothing changes.
#[test]
fn other_backends_stay_as_they_are() {
    let model = model::<Autodiff<Flex>>();
    let before = model.num_params();
    assert_eq!(model.into_packed().num_params(), before);
}

#[test]
fn rounded_tokens_stay_near_those_of_f32() {
    let model = model::<Flex>();
    let (audio, video) = inputs(2);
    let embed =
        |model: &Classifier<Flex>| model.embed(audio.clone(), video.clone(), FusionScope::PerClip);
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
fn other_backends_round_nothing() {
    let model = model::<Autodiff<Flex>>();
    for rounded in [model.clone().into_int8(), model.into_bf16()] {
        assert!(matches!(rounded, Err(ModelError::CpuOnly { .. })));
    }
}

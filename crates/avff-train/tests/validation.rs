//! Tests the validation of stage 3: each clip by itself, or across the batch as the reference does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    dead_code
)]

#[path = "../../avff-model/tests/support/mod.rs"]
mod support;

use avff_data::{Clip, ClipSpec};
use avff_model::{Classifier, FusionScope};
use avff_train::{
    distributed::SingleProcess,
    learner::{
        Finetune, FinetuneConfig, FinetuneLoss, LabeledClips, Learner, Replica, StepContext,
    },
};
use burn::{backend::Autodiff, module::AutodiffModule, tensor::Tensor};
use burn_flex::Flex;
use serde_json::Value;
use support::{formula, golden};

type B = Autodiff<Flex>;

/// Returns the validation loss of the clips, in batches of `batch` and parts of `micro_batch`.
fn loss(
    model: &Classifier<Flex>,
    config: &avff_model::AvffConfig,
    scope: FusionScope,
    [batch, micro_batch]: [usize; 2],
) -> f64 {
    let learner = Finetune::new(FinetuneConfig::default(), config).validating(scope);
    let mut peers = SingleProcess;
    let mut context = StepContext::<B> {
        seed: 1,
        step: 0,
        micro_batch,
        precision: None,
        loss_scale: 1.0,
        spec: &ClipSpec::open_avff(),
        device: &Default::default(),
        peers: &mut peers,
        replica: Replica::WHOLE,
    };
    let (audio, video) = (formula::audio(3), formula::video(3));
    let clips = audio.chunks(audio.len() / 3).zip(video.chunks(video.len() / 3));
    let clips: Vec<Clip> =
        clips.map(|(audio, video)| Clip { audio: audio.into(), video: video.into() }).collect();
    let mut accumulator = Default::default();
    for (index, part) in clips.chunks(batch).enumerate() {
        let first = index * batch;
        let targets = [1.0, 0.0, 1.0][first..first + part.len()].to_vec();
        let batch = LabeledClips { clips: part.to_vec(), targets };
        Learner::<B>::evaluate(
            &learner,
            model,
            &batch,
            first as u64,
            &mut context,
            &mut accumulator,
        )
        .unwrap();
    }
    let values = Learner::<B>::finish(&learner, accumulator, &mut SingleProcess).unwrap();
    values.iter().find(|(name, _)| *name == "loss").unwrap().1
}

#[test]
fn only_validation_across_the_batch_depends_on_the_batch() {
    let golden: Value =
        serde_json::from_str(include_str!("../../avff-model/tests/fixtures/model_tiny.json"))
            .unwrap();
    let golden = &golden["classifier_tiny"];
    let (config, model) = golden::classifier::<B>(golden, "batch", &Default::default());
    let model = model.valid();
    let loss = |scope, sizes| loss(&model, &config, scope, sizes);
    let (alone, across) = (FusionScope::PerClip, FusionScope::AcrossBatch);
    let each = loss(alone, [1, 1]);
    assert!((loss(alone, [3, 3]) - each).abs() < 1e-6);
    // A clip that is alone in its batch attends to itself only.
    assert!((loss(across, [1, 1]) - each).abs() < 1e-6);
    let together = loss(across, [3, 3]);
    assert!((together - each).abs() > 1e-5, "{together} {each}");
    // Clips attend within their forward pass.
    assert!((loss(across, [3, 1]) - each).abs() < 1e-6);

    let device = Default::default();
    let (audio, video) = golden::inputs::<Flex>(3, &device);
    let logits = model.forward(audio, video, across);
    let targets = Tensor::from_data([[1.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0]], &device);
    let expected: f64 = FinetuneLoss::Bce.of(logits, targets).into_scalar().into();
    assert!((together - expected).abs() < 1e-6, "{together} {expected}");
}

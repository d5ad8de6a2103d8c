//! Compares the learners with PyTorch: the losses of some steps of each stage.
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
use avff_model::AvffConfig;
use avff_train::{
    distributed::SingleProcess,
    gradients::Gradients,
    learner::{
        Finetune, FinetuneConfig, LabeledClips, Learner, PretrainLearner, Replica, Step,
        StepContext,
    },
    optim::{Group, Optimizer, OptimizerConfig},
    params,
};
use burn::backend::Autodiff;
use burn_flex::Flex;
use serde_json::Value;
use support::{
    compare::{GRADIENT, Report, numbers},
    formula, golden,
};

type B = Autodiff<Flex>;

fn tiny() -> Value {
    serde_json::from_str(include_str!("../../avff-model/tests/fixtures/model_tiny.json")).unwrap()
}

fn clips(count: usize, targets: Vec<f32>) -> LabeledClips {
    let (audio, video) = (formula::audio(count), formula::video(count));
    let clips = audio.chunks(audio.len() / count).zip(video.chunks(video.len() / count));
    let clips = clips.map(|(audio, video)| Clip { audio: audio.into(), video: video.into() });
    LabeledClips { clips: clips.collect(), targets }
}

/// Takes one step of a learner, with parts of `micro_batch` clips.
fn step<L: Learner<B>>(
    learner: &mut L,
    model: &L::Model,
    batch: &LabeledClips,
    step: u64,
    micro_batch: usize,
) -> Step<Flex> {
    let mut peers = SingleProcess;
    let mut context = StepContext {
        seed: 1,
        step,
        micro_batch,
        precision: None,
        loss_scale: 1.0,
        spec: &ClipSpec::open_avff(),
        device: &Default::default(),
        peers: &mut peers,
        replica: Replica::WHOLE,
    };
    learner.step(model, batch, &mut context).unwrap()
}

fn recipe(lr: f64) -> OptimizerConfig {
    OptimizerConfig { betas: [0.95, 0.999], weight_decay: 5e-7, ..OptimizerConfig::adam(lr) }
}

#[test]
fn fine_tuning_matches_pytorch() {
    for section in ["batch", "tokens"] {
        let golden = &tiny()["classifier_tiny"];
        let (config, mut model) = golden::classifier::<B>(golden, section, &Default::default());
        let golden = &golden[section]["finetune"];
        let lr = golden["lr"].as_f64().unwrap();
        let head = golden["head_group_prefixes"].as_array().unwrap();
        let mut optimizer = recipe(lr);
        optimizer.groups = vec![Group {
            keys: head.iter().map(|key| key.as_str().unwrap().into()).collect(),
            lr_factor: golden["head_lr"].as_f64().unwrap() / lr,
            weight_decay: None,
        }];
        let mut optimizer = Optimizer::new(&optimizer, params::list(&model)).unwrap();
        let targets = numbers(&golden["labels"]).iter().step_by(2).map(|&t| t as f32).collect();
        let batch = clips(3, targets);
        let mut learner = Finetune::new(FinetuneConfig::default(), &config);
        let mut report = Report::default();
        for (number, expected) in numbers(&golden["loss_by_step"]).into_iter().enumerate() {
            let result = step(&mut learner, &model, &batch, number as u64, usize::MAX);
            report.check(&format!("loss {number}"), result.values[0].1, expected, GRADIENT);
            model = optimizer.step::<B, _>(lr, model, result.gradients);
        }
        report.finish(&format!("fine-tuning, {section}"));
    }
}

#[test]
fn pretraining_matches_pytorch() {
    for section in ["batch", "tokens"] {
        let golden = &tiny()["pretrain_tiny"];
        let hidden: Vec<usize> =
            numbers(&golden["audio_masked_slices"]).iter().map(|&n| n as usize).collect();
        let (config, mut model) = golden::pretrain::<B>(golden, section, &Default::default());
        let golden = &golden[section]["train"];
        let lr = golden["lr"].as_f64().unwrap();
        let mut optimizer = Optimizer::new(&recipe(lr), params::list(&model)).unwrap();
        let learner = PretrainLearner::new(&config, None, 1, &Default::default()).unwrap();
        let mut learner = learner.with_mask(&hidden).unwrap();
        let batch = clips(3, Vec::new());
        let mut report = Report::default();
        for (number, expected) in golden["by_step"].as_array().unwrap().iter().enumerate() {
            let result = step(&mut learner, &model, &batch, number as u64, usize::MAX);
            let expected = numbers(expected);
            // The golden columns in the learner's order.
            for ((name, value), column) in result.values.iter().zip([0, 3, 4, 1, 2]) {
                report.check(&format!("{name} {number}"), *value, expected[column], GRADIENT);
            }
            model = optimizer.step::<B, _>(lr, model, result.gradients);
        }
        report.finish(&format!("pre-training, {section}"));
    }
}

fn distance(a: &Gradients<Flex>, b: &Gradients<Flex>) -> f64 {
    let mut worst = 0.0_f64;
    for (a, b) in a.0.iter().zip(&b.0) {
        assert_eq!(a.is_some(), b.is_some());
        let (Some(a), Some(b)) = (a, b) else { continue };
        let (a, b) = (a.to_data(), b.to_data());
        let pairs = a.iter::<f64>().zip(b.iter::<f64>());
        worst = pairs.fold(worst, |worst, (a, b)| worst.max((a - b).abs()));
    }
    worst
}

/// Returns small configs whose clips do not interact, and eight clips.
fn small() -> (AvffConfig, ClipSpec, LabeledClips) {
    let mut config = AvffConfig::avff();
    (config.audio.frames, config.audio.mels) = (128, 32);
    (config.video.height, config.video.width) = (32, 32);
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
    (config.head.hidden, config.head.dropout) = (16, 0.3);
    // A weight that makes the contrastive loss visible in the gradients.
    config.loss.contrastive = 1.0;
    let mut spec = ClipSpec::open_avff();
    (spec.audio.frames, spec.audio.mels) = (128, 32);
    (spec.video.height, spec.video.width) = (32, 32);
    let clip = |number: usize| Clip {
        audio: formula::stream(&format!("audio {number}"), spec.audio.values()),
        video: formula::stream(&format!("video {number}"), spec.video.values()),
    };
    let targets = (0..8).map(|number| f32::from(u8::from(number % 3 == 0))).collect();
    let clips = LabeledClips { clips: (0..8).map(clip).collect(), targets };
    (config, spec, clips)
}

/// Four parts of two clips give the gradients of eight clips at once, including the contrastive
/// loss over all eight, with and without rolled audio.
#[test]
fn accumulated_gradients_match_the_batch() {
    let (mut config, spec, batch) = small();
    compare_accumulated(&config, &spec, &batch);
    config.loss.rolled = 2;
    compare_accumulated(&config, &spec, &batch);
}

fn compare_accumulated(config: &AvffConfig, spec: &ClipSpec, batch: &LabeledClips) {
    let device = Default::default();
    let mut peers = SingleProcess;
    let mut both = |micro_batch: usize| {
        let mut context = StepContext::<B> {
            seed: 5,
            step: 3,
            micro_batch,
            precision: None,
            loss_scale: 1.0,
            spec,
            device: &device,
            peers: &mut peers,
            replica: Replica::WHOLE,
        };
        let mut init = avff_model::Init::seeded(4);
        let model = avff_model::Pretrain::<B>::new(config, &mut init, &device).unwrap();
        let mut learner = PretrainLearner::new(config, None, 1, &device).unwrap();
        let pretrain = learner.step(&model, batch, &mut context).unwrap();
        let model = avff_model::Classifier::<B>::new(config, &mut init, &device).unwrap();
        let mut learner = Finetune::new(FinetuneConfig::default(), config);
        (pretrain, learner.step(&model, batch, &mut context).unwrap())
    };
    let (whole, parts) = (both(8), both(2));
    for (whole, parts) in [(whole.0, parts.0), (whole.1, parts.1)] {
        let error = distance(&whole.gradients, &parts.gradients);
        println!("largest gradient difference: {error:.1e}");
        assert!(error < 1e-5, "{error}");
        assert!(
            whole.gradients.norm() > 1e-2,
            "{} is too small to compare",
            whole.gradients.norm()
        );
        for ((name, whole), (_, parts)) in whole.values.iter().zip(&parts.values) {
            assert!((whole - parts).abs() < 1e-5, "{name}: {whole} and {parts}");
        }
    }
}

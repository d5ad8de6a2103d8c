//! Checks against the golden values in `model_tiny.json` and `stage2_micro.json`, generic over the
//! backend.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use avff_model::{
    AvffConfig, Checkpoint, Classifier, FusionScope, Init, Mask, Pretrain, checkpoint,
    config::FusionAttention,
};
use burn::{
    module::{AutodiffModule, Module, ModuleVisitor, Param, ParamId},
    optim::{
        Adam, AdamConfig, GradientsParams, Optimizer, adaptor::OptimizerAdaptor,
        decay::WeightDecayConfig,
    },
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use serde_json::{Value, json};

use super::{
    compare::{Report, Tolerance},
    formula, torch_file,
};

/// Tolerances of one backend.
#[derive(Debug, Clone, Copy)]
pub struct Tolerances {
    pub value: Tolerance,
    pub gradient: Tolerance,
    pub trajectory: Tolerance,
}

/// Returns the fusion attention of a golden section.
fn fusion(section: &str) -> FusionAttention {
    match section {
        "batch" => FusionAttention::Batch,
        _ => FusionAttention::Tokens,
    }
}

fn config(golden: &Value, section: &str) -> AvffConfig {
    let size = |name: &str| golden["config"][name].as_u64().map(|n| n as usize);
    let mut config = AvffConfig::open_avff();
    config.encoder.dim = size("embed_dim").unwrap();
    config.encoder.depth = size("depth").unwrap();
    config.encoder.heads = size("num_heads").unwrap();
    if let Some(dim) = size("decoder_embed_dim") {
        config.decoder.dim = dim;
        config.decoder.depth = size("decoder_depth").unwrap();
        config.decoder.heads = size("decoder_num_heads").unwrap();
    }
    config.head.dropout = 0.0;
    config.fusion_attention = fusion(section);
    config
}

pub fn inputs<B: Backend>(batch: usize, device: &B::Device) -> (Tensor<B, 3>, Tensor<B, 5>) {
    (
        Tensor::from_data(TensorData::new(formula::audio(batch), [batch, 1024, 128]), device),
        Tensor::from_data(TensorData::new(formula::video(batch), [batch, 3, 16, 224, 224]), device),
    )
}

pub fn to_vec<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn scalar<B: Backend>(tensor: &Tensor<B, 1>) -> f64 {
    tensor.clone().into_data().iter::<f64>().next().unwrap()
}

/// Writes formula weights as `torch.save` does.
pub fn write_checkpoint<B: Backend, M: Module<B>>(path: &Path, model: &M, config: &AvffConfig) {
    let keys = checkpoint::required_keys(model);
    torch_file::write(path, &keys, |key, shape| formula::weight(key, shape, config));
}

/// Returns the settings that a user gives for a bare `.pth` without 64 features per head.
fn overrides(config: &AvffConfig) -> Value {
    json!({
        "encoder": { "heads": config.encoder.heads },
        "decoder": { "heads": config.decoder.heads },
        "head": { "dropout": 0.0 },
        "fusion_attention": config.fusion_attention,
    })
}

pub fn classifier<B: Backend>(
    golden: &Value,
    section: &str,
    device: &B::Device,
) -> (AvffConfig, Classifier<B>) {
    let config = config(golden, section);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stage3.pth");
    write_checkpoint(
        &path,
        &Classifier::<B>::new(&config, &mut Init::blank(), device).unwrap(),
        &config,
    );
    let file = Checkpoint::open(&path).unwrap();
    let actual = file.config(Some(&overrides(&config))).unwrap();
    let decoder = config.decoder.clone();
    assert_eq!(AvffConfig { decoder, ..actual.clone() }, config);
    (config, file.classifier(&actual, device).unwrap())
}

pub fn pretrain<B: Backend>(
    golden: &Value,
    section: &str,
    device: &B::Device,
) -> (AvffConfig, Pretrain<B>) {
    let config = config(golden, section);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stage2.pth");
    write_checkpoint(
        &path,
        &Pretrain::<B>::new(&config, &mut Init::blank(), device).unwrap(),
        &config,
    );
    let file = Checkpoint::open(&path).unwrap();
    let actual = file.config(Some(&overrides(&config))).unwrap();
    let head = config.head.clone();
    assert_eq!(AvffConfig { head, ..actual.clone() }, config);
    (config, file.pretrain(&actual, device).unwrap())
}

/// Checks the embeddings and logits of `batch` clips.
pub fn check_classifier<B: Backend>(
    golden: &Value,
    batch: usize,
    value: Tolerance,
    device: &B::Device,
) {
    check_classifier_after(golden, batch, value, device, |model: Classifier<B>| model);
}

/// Checks a network after `prepare`, which must not change its results.
pub fn check_classifier_after<B: Backend>(
    golden: &Value,
    batch: usize,
    value: Tolerance,
    device: &B::Device,
    prepare: impl Fn(Classifier<B>) -> Classifier<B>,
) {
    for section in ["batch", "tokens"] {
        let (config, model) = classifier::<B>(golden, section, device);
        let model = prepare(model);
        let golden = &golden[section];
        let (audio, video) = inputs::<B>(batch, device);
        let scope = FusionScope::training(config.fusion_attention);
        let embeddings = model.embed(audio.clone(), video.clone(), scope);
        let mut report = Report::default();
        report.probe(
            "audio_encoder",
            &to_vec(embeddings.audio.clone()),
            &golden["audio_encoder"],
            value,
        );
        report.probe(
            "visual_encoder",
            &to_vec(embeddings.video.clone()),
            &golden["visual_encoder"],
            value,
        );
        report.probe("a2v", &to_vec(embeddings.a2v.clone()), &golden["a2v"], value);
        report.probe("v2a", &to_vec(embeddings.v2a.clone()), &golden["v2a"], value);
        report.list("logits", &to_vec(model.classify(embeddings)), &golden["logits"], value);
        // In evaluation, a clip of a batch gets the logits that it gets alone.
        let alone = model.forward(audio, video, FusionScope::PerClip);
        report.list("logits alone", &to_vec(alone), &golden["logits_one_clip_at_a_time"], value);
        report.finish(&format!("classifier, {section}"));
    }
}

/// Binary cross entropy with logits over both outputs.
fn bce<B: Backend>(logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
    let softplus = (logits.clone().abs().neg().exp() + 1.0).log();
    (logits.clone().clamp_min(0.0) - logits * targets + softplus).mean()
}

/// Serializes autodiff: in Burn 0.21 it can lose gradients if several threads record at once.
static RECORDING: Mutex<()> = Mutex::new(());

fn recording() -> MutexGuard<'static, ()> {
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks gradient norms of the first step and losses of all steps with Adam and two parameter
/// groups.
pub fn check_finetune<B: AutodiffBackend>(golden: &Value, t: Tolerances, device: &B::Device) {
    let _recording = recording();
    for section in ["batch", "tokens"] {
        let (config, mut model) = classifier::<B>(golden, section, device);
        let golden = &golden[section];
        let recipe = &golden["finetune"];
        let (audio, video) = inputs::<B>(3, device);
        let labels = super::compare::numbers(&recipe["labels"]);
        let labels: Vec<f32> = labels.iter().map(|&l| l as f32).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [3, 2]), device);
        let head: Vec<&str> = recipe["head_group_prefixes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_str().unwrap())
            .collect();
        let (mut body_adam, mut head_adam) = (adam(), adam());
        let mut report = Report::default();
        for (step, expected) in recipe["loss_by_step"].as_array().unwrap().iter().enumerate() {
            let scope = FusionScope::training(config.fusion_attention);
            let loss = bce(model.forward(audio.clone(), video.clone(), scope), labels.clone());
            report.check(
                &format!("loss {step}"),
                scalar(&loss),
                expected.as_f64().unwrap(),
                t.trajectory,
            );
            let mut gradients = loss.backward();
            if step == 0 {
                let actual = gradient_norms::<B, _>(&model, &gradients);
                check_norms(&mut report, &actual, &golden["grad_norm_step0"], t.gradient);
            }
            let (in_head, in_body) = split::<B, _>(&model, &head);
            let grads = GradientsParams::from_params::<B, _>(&mut gradients, &model, &in_body);
            model = body_adam.step(recipe["lr"].as_f64().unwrap(), model, grads);
            let grads = GradientsParams::from_params::<B, _>(&mut gradients, &model, &in_head);
            model = head_adam.step(recipe["head_lr"].as_f64().unwrap(), model, grads);
        }
        report.finish(&format!("fine-tuning, {section}"));
    }
}

/// Checks losses, reconstructions, gradient norms and a trajectory of the pre-training model.
pub fn check_pretrain<B: AutodiffBackend>(
    golden: &Value,
    batch: usize,
    t: Tolerances,
    device: &B::Device,
) {
    let _recording = recording();
    let hidden: Vec<usize> = super::compare::numbers(&golden["audio_masked_slices"])
        .iter()
        .map(|&n| n as usize)
        .collect();
    let mask = Mask::shared(8, &hidden, batch).unwrap();
    for section in ["batch", "tokens"] {
        let (config, mut model) = pretrain::<B>(golden, section, device);
        let golden = &golden[section];
        let (audio, video) = inputs::<B>(batch, device);
        let mut report = Report::default();
        let mut optimizer = adam();
        let steps = golden["train"]["by_step"].as_array();
        for step in 0..steps.map_or(1, Vec::len) {
            let out = model.forward(audio.clone(), video.clone(), &mask).unwrap();
            let row = [
                &out.total,
                &out.contrastive,
                &out.retrieval_accuracy,
                &out.audio_loss,
                &out.video_loss,
            ]
            .map(scalar);
            if let Some(steps) = steps {
                for (i, (value, expected)) in
                    row.iter().zip(super::compare::numbers(&steps[step])).enumerate()
                {
                    report.check(
                        &format!("step {step} column {i}"),
                        *value,
                        expected,
                        t.trajectory,
                    );
                }
            }
            if step == 0 {
                let names =
                    ["total", "contrastive", "contrastive_accuracy", "recon_audio", "recon_video"];
                for (name, value) in names.iter().zip(row) {
                    report.check(name, value, golden[name].as_f64().unwrap(), t.value);
                }
                let spectrogram =
                    avff_model::layers::AudioPatches::new(&config).join(out.audio_patches.clone());
                report.probe("audio_recon", &to_vec(spectrogram), &golden["audio_recon"], t.value);
                let frames =
                    avff_model::layers::VideoPatches::new(&config).join(out.video_patches.clone());
                report.probe("video_recon", &to_vec(frames), &golden["video_recon"], t.value);
            }
            let gradients = out.total.backward();
            if step == 0 {
                let actual = gradient_norms::<B, _>(&model, &gradients);
                check_norms(&mut report, &actual, &golden["grad_norm"], t.gradient);
            }
            let grads = GradientsParams::from_grads(gradients, &model);
            model = optimizer.step(1e-4, model, grads);
        }
        report.finish(&format!("pre-training, {section}"));
    }
}

/// Checks losses without target normalization.
pub fn check_plain_targets<B: Backend>(
    golden: &Value,
    batch: usize,
    value: Tolerance,
    device: &B::Device,
) {
    let hidden: Vec<usize> = super::compare::numbers(&golden["audio_masked_slices"])
        .iter()
        .map(|&n| n as usize)
        .collect();
    let mask = Mask::shared(8, &hidden, batch).unwrap();
    for section in ["batch", "tokens"] {
        let mut config = config(golden, section);
        config.reconstruction.target_norm = avff_model::config::TargetNorm::None;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stage2.pth");
        write_checkpoint(
            &path,
            &Pretrain::<B>::new(&config, &mut Init::blank(), device).unwrap(),
            &config,
        );
        let model: Pretrain<B> =
            Checkpoint::open(&path).unwrap().pretrain(&config, device).unwrap();
        let (audio, video) = inputs::<B>(batch, device);
        let out = model.forward(audio, video, &mask).unwrap();
        let mut report = Report::default();
        let losses = [scalar(&out.audio_loss) as f32, scalar(&out.video_loss) as f32];
        report.list(
            "recon_without_norm_pix",
            &losses,
            &golden[section]["recon_without_norm_pix"],
            value,
        );
        report.finish(&format!("plain targets, {section}"));
    }
}

fn adam<B: AutodiffBackend, M: AutodiffModule<B>>() -> OptimizerAdaptor<Adam, M, B> {
    AdamConfig::new()
        .with_beta_1(0.95)
        .with_beta_2(0.999)
        .with_epsilon(1e-8)
        .with_weight_decay(Some(WeightDecayConfig::new(5e-7)))
        .init()
}

fn check_norms(
    report: &mut Report,
    actual: &BTreeMap<String, f64>,
    golden: &Value,
    tolerance: Tolerance,
) {
    let expected = golden.as_object().unwrap();
    let names: Vec<&String> = expected.keys().collect();
    assert_eq!(
        actual.keys().collect::<std::collections::BTreeSet<_>>(),
        names.into_iter().collect()
    );
    for (key, norm) in actual {
        report.check(
            &format!("gradient of {key}"),
            *norm,
            expected[key].as_f64().unwrap(),
            tolerance,
        );
    }
}

/// Returns the norm of every parameter's gradient, by checkpoint key.
fn gradient_norms<B: AutodiffBackend, M: Module<B>>(
    model: &M,
    gradients: &B::Gradients,
) -> BTreeMap<String, f64> {
    struct Norms<'a, B: AutodiffBackend> {
        gradients: &'a B::Gradients,
        norms: Vec<Option<f64>>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Norms<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.norms.push(param.val().grad(self.gradients).map(|gradient| {
                gradient.into_data().iter::<f64>().map(|g| g * g).sum::<f64>().sqrt()
            }));
        }
    }
    let mut visitor = Norms::<B> { gradients, norms: Vec::new() };
    model.visit(&mut visitor);
    let keys = checkpoint::required_keys(model);
    keys.into_iter().zip(visitor.norms).filter_map(|((key, _), norm)| Some((key, norm?))).collect()
}

/// Returns the ids of the parameters whose keys start with a prefix, and of all others.
fn split<B: Backend, M: Module<B>>(model: &M, prefixes: &[&str]) -> (Vec<ParamId>, Vec<ParamId>) {
    struct Ids(Vec<ParamId>);
    impl<B: Backend> ModuleVisitor<B> for Ids {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push(param.id);
        }
    }
    let mut ids = Ids(Vec::new());
    model.visit(&mut ids);
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for ((key, _), id) in checkpoint::required_keys(model).iter().zip(ids.0) {
        let group =
            if prefixes.iter().any(|p| key.starts_with(p)) { &mut inside } else { &mut outside };
        group.push(id);
    }
    (inside, outside)
}

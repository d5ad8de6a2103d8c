//! Start weights: what is taken from a file computes what its source computes.
//!
//! The sources are stated here by themselves, in plain operations, from the shapes and forward passes of
//! MARLIN (`marlin_pytorch/model`), AudioMAE (`models_mae.py`) and CAV-MAE (`models/cav_mae.py`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    dead_code
)]

mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use avff_model::{
    AvffConfig, Init, ModelError, Pretrain,
    config::AudioSlices,
    initialize::{Architecture, Conversion, Modality, Normalization, PublishedEncoder, Report},
};
use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, activation::softmax},
};
use burn_flex::Flex;
use support::{formula, torch_file};
use tempfile::TempDir;

const DIM: usize = 24;
const HEADS: usize = 3;
const DEPTH: usize = 2;

type Shapes = Vec<(String, Vec<usize>)>;

/// 4 x 8 audio tokens, 8 x 2 x 2 visual ones.
fn config(slices: AudioSlices) -> AvffConfig {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (DIM, DEPTH, HEADS);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
    (config.audio.frames, config.slices, config.audio_slices) = (64, 4, slices);
    (config.video.height, config.video.width) = (32, 32);
    config
}

/// Weights of about unit gain, LayerNorms about 1, biases worth seeing. Queries see every direction: what
/// they hardly see cannot be folded, which unit tests look at.
fn value(key: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let norm = key.contains("norm") && key.ends_with("weight");
    let (scale, offset) = match shape {
        [_] if norm => (0.3, 1.0),
        [_] => (0.4, 0.0),
        _ if key.contains("pos_emb") || key.contains("modality") => (0.5, 0.0),
        _ => ((3.0 / shape[1..].iter().product::<usize>() as f32).sqrt(), 0.0),
    };
    let mut values: Vec<f32> =
        formula::stream(key, count).into_iter().map(|value| value * scale + offset).collect();
    if key.ends_with("attn.qkv.weight") {
        for (at, value) in values[..DIM * DIM].iter_mut().enumerate() {
            *value = 0.4 * *value + f32::from(u8::from(at % DIM == at / DIM));
        }
    }
    values
}

fn block(shapes: &mut Shapes, base: &str, mlp: [&str; 2], norms: &[&str]) {
    let mut add =
        |name: String, shape: &[usize]| shapes.push((format!("{base}.{name}"), shape.to_vec()));
    for norm in norms {
        add(format!("{norm}.weight"), &[DIM]);
        add(format!("{norm}.bias"), &[DIM]);
    }
    add("attn.qkv.weight".into(), &[3 * DIM, DIM]);
    add("attn.proj.weight".into(), &[DIM, DIM]);
    add("attn.proj.bias".into(), &[DIM]);
    for (name, [outputs, inputs]) in mlp.into_iter().zip([[4 * DIM, DIM], [DIM, 4 * DIM]]) {
        add(format!("{name}.weight"), &[outputs, inputs]);
        add(format!("{name}.bias"), &[outputs]);
    }
}

fn timm_block(shapes: &mut Shapes, base: &str, norms: &[&str]) {
    block(shapes, base, ["mlp.fc1", "mlp.fc2"], norms);
    shapes.push((format!("{base}.attn.qkv.bias"), vec![3 * DIM]));
}

fn pair(shapes: &mut Shapes, name: &str) {
    shapes.push((format!("{name}.weight"), vec![DIM]));
    shapes.push((format!("{name}.bias"), vec![DIM]));
}

fn audio_mae(times: usize) -> Shapes {
    let mut shapes = vec![
        ("cls_token".into(), vec![1, 1, DIM]),
        ("pos_embed".into(), vec![1, 8 * times + 1, DIM]),
        ("patch_embed.proj.weight".into(), vec![DIM, 1, 16, 16]),
        ("patch_embed.proj.bias".into(), vec![DIM]),
    ];
    (0..DEPTH).for_each(|n| timm_block(&mut shapes, &format!("blocks.{n}"), &["norm1", "norm2"]));
    pair(&mut shapes, "norm");
    timm_block(&mut shapes, "decoder_blocks.0", &["norm1", "norm2"]);
    shapes.push(("mask_token".into(), vec![1, 1, DIM]));
    shapes
}

fn cav_mae() -> Shapes {
    let all = ["norm1", "norm1_a", "norm1_v", "norm2", "norm2_a", "norm2_v"];
    let mut shapes = vec![
        ("modality_a".into(), vec![1, 1, DIM]),
        ("modality_v".into(), vec![1, 1, DIM]),
        ("pos_embed_a".into(), vec![1, 32, DIM]),
        ("patch_embed_a.proj.weight".into(), vec![DIM, 1, 16, 16]),
        ("patch_embed_a.proj.bias".into(), vec![DIM]),
        ("patch_embed_v.proj.weight".into(), vec![DIM, 3, 16, 16]),
    ];
    for base in ["blocks_a.0", "blocks_v.0", "blocks_u.0"] {
        timm_block(&mut shapes, base, &all);
    }
    for name in ["norm_a", "norm_v", "norm"] {
        pair(&mut shapes, name);
    }
    shapes.push(("decoder_pos_embed_a".into(), vec![1, 32, 12]));
    shapes
}

fn marlin(prefix: &str) -> Shapes {
    let mut shapes: Shapes = vec![
        (format!("{prefix}patch_embedding.projection.weight"), vec![DIM, 3, 2, 16, 16]),
        (format!("{prefix}patch_embedding.projection.bias"), vec![DIM]),
        (format!("{prefix}pos_embedding.emb"), vec![1, 32, DIM]),
    ];
    for n in 0..DEPTH {
        let base = format!("{prefix}blocks.{n}");
        block(
            &mut shapes,
            &base,
            ["mlp.layers.0.linear", "mlp.layers.1.linear"],
            &["norm1", "norm2"],
        );
        shapes.push((format!("{base}.attn.q_bias"), vec![DIM]));
        shapes.push((format!("{base}.attn.v_bias"), vec![DIM]));
    }
    pair(&mut shapes, &format!("{prefix}norm"));
    shapes
}

/// A file, its state dict under `model` of a training state.
fn write(folder: &TempDir, shapes: &Shapes) -> PathBuf {
    let path = folder.path().join("source.pth");
    torch_file::write_training_state(&path, "model", shapes, value);
    path
}

fn fresh(config: &AvffConfig) -> Pretrain<Flex> {
    Pretrain::new(config, &mut Init::seeded(3), &Default::default()).unwrap()
}

fn start(path: &Path, config: &AvffConfig) -> (Pretrain<Flex>, Report) {
    PublishedEncoder::open(path)
        .unwrap()
        .initialize(fresh(config), &Normalization::default())
        .unwrap()
}

fn fault(path: &Path, config: &AvffConfig) -> String {
    let given = PublishedEncoder::open(path)
        .and_then(|published| published.initialize(fresh(config), &Normalization::default()));
    given.map(|_| ()).unwrap_err().to_string()
}

/// The source's blocks and last norm over tokens `[n, DIM]`, biases and all.
struct Source {
    values: BTreeMap<String, (Vec<f32>, Vec<usize>)>,
}

impl Source {
    fn new(shapes: &Shapes) -> Self {
        let values =
            shapes.iter().map(|(key, shape)| (key.clone(), (value(key, shape), shape.clone())));
        Self { values: values.collect() }
    }

    fn vector(&self, key: &str) -> Vec<f32> {
        self.values.get(key).map_or_else(|| panic!("{key}"), |(values, _)| values.clone())
    }

    fn row(&self, key: &str) -> Tensor<Flex, 2> {
        let values = self.vector(key);
        let length = values.len();
        Tensor::from_data(TensorData::new(values, [1, length]), &Default::default())
    }

    fn linear(&self, x: Tensor<Flex, 2>, name: &str) -> Tensor<Flex, 2> {
        self.product(x, name) + self.row(&format!("{name}.bias"))
    }

    fn product(&self, x: Tensor<Flex, 2>, name: &str) -> Tensor<Flex, 2> {
        let (values, shape) = &self.values[&format!("{name}.weight")];
        let weight = TensorData::new(values.clone(), [shape[0], shape[1]]);
        x.matmul(Tensor::<Flex, 2>::from_data(weight, &Default::default()).transpose())
    }

    fn norm(&self, x: Tensor<Flex, 2>, name: &str) -> Tensor<Flex, 2> {
        let (var, mean) = x.clone().var_mean_bias(1);
        // AudioMAE adds 1e-6: the report says so.
        let x = (x - mean) / (var + 1e-5).sqrt();
        x * self.row(&format!("{name}.weight")) + self.row(&format!("{name}.bias"))
    }

    /// `qkv_bias` is `[1, 3 * DIM]`.
    fn block(
        &self,
        x: Tensor<Flex, 2>,
        base: &str,
        norms: [&str; 2],
        mlp: [&str; 2],
        qkv_bias: Tensor<Flex, 2>,
    ) -> Tensor<Flex, 2> {
        let y = self.norm(x.clone(), &format!("{base}.{}", norms[0]));
        let qkv = self.product(y, &format!("{base}.attn.qkv")) + qkv_bias;
        let head = DIM / HEADS;
        let heads = (0..HEADS).map(|h| {
            let part = |of: usize| qkv.clone().narrow(1, of * DIM + h * head, head);
            let scores = part(0).matmul(part(1).transpose()) / (head as f64).sqrt();
            softmax(scores, 1).matmul(part(2))
        });
        let y = Tensor::cat(heads.collect(), 1);
        let x = x + self.linear(y, &format!("{base}.attn.proj"));
        let y = self.norm(x.clone(), &format!("{base}.{}", norms[1]));
        let y = self.linear(y, &format!("{base}.{}", mlp[0]));
        let y = y.clone() * ((y / 2f64.sqrt()).erf() + 1.0) * 0.5;
        x + self.linear(y, &format!("{base}.{}", mlp[1]))
    }

    fn timm_block(&self, x: Tensor<Flex, 2>, base: &str, norms: [&str; 2]) -> Tensor<Flex, 2> {
        let bias = self.row(&format!("{base}.attn.qkv.bias"));
        self.block(x, base, norms, ["mlp.fc1", "mlp.fc2"], bias)
    }

    /// A convolution whose stride is its kernel, of one patch: numbers in the order of the kernel's.
    fn embed(&self, name: &str, patch: &[f32]) -> Vec<f32> {
        let weight = self.vector(&format!("{name}.weight"));
        let bias = self.vector(&format!("{name}.bias"));
        let kernels = weight.chunks_exact(patch.len()).zip(bias);
        let dot = |kernel: &[f32]| -> f64 {
            kernel.iter().zip(patch).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum()
        };
        kernels.map(|(kernel, bias)| (dot(kernel) + f64::from(bias)) as f32).collect()
    }
}

fn matrix(values: Vec<f32>) -> Tensor<Flex, 2> {
    let rows = values.len() / DIM;
    Tensor::from_data(TensorData::new(values, [rows, DIM]), &Default::default())
}

fn numbers<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Log-mel energies `[64, 128]`, as they are before any network normalises them.
fn log_mels() -> Vec<f32> {
    formula::stream("log mels", 64 * 128).into_iter().map(|value| 6.0 * value - 5.0).collect()
}

fn audio_input() -> Tensor<Flex, 3> {
    let inputs = Normalization::default();
    let values: Vec<f32> =
        log_mels().iter().map(|value| (value - inputs.audio_mean) / inputs.audio_std).collect();
    Tensor::from_data(TensorData::new(values, [1, 64, 128]), &Default::default())
}

fn assert_close(made: &[f32], wanted: &[f32], allowed: f32) {
    assert_eq!(made.len(), wanted.len());
    let worst = made.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("off by {worst} at most");
    assert!(worst <= allowed, "off by {worst}, allowed is {allowed}");
    assert!(wanted.iter().any(|value| value.abs() > 0.5), "nothing to compare");
}

fn conversions<'r>(report: &'r Report, key: &str) -> &'r [Conversion] {
    &report
        .initialized
        .iter()
        .find(|entry| entry.key == key)
        .unwrap_or_else(|| panic!("{key}"))
        .conversions
}

fn why<'r>(report: &'r Report, key: &str) -> &'r str {
    &report.unused.iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("{key}")).reason
}

/// After LayerNorm values are of the order of 1; f32 through two blocks in another order is off by 1.4e-6.
const ALLOWED: f32 = 1e-5;

#[test]
fn audio_mae_computes_the_same_in_either_token_order() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = audio_mae(4);
    let path = write(&folder, &shapes);
    let source = Source::new(&shapes);
    // Time-major, a patch's rows are times: [time, mel] is what its convolution sees.
    let (mels, table) = (log_mels(), source.vector("pos_embed"));
    let mut tokens = Vec::new();
    for (index, place) in (0..4).flat_map(|t| (0..8).map(move |f| (t, f))).enumerate() {
        let (t, f) = place;
        let at = |dt: usize, df: usize| mels[(16 * t + dt) * 128 + 16 * f + df];
        let patch: Vec<f32> =
            (0..256).map(|i| (at(i / 16, i % 16) + 4.267_739_3) / (2.0 * 4.568_997_4)).collect();
        let made = source.embed("patch_embed.proj", &patch);
        tokens.extend(made.iter().zip(&table[(index + 1) * DIM..]).map(|(a, b)| a + b));
    }
    let mut x = matrix(tokens);
    for n in 0..DEPTH {
        x = source.timm_block(x, &format!("blocks.{n}"), ["norm1", "norm2"]);
    }
    let by_time = numbers(source.norm(x, "norm"));
    for order in [AudioSlices::Mel, AudioSlices::Time] {
        let (model, report) = start(&path, &config(order));
        let made = numbers(model.audio_encoder.forward(audio_input()));
        let wanted = match order {
            AudioSlices::Time => by_time.clone(),
            AudioSlices::Mel => (0..32)
                .flat_map(|token| by_time[(token % 4 * 8 + token / 4) * DIM..][..DIM].to_vec())
                .collect(),
        };
        assert_close(&made, &wanted, ALLOWED);
        assert_eq!(
            (report.architecture, report.modality),
            (Architecture::AudioMae, Modality::Audio)
        );
        assert_eq!(
            conversions(&report, "audio_encoder.patch_embed.proj.weight"),
            [Conversion::Transposed, Conversion::Renormalised]
        );
        assert_eq!(conversions(&report, "audio_encoder.modality"), [Conversion::Zeroed]);
        assert_eq!(
            conversions(&report, "audio_encoder.transformer.1.norm1.bias"),
            [Conversion::Folded]
        );
        assert_eq!(
            conversions(&report, "audio_encoder.transformer.1.norm2.bias"),
            [Conversion::Copied]
        );
        let reordered = conversions(&report, "audio_encoder.pos_embed") == [Conversion::Reordered];
        assert_eq!(reordered, order == AudioSlices::Mel);
        assert!(why(&report, "cls_token").contains("class token"));
        assert_eq!(why(&report, "decoder_blocks.0.norm1.bias"), "of its decoder");
        assert!(report.notes.iter().any(|note| note.contains("class token")), "{report:?}");
        assert!(!report.notes.iter().any(|note| note.contains("bias of q")), "{report:?}");
        // Every key of either side is told of, once.
        assert_eq!(report.initialized.len(), 6 + 11 * DEPTH);
        let mut told: Vec<&String> =
            report.initialized.iter().flat_map(|entry| &entry.sources).collect();
        told.extend(report.unused.iter().map(|entry| &entry.key));
        told.sort();
        told.dedup();
        assert_eq!(told.len(), shapes.len());
    }
}

#[test]
fn cav_mae_takes_the_shared_block_with_the_norms_of_audio() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = cav_mae();
    let path = folder.path().join("cav.pth");
    torch_file::write(&path, &shapes, value);
    let source = Source::new(&shapes);
    let mels = log_mels();
    let (table, modality) = (source.vector("pos_embed_a"), source.vector("modality_a"));
    let mut tokens = Vec::new();
    for token in 0..32 {
        let (f, t) = (token / 4, token % 4);
        let at = |dt: usize, df: usize| mels[(16 * t + dt) * 128 + 16 * f + df];
        let patch: Vec<f32> = (0..256).map(|i| (at(i % 16, i / 16) + 5.081) / 4.4849).collect();
        let made = source.embed("patch_embed_a.proj", &patch);
        let place = &table[token * DIM..];
        tokens.extend(made.iter().zip(place).zip(&modality).map(|((a, b), c)| a + b + c));
    }
    let x = source.timm_block(matrix(tokens), "blocks_a.0", ["norm1", "norm2"]);
    let x = source.timm_block(x, "blocks_u.0", ["norm1_a", "norm2_a"]);
    let wanted = numbers(source.norm(x, "norm_a"));
    let (model, report) = start(&path, &config(AudioSlices::Mel));
    assert_close(&numbers(model.audio_encoder.forward(audio_input())), &wanted, ALLOWED);
    assert_eq!(conversions(&report, "audio_encoder.patch_embed.proj.weight"), [Conversion::Copied]);
    assert_eq!(conversions(&report, "audio_encoder.patch_embed.proj.bias"), [Conversion::Copied]);
    assert_eq!(conversions(&report, "audio_encoder.pos_embed"), [Conversion::Copied]);
    for (key, reason) in [
        ("blocks_v.0.norm1.bias", "frames"),
        ("blocks_a.0.norm1_a.bias", "not used"),
        ("blocks_u.0.norm1.bias", "joined"),
        ("norm.weight", "joined"),
        ("modality_v", "frames"),
        ("decoder_pos_embed_a", "decoder"),
    ] {
        assert!(why(&report, key).contains(reason), "{key}: {}", why(&report, key));
    }
}

#[test]
fn marlin_takes_pictures_normalised_another_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut shapes = marlin("encoder.");
    shapes.extend([
        ("decoder.mask_token".into(), vec![1, 1, DIM]),
        ("enc_dec_proj.weight".into(), vec![12, DIM]),
        ("discriminator.0.weight".into(), vec![1, DIM]),
    ]);
    let path = write(&folder, &shapes);
    let source = Source::new(&shapes);
    // Levels in [0, 1], [3, 16, 32, 32].
    let levels: Vec<f32> = formula::stream("levels", 3 * 16 * 32 * 32)
        .into_iter()
        .map(|value| value / 2.0 + 0.5)
        .collect();
    let table = source.vector("encoder.pos_embedding.emb");
    let mut tokens = Vec::new();
    for token in 0..32 {
        let (t, row, column) = (token / 4, token / 2 % 2, token % 2);
        let patch: Vec<f32> = (0..3 * 2 * 256)
            .map(|i| {
                let (c, k, y, x) = (i / 512, i / 256 % 2, i / 16 % 16, i % 16);
                levels[((c * 16 + 2 * t + k) * 32 + 16 * row + y) * 32 + 16 * column + x]
            })
            .collect();
        let made = source.embed("encoder.patch_embedding.projection", &patch);
        tokens.extend(made.iter().zip(&table[token * DIM..]).map(|(a, b)| a + b));
    }
    let mut x = matrix(tokens);
    for n in 0..DEPTH {
        let base = format!("encoder.blocks.{n}");
        let mut bias = source.vector(&format!("{base}.attn.q_bias"));
        bias.extend([0.0; DIM]);
        bias.extend(source.vector(&format!("{base}.attn.v_bias")));
        let bias = Tensor::from_data(TensorData::new(bias, [1, 3 * DIM]), &Default::default());
        let mlp = ["mlp.layers.0.linear", "mlp.layers.1.linear"];
        x = source.block(x, &base, ["norm1", "norm2"], mlp, bias);
    }
    let wanted = numbers(source.norm(x, "encoder.norm"));
    let inputs = Normalization::default();
    let video: Vec<f32> = levels
        .iter()
        .enumerate()
        .map(|(i, level)| {
            let channel = i / (16 * 32 * 32);
            (level - inputs.video_mean[channel]) / inputs.video_std[channel]
        })
        .collect();
    let video = Tensor::from_data(TensorData::new(video, [1, 3, 16, 32, 32]), &Default::default());
    let (model, report) = start(&path, &config(AudioSlices::Mel));
    assert_close(&numbers(model.visual_encoder.forward(video)), &wanted, ALLOWED);
    assert_eq!(report.prefix, "encoder.");
    assert_eq!(
        conversions(&report, "visual_encoder.patch_embedding.projection.bias"),
        [Conversion::Renormalised]
    );
    assert_eq!(conversions(&report, "visual_encoder.pos_embedding.emb"), [Conversion::Copied]);
    for (key, reason) in [
        ("decoder.mask_token", "of its decoder"),
        ("enc_dec_proj.weight", "of its decoder"),
        ("discriminator.0.weight", "of its discriminator"),
    ] {
        assert_eq!(why(&report, key), reason);
    }
    // A bias moved elsewhere was used.
    assert!(report.unused.iter().all(|entry| !entry.key.contains("_bias")), "{report:?}");
}

/// A table that is smooth in both axes is about itself on another grid.
#[test]
fn position_tables_are_interpolated_where_tokens_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.pth");
    let at = |t: f64, f: f64, i: usize| (0.2 * t + 0.1 * f + i as f64).cos() as f32;
    torch_file::write(&path, &audio_mae(16), |key, shape| match key {
        "pos_embed" => (0..129)
            .flat_map(|row: usize| {
                (0..DIM).map(move |i| match row.checked_sub(1) {
                    None => 100.0,
                    Some(token) => at((token / 8) as f64, (token % 8) as f64, i),
                })
            })
            .collect(),
        _ => value(key, shape),
    });
    let mut config = config(AudioSlices::Mel);
    // 12 x 4 tokens for 16 x 8.
    (config.audio.frames, config.audio.mels) = (192, 64);
    let (model, report) = start(&path, &config);
    assert_eq!(
        conversions(&report, "audio_encoder.pos_embed"),
        [Conversion::Interpolated, Conversion::Reordered]
    );
    assert!(report.notes.iter().any(|note| note.contains("laid out")), "{:?}", report.notes);
    let table = numbers(model.audio_encoder.pos_embed.val());
    for token in 0..48 {
        let (mel, time) = (token / 12, token % 12);
        // The middle of our patch on their axes.
        let place = |index: usize, scale: f64| (index as f64 + 0.5) * scale - 0.5;
        for i in 0..DIM {
            let wanted = at(place(time, 16.0 / 12.0), place(mel, 2.0), i);
            let edge = time == 0 || time == 11 || mel == 0 || mel == 3;
            let off = (table[token * DIM + i] - wanted).abs();
            assert!(off < if edge { 0.05 } else { 0.01 }, "{time} {mel} {i}: {off}");
        }
    }
    // The visual table is fixed, and stays so; the audio one learns.
    type Learning = Autodiff<Flex>;
    let learning = Pretrain::<Learning>::new(&config, &mut Init::seeded(1), &Default::default());
    let published = PublishedEncoder::open(&path).unwrap();
    let (learning, _) = published.initialize(learning.unwrap(), &Normalization::default()).unwrap();
    assert!(learning.audio_encoder.pos_embed.val().is_require_grad());
    assert!(learning.audio_encoder.patch_embed.proj.weight.val().is_require_grad());
    torch_file::write(&path, &marlin("marlin.encoder."), value);
    let (learning, report) = PublishedEncoder::open(&path)
        .unwrap()
        .initialize(learning, &Normalization::default())
        .unwrap();
    assert_eq!(report.prefix, "marlin.encoder.");
    assert!(!learning.visual_encoder.pos_embedding.emb.val().is_require_grad());
    assert!(learning.visual_encoder.norm.gamma.val().is_require_grad());
}

#[test]
fn kernels_of_another_size_answer_a_constant_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.pth");
    // Sums of the kernels are what counts: smooth ones keep theirs.
    torch_file::write(&path, &audio_mae(16), |key, shape| match key {
        "patch_embed.proj.weight" => (0..DIM * 256)
            .map(|i| ((i / 16 % 16) as f32 * 0.2).sin() + (i % 16) as f32 * 0.05 + (i / 256) as f32)
            .collect(),
        _ => value(key, shape),
    });
    let sums = |config: &AvffConfig| -> Vec<f32> {
        let (model, report) = start(&path, config);
        let conversions = conversions(&report, "audio_encoder.patch_embed.proj.weight");
        let resized = config.audio.patch_frames != 16;
        assert_eq!(conversions.contains(&Conversion::Resized), resized);
        let weight = model.audio_encoder.patch_embed.proj.weight.val();
        let patch = config.audio.patch_frames * config.audio.patch_mels;
        numbers(weight).chunks(patch).map(|kernel| kernel.iter().sum()).collect()
    };
    let plain = config(AudioSlices::Mel);
    let mut other = plain.clone();
    (other.audio.patch_frames, other.audio.patch_mels) = (8, 32);
    for (made, wanted) in sums(&other).iter().zip(sums(&plain)) {
        assert!((made - wanted).abs() < 0.01 * wanted.abs(), "{made} {wanted}");
    }
}

#[test]
fn other_sizes_are_named_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &audio_mae(4));
    type Break = fn(&mut AvffConfig);
    let cases: [(Break, [&str; 2]); 3] = [
        (|c| (c.encoder.dim, c.encoder.heads) = (32, 4), ["24 features", "encoder.dim is 32"]),
        (|c| c.encoder.depth = 3, ["2 blocks", "encoder.depth is 3"]),
        (|c| c.encoder.mlp_ratio = 2.0, ["96 hidden features", "is 48"]),
    ];
    for (break_it, parts) in cases {
        let mut config = config(AudioSlices::Time);
        break_it(&mut config);
        let told = fault(&path, &config);
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

#[test]
fn what_is_no_such_encoder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(AudioSlices::Time);
    let told = |shapes: &Shapes| fault(&write(&folder, shapes), &config);
    let mut two = audio_mae(4);
    two.extend(marlin("encoder."));
    assert!(told(&two).contains("several encoders"), "{}", told(&two));
    let none = vec![("fc.weight".into(), vec![2, 2])];
    assert!(told(&none).contains("patch_embed_a.proj.weight (CAV-MAE)"), "{}", told(&none));
    let mut ast = audio_mae(4);
    ast.push(("dist_token".into(), vec![1, 1, DIM]));
    assert!(told(&ast).contains("AST"), "{}", told(&ast));
    let mut scaled = marlin("");
    scaled.push(("blocks.1.gamma_1".into(), vec![DIM]));
    assert!(told(&scaled).contains("blocks.1.gamma_1"), "{}", told(&scaled));
    let mut odd = audio_mae(4);
    odd[1].1 = vec![1, 31, DIM];
    assert!(told(&odd).contains("30 places"), "{}", told(&odd));
    let mut missing = audio_mae(4);
    missing.retain(|(key, _)| key != "blocks.1.norm2.bias");
    assert!(told(&missing).contains("missing: blocks.1.norm2.bias"), "{}", told(&missing));
    let path = folder.path().join("nan.pth");
    torch_file::write(&path, &audio_mae(4), |key, shape| match key {
        "norm.bias" => vec![f32::NAN; DIM],
        _ => value(key, shape),
    });
    assert!(fault(&path, &config).contains("norm.bias holds numbers that are not finite"));
}

/// AudioMAE's fine-tuned encoders have no last norm.
#[test]
fn a_norm_that_is_not_there_stays_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let mut shapes = audio_mae(4);
    shapes.retain(|(key, _)| !key.starts_with("norm."));
    pair(&mut shapes, "fc_norm");
    let config = config(AudioSlices::Time);
    let (model, report) = start(&write(&folder, &shapes), &config);
    assert_eq!(conversions(&report, "audio_encoder.norm.weight"), [Conversion::Random]);
    assert!(why(&report, "fc_norm.weight").contains("classifier"));
    assert_eq!(numbers(model.audio_encoder.norm.gamma.val()), [1.0; DIM]);
    assert!(matches!(PublishedEncoder::open(folder.path()), Err(ModelError::Format { .. })));
}

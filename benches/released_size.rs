//! Measures the network at its released size: `cargo bench -p avff --bench released_size`.
//!
//! Writes a 748 MB `.pth` file of formula weights to a temporary folder. Reports the time to read
//! the file, the time and peak memory to load it, and the seconds per clip. Then compares logits
//! and embeddings with PyTorch (`crates/avff-model/tests/fixtures/model_full.json`). The bench
//! takes about 8 GB and a few minutes. `--save FILE` keeps the checkpoint, and `--load FILE` reads
//! one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unused_crate_dependencies
)]

#[path = "../crates/avff-model/tests/support/compare.rs"]
#[allow(dead_code, unreachable_pub)]
mod compare;
#[path = "../crates/avff-model/tests/support/formula.rs"]
#[allow(dead_code, unreachable_pub)]
mod formula;
#[path = "../crates/avff-model/tests/support/torch_file.rs"]
#[allow(unreachable_pub)]
mod torch_file;

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::Instant,
};

use avff::model::{
    AvffConfig, Checkpoint, Classifier, FusionScope, Init, checkpoint::required_keys,
    config::FusionAttention,
};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use compare::{FULL, Report, Tolerance};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The head has small weights, so logits allow a tighter tolerance than embeddings.
const LOGITS: Tolerance = Tolerance { absolute: 1e-4, relative: 0.0 };
const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(PathBuf::from)
    };
    let folder = tempfile::tempdir().unwrap();
    let config = AvffConfig::open_avff();
    let device = Default::default();
    let path = option("--load")
        .or_else(|| option("--save"))
        .unwrap_or_else(|| folder.path().join("stage-3.pth"));
    if option("--load").is_none() {
        let blank = Classifier::<Flex>::new(&config, &mut Init::blank(), &device).unwrap();
        torch_file::write(&path, &required_keys(&blank), |key, shape| {
            formula::weight(key, shape, &config)
        });
    }
    let size = fs::metadata(&path).unwrap().len();
    println!("checkpoint: {:.1} MB", size as f64 / 1e6);

    let before = status_bytes("VmRSS");
    let mut loading = f64::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let model: Classifier<Flex> =
            Checkpoint::open(&path).unwrap().classifier(&config, &device).unwrap();
        loading = loading.min(start.elapsed().as_secs_f64());
        drop(model);
    }
    let peak = (status_bytes("VmHWM") - before) / size as f64;
    // The page cache holds the file, as it did during loading.
    let fastest = |run: fn(&Path) -> f64| (0..RUNS).map(|_| run(&path)).fold(f64::MAX, f64::min);
    let (buffered, in_memory) = (fastest(buffered_read_seconds), fastest(memory_read_seconds));
    println!("reading the file: {buffered:.3} s through a buffer, {in_memory:.3} s into memory");
    println!(
        "loading: {loading:.3} s, {:.2} times the time of reading into memory",
        loading / in_memory
    );
    println!("peak memory of loading: {peak:.2} times the file size");

    let golden: Value =
        serde_json::from_str(include_str!("../crates/avff-model/tests/fixtures/model_full.json"))
            .unwrap();
    // Scoring packs the weights.
    let model: Classifier<Flex> =
        Checkpoint::open(&path).unwrap().classifier(&config, &device).unwrap();
    let model = model.into_packed();
    let input = |batch: usize| -> (Tensor<Flex, 3>, Tensor<Flex, 5>) {
        (
            Tensor::from_data(TensorData::new(formula::audio(batch), [batch, 1024, 128]), &device),
            Tensor::from_data(
                TensorData::new(formula::video(batch), [batch, 3, 16, 224, 224]),
                &device,
            ),
        )
    };
    let (audio, video) = input(1);
    let mut seconds: Vec<f64> = (0..RUNS + 1)
        .map(|_| {
            let start = Instant::now();
            let logits = model.forward(audio.clone(), video.clone(), FusionScope::PerClip);
            std::hint::black_box(logits.into_data());
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "one clip: min {:.2} s, median {:.2} s, max {:.2} s",
        seconds[0],
        seconds[RUNS / 2],
        seconds[RUNS - 1]
    );

    let vec = |tensor: Tensor<Flex, 3>| -> Vec<f32> { tensor.into_data().iter::<f32>().collect() };
    for (section, attention) in
        [("batch", FusionAttention::Batch), ("tokens", FusionAttention::Tokens)]
    {
        let golden = &golden["classifier_full"][section];
        let (audio, video) = input(2);
        let config = AvffConfig { fusion_attention: attention, ..config.clone() };
        let model: Classifier<Flex> =
            Checkpoint::open(&path).unwrap().classifier(&config, &device).unwrap();
        let model = model.into_packed();
        let out = model.embed(audio.clone(), video.clone(), FusionScope::training(attention));
        let mut report = Report::default();
        report.probe("audio_encoder", &vec(out.audio.clone()), &golden["audio_encoder"], FULL);
        report.probe("visual_encoder", &vec(out.video.clone()), &golden["visual_encoder"], FULL);
        report.probe("a2v", &vec(out.a2v.clone()), &golden["a2v"], FULL);
        report.probe("v2a", &vec(out.v2a.clone()), &golden["v2a"], FULL);
        report.finish(&format!("embeddings, {section}"));
        let mut report = Report::default();
        let logits =
            |tensor: Tensor<Flex, 2>| -> Vec<f32> { tensor.into_data().iter::<f32>().collect() };
        report.list("logits", &logits(model.classify(out)), &golden["logits"], LOGITS);
        let per_clip = model.forward(audio, video, FusionScope::PerClip);
        report.list(
            "per-clip logits",
            &logits(per_clip),
            &golden["logits_one_clip_at_a_time"],
            LOGITS,
        );
        report.finish(&format!("logits, {section}"));
    }
}

fn buffered_read_seconds(path: &Path) -> f64 {
    let start = Instant::now();
    let (mut file, mut buffer) = (File::open(path).unwrap(), vec![0; 1 << 20]);
    while file.read(&mut buffer).unwrap() > 0 {}
    start.elapsed().as_secs_f64()
}

fn memory_read_seconds(path: &Path) -> f64 {
    let start = Instant::now();
    std::hint::black_box(fs::read(path).unwrap());
    start.elapsed().as_secs_f64()
}

/// Returns a value of `/proc/self/status` in bytes, or 0 if the value is missing.
fn status_bytes(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

//! Measures where a forward pass and a training step spend their time:
//! `cargo bench -p avff --bench network -- [PART...] [--runs N]`.
//!
//! Without an argument, the bench runs every part:
//!
//! - `pieces`: the products and kernels of a block of the visual encoder.
//! - `block`, `audio`, `visual`, `classifier`: one clip through the released network or a part of
//!   it, as in evaluation.
//! - `unpacked`: the classifier before its weights are packed.
//! - `int8`, `bf16`: the classifier in int8, and in bfloat16 if the CPU has the instructions.
//! - `batches`: the classifier on batches of 1, 2 and 4 clips.
//! - `step`: a pre-training step of a small network, with its forward pass, backward pass and Adam
//!   update.
//!
//! Each line gives the minimum, median and maximum in milliseconds. It also gives the GFLOP/s,
//! counted from the shapes, and their fraction of the speed of the machine's matrix product in the
//! same process.
//!
//! `benches/peer/network.py` alternates it with PyTorch and prints ratios of times.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unused_crate_dependencies)]

use std::{fs, hint::black_box, time::Instant};

use avff::model::{
    AvffConfig, Classifier, FusionScope, Init, Mask, Pretrain, config::TransformerConfig, precision,
};
use avff_kernels::{
    attention::{self, Heads},
    bf16, gelu, int8,
    norm::LayerNorm,
    patches::Tubelets,
    product::{self, Epilogue},
    residual,
};
use burn::{
    backend::Autodiff,
    module::Module,
    optim::{AdamConfig, GradientsParams, Optimizer},
    tensor::{Distribution, Tensor},
};
use burn_flex::Flex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times a closure and prints a line. The arguments are the name, the floating-point operations and
/// the closure.
type Report<'a> = &'a dyn Fn(&str, f64, &mut dyn FnMut());

/// The number of clips in a training step.
const BATCH: usize = 4;

fn main() {
    // The `avff` program builds its thread pool in this way.
    rayon::ThreadPoolBuilder::new().use_current_thread().build_global().unwrap();
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut parts, mut runs) = (Vec::new(), 7);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().unwrap().parse().unwrap(),
            part => parts.push(part.to_owned()),
        }
    }
    let selected = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    let report = |part: &str, flop: f64, run: &mut dyn FnMut()| {
        if !selected(part.split([' ', ',']).next().unwrap()) {
            return;
        }
        run();
        let before = product_speed();
        let mut times: Vec<f64> = (0..runs)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64()
            })
            .collect();
        // The faster of two measurements, because the speed of a machine varies during a run.
        let product_speed = before.max(product_speed());
        times.sort_by(f64::total_cmp);
        let median = times[runs / 2];
        println!(
            "{part}: min {:.1} median {:.1} max {:.1} ms, {:.1} GFLOP/s, {:.2} of the matrix \
             product ({:.1}), peak {:.0} MB",
            times[0] * 1e3,
            median * 1e3,
            times[runs - 1] * 1e3,
            flop / median / 1e9,
            flop / median / product_speed,
            product_speed / 1e9,
            peak_memory(),
        );
    };

    if selected("pieces") {
        pieces(&report);
    }
    let config = AvffConfig::open_avff();
    let device = Default::default();
    let cost = Cost::new(&config);
    let scope = FusionScope::PerClip;
    let model = || Classifier::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    let (audio, video) = inputs(&config, 1);
    if ["block", "audio", "visual", "classifier"].into_iter().any(selected) {
        let model = model().into_packed();
        let tokens = config.video_grid().tokens();
        let x = Tensor::<Flex, 3>::random(
            [1, tokens, config.encoder.dim],
            Distribution::Normal(0.0, 1.0),
            &device,
        );
        let block = &model.visual_encoder.blocks[0];
        report("block", Cost::block(&config.encoder, tokens), &mut || {
            black_box(block.forward(x.clone()));
        });
        report("audio", cost.audio, &mut || {
            black_box(model.audio_encoder.forward(audio.clone()));
        });
        report("visual", cost.visual, &mut || {
            black_box(model.visual_encoder.forward(video.clone()));
        });
        report("classifier", cost.classifier, &mut || {
            black_box(model.forward(audio.clone(), video.clone(), scope).into_data());
        });
    }
    if selected("unpacked") {
        let model = model();
        report("unpacked, packing its weights", 0.0, &mut || {
            black_box(model.clone().into_packed());
        });
        report("unpacked classifier", cost.classifier, &mut || {
            black_box(model.forward(audio.clone(), video.clone(), scope).into_data());
        });
    }
    if selected("int8") {
        let model = model().into_int8().unwrap().into_packed();
        report("int8 classifier", cost.classifier, &mut || {
            black_box(model.forward(audio.clone(), video.clone(), scope).into_data());
        });
    }
    if selected("bf16") && precision::cpu_has_bf16() {
        let model = model().into_bf16().unwrap().into_packed();
        report("bf16 classifier", cost.classifier, &mut || {
            black_box(model.forward(audio.clone(), video.clone(), scope).into_data());
        });
    }
    if selected("batches") {
        let model = model().into_packed();
        for count in [1, 2, 4] {
            let (audio, video) = inputs(&config, count);
            let name = format!("batches of {count}");
            report(&name, count as f64 * cost.classifier, &mut || {
                black_box(model.forward(audio.clone(), video.clone(), scope).into_data());
            });
        }
    }
    if selected("step") {
        let (config, cost) = small_network();
        let (audio, video) = inputs(&config, BATCH);
        let (audio, video) = (Tensor::from_inner(audio), Tensor::from_inner(video));
        let mut model =
            Some(Pretrain::<Autodiff<Flex>>::new(&config, &mut Init::seeded(1), &device).unwrap());
        let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        report("step", cost, &mut || {
            let net = model.take().unwrap();
            let mask = Mask::random(&config, BATCH, &mut rng);
            let loss = net.forward(audio.clone(), video.clone(), &mask).unwrap().total;
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            model = Some(adam.step(1e-4, net, gradients));
        });
        black_box(model.map(|model| model.num_params()));
    }
}

/// Times each product and kernel of a block of the visual encoder.
fn pieces(report: Report<'_>) {
    let (rows, dim, hidden) = (1568, 768, 3072);
    let device = Default::default();
    let random = |shape| Tensor::<Flex, 2>::random(shape, Distribution::Default, &device);
    let values = |x: Tensor<Flex, 2>| x.into_data().to_vec::<f32>().unwrap();
    for (inputs, outputs) in [(dim, 3 * dim), (dim, dim), (dim, hidden), (hidden, dim)] {
        let (x, w) = (random([rows, inputs]), random([outputs, inputs]));
        let flop = 2.0 * rows as f64 * (inputs * outputs) as f64;
        let name = format!("pieces product {inputs} -> {outputs}");
        report(&name, flop, &mut || drop(black_box(x.clone().matmul(w.clone().transpose()))));
        let (x, w, mut out) = (values(x), values(w), vec![0.0; rows * outputs]);
        let weights = product::Weights::new(&w, [outputs, inputs]);
        let name = format!("pieces packed product {inputs} -> {outputs}");
        report(&name, flop, &mut || weights.multiply(&x, None, &mut out, Epilogue::None));
        let name = format!("pieces packed product, bias, GELU {inputs} -> {outputs}");
        let bias = &w[..outputs];
        report(&name, flop, &mut || weights.multiply(&x, Some(bias), &mut out, Epilogue::Gelu));
        let weights = int8::Weights::new(&w, [outputs, inputs]);
        let name = format!("pieces int8 product {inputs} -> {outputs}");
        report(&name, flop, &mut || weights.multiply(&x, &mut out));
        if bf16::is_supported() {
            let weights = bf16::Weights::new(&w, [outputs, inputs]);
            let name = format!("pieces bf16 product, bias, GELU {inputs} -> {outputs}");
            report(&name, flop, &mut || weights.multiply(&x, Some(bias), &mut out, Epilogue::Gelu));
        }
    }
    let heads = Heads { batch: 1, tokens: rows, heads: 12, head_dim: 64 };
    let (qkv, mut out) = (values(random([rows, 3 * dim])), vec![0.0; rows * dim]);
    let flop = 4.0 * (rows * rows) as f64 * dim as f64;
    report("pieces attention", flop, &mut || attention::forward(heads, &qkv, &mut out));
    if bf16::is_supported() {
        report("pieces bf16 attention", flop, &mut || bf16::attention(heads, &qkv, &mut out));
    }
    let mut sums = vec![0.0; rows * 12];
    attention::forward_for_training(heads, &qkv, &mut out, &mut sums);
    let gradient = out.clone();
    report("pieces attention's gradient", 2.5 * flop, &mut || {
        black_box(attention::backward(heads, &qkv, &out, &sums, &gradient));
    });
    let (x, bias) = (values(random([rows, hidden])), values(random([1, hidden])));
    let mut out = x.clone();
    report("pieces bias + GELU", 0.0, &mut || {
        out.copy_from_slice(&x);
        gelu::bias_gelu(&mut out, &bias);
    });
    report("pieces bias + GELU's gradient", 0.0, &mut || {
        black_box(gelu::bias_gelu_backward(&x, &bias, &mut out));
    });
    let (x, bias) = (&x[..rows * dim], &bias[..dim]);
    let mut out = x.to_vec();
    let norm = LayerNorm { gamma: bias, beta: bias, epsilon: 1e-5 };
    report("pieces LayerNorm", 0.0, &mut || norm.forward(x, &mut out));
    report("pieces skip", 0.0, &mut || residual::add(&mut out, x, bias));
    // A clip of 16 frames of 224 x 224.
    let tubelets = Tubelets { channels: 3, time: 8, tubelet: 2, rows: 14, columns: 14, patch: 16 };
    let frames = vec![0.5; tubelets.tokens() * tubelets.length()];
    report("pieces tubelets", 0.0, &mut || drop(black_box(tubelets.split(&frames))));
}

/// Returns the speed of the largest matrix product of the network, in FLOP/s: the fastest of 20
/// runs.
fn product_speed() -> f64 {
    let (rows, inputs, outputs) = (1568usize, 768, 3072);
    let numbers = |count| -> Vec<f32> { (0..count).map(|i| (i % 1000) as f32 * 1e-3).collect() };
    let (x, mut out) = (numbers(rows * inputs), vec![0.0; rows * outputs]);
    let weights = product::Weights::new(&numbers(outputs * inputs), [outputs, inputs]);
    let mut run = || {
        let start = Instant::now();
        weights.multiply(&x, None, &mut out, Epilogue::None);
        start.elapsed().as_secs_f64()
    };
    let best = (0..20).map(|_| run()).fold(f64::MAX, f64::min);
    2.0 * (rows * inputs * outputs) as f64 / best
}

/// The floating-point operations of a forward pass, counted in matrix products.
struct Cost {
    audio: f64,
    visual: f64,
    classifier: f64,
}

impl Cost {
    fn block(config: &TransformerConfig, tokens: usize) -> f64 {
        let (n, d, hidden) = (tokens as f64, config.dim as f64, config.hidden() as f64);
        2.0 * n * (4.0 * d * d + 2.0 * d * hidden) + 4.0 * n * n * d
    }

    fn encoder(config: &TransformerConfig, tokens: usize, patch: usize) -> f64 {
        let embed = 2.0 * (tokens * patch * config.dim) as f64;
        embed + config.depth as f64 * Self::block(config, tokens)
    }

    /// A2V or V2A of one clip: a product over tokens and four products over features.
    fn cross(dim: usize, inputs: usize, outputs: usize) -> f64 {
        2.0 * (inputs * outputs * dim) as f64 + 8.0 * (outputs * dim * dim) as f64
    }

    fn new(config: &AvffConfig) -> Self {
        let (audio_tokens, video_tokens) =
            (config.audio_grid().tokens(), config.video_grid().tokens());
        let audio = Self::encoder(&config.encoder, audio_tokens, config.audio_patch_len());
        let visual = Self::encoder(&config.encoder, video_tokens, config.video_patch_len());
        let dim = config.encoder.dim;
        let cross = Self::cross(dim, audio_tokens, video_tokens)
            + Self::cross(dim, video_tokens, audio_tokens);
        Self { audio, visual, classifier: audio + visual + cross }
    }
}

/// Returns the small network of the part `step`, and the cost of a step. A backward pass costs two
/// forward passes.
fn small_network() -> (AvffConfig, f64) {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (192, 4, 3);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (96, 2, 3);
    let cost = Cost::new(&config);
    let (audio, video) = (config.audio_grid().tokens(), config.video_grid().tokens());
    let dim = config.encoder.dim;
    let cross = Cost::cross(dim, audio / 2, video / 2) + Cost::cross(dim, video / 2, audio / 2);
    let decoder = |tokens: usize, patch: usize| Cost::encoder(&config.decoder, tokens, patch + dim);
    let forward = cost.audio
        + cost.visual
        + cross
        + decoder(audio, config.audio_patch_len())
        + decoder(video, config.video_patch_len());
    (config, 3.0 * BATCH as f64 * forward)
}

fn inputs(config: &AvffConfig, batch: usize) -> (Tensor<Flex, 3>, Tensor<Flex, 5>) {
    let device = Default::default();
    let (audio, video) = (&config.audio, &config.video);
    let normal = Distribution::Normal(0.0, 1.0);
    (
        Tensor::random([batch, audio.frames, audio.mels], normal, &device),
        Tensor::random(
            [batch, video.channels, video.frames, video.height, video.width],
            normal,
            &device,
        ),
    )
}

/// Returns the peak memory of this process in MB, or 0 on systems other than Linux.
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

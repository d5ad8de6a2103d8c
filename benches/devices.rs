//! Measures the network in clips per second on any device:
//! `cargo bench -p avff --features cuda --bench devices -- DEVICE [--runs N]`.
//! DEVICE is cpu, ndarray, wgpu or cuda.
//!
//! `classifier PRECISION xN` is a forward pass of N clips through the released network. `small
//! step` and `step` are pre-training steps of a small network and of a network of the released
//! size: a forward pass, a backward pass and an Adam update. Each step reads its loss, as training
//! does. The bench prints the logits of eight clips, so that devices and precisions can be
//! compared. `benches/peer/devices.py` alternates it with PyTorch and prints ratios of times.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unused_crate_dependencies
)]

use std::time::Instant;

use avff::model::{AvffConfig, Classifier, FusionScope, Init, Mask, Pretrain, precision};
use burn::{
    backend::Autodiff,
    optim::{AdamConfig, GradientsParams, Optimizer},
    prelude::*,
    tensor::{FloatDType, TensorData},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The name, the data type of the parameters, and whether matrix products may use TF32.
const PRECISIONS: [(&str, FloatDType, bool); 4] = [
    ("f32", FloatDType::F32, false),
    ("tf32", FloatDType::F32, true),
    ("f16", FloatDType::F16, false),
    ("bf16", FloatDType::BF16, false),
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut device, mut runs) = ("cpu".to_owned(), 7);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().unwrap().parse().unwrap(),
            _ => device = argument,
        }
    }
    match device.as_str() {
        #[cfg(feature = "cpu")]
        "cpu" => bench_all::<burn_flex::Flex>(&Default::default(), runs),
        #[cfg(feature = "ndarray")]
        "ndarray" => bench_all::<burn::backend::NdArray>(&Default::default(), runs),
        #[cfg(feature = "wgpu")]
        "wgpu" => bench_all::<burn::backend::Wgpu>(&Default::default(), runs),
        #[cfg(feature = "cuda")]
        "cuda" => bench_all::<burn::backend::Cuda>(&Default::default(), runs),
        unknown => panic!("device `{unknown}` is unknown or not compiled in"),
    }
}

fn bench_all<B: Backend>(device: &B::Device, runs: usize) {
    let config = AvffConfig::open_avff();
    let scope = FusionScope::PerClip;
    let on_cuda = B::name(device).contains("cuda");
    let supported = PRECISIONS
        .into_iter()
        .filter(|&(_, dtype, tf32)| B::supports_dtype(device, dtype.into()) && (on_cuda || !tf32));
    for (name, dtype, tf32) in supported.clone() {
        let model = Classifier::<B>::new(&config, &mut Init::seeded(1), device).unwrap();
        let model = precision::cast(model, dtype).into_packed();
        for batch in [1, 8, 32] {
            let (audio, video) = inputs::<B>(&config, batch, device);
            if batch == 8 {
                let forward = || model.forward(audio.clone(), video.clone(), scope);
                let logits = precision::with_tf32(tf32, forward).into_data();
                println!("logits {name}: {:?}", logits.iter::<f32>().collect::<Vec<_>>());
            }
            report(&format!("classifier {name} x{batch}"), batch, runs, &mut || {
                let forward = || model.forward(audio.clone(), video.clone(), scope);
                drop(precision::with_tf32(tf32, forward).into_data());
            });
        }
    }
    let mut small = AvffConfig::open_avff();
    (small.encoder.dim, small.encoder.depth, small.encoder.heads) = (192, 4, 3);
    (small.decoder.dim, small.decoder.depth, small.decoder.heads) = (96, 2, 3);
    for (name, config, batch) in [("small step", small, 4), ("step", config.clone(), 2)] {
        for (precision_name, dtype, tf32) in supported.clone() {
            // Gradients in f16 need loss scaling, and a step in f16 costs as much as one in bf16.
            if dtype == FloatDType::F16 {
                continue;
            }
            precision::with_tf32(tf32, || {
                let name = format!("{name} {precision_name} x{batch}");
                bench_step::<B>(&name, &config, dtype, batch, runs, device);
            });
        }
    }
}

fn bench_step<B: Backend>(
    name: &str,
    config: &AvffConfig,
    dtype: FloatDType,
    batch: usize,
    runs: usize,
    device: &B::Device,
) {
    let (audio, video) = inputs::<B>(config, batch, device);
    let (audio, video) = (Tensor::from_inner(audio), Tensor::from_inner(video));
    let init = &mut Init::seeded(1);
    let mut model = Some(Pretrain::<Autodiff<B>>::new(config, init, device).unwrap());
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    report(name, batch, runs, &mut || {
        let net = model.take().unwrap();
        let mask = Mask::random(config, batch, &mut rng);
        let cast = match dtype {
            FloatDType::F32 => net.clone(),
            half => precision::cast(net.clone(), half),
        };
        let loss = cast.forward(audio.clone(), video.clone(), &mask).unwrap().total;
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        drop(loss.into_data());
        model = Some(adam.step(1e-4, net, gradients));
    });
}

fn report(name: &str, clips: usize, runs: usize, run: &mut dyn FnMut()) {
    let start = Instant::now();
    run();
    let first = start.elapsed().as_secs_f64();
    run();
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{name}: min {:.2} median {:.2} max {:.2} ms, {:.1} clips/s, first {first:.1} s",
        times[0] * 1e3,
        times[runs / 2] * 1e3,
        times[runs - 1] * 1e3,
        clips as f64 / times[runs / 2],
    );
}

/// Creates input tensors that are equal on every device.
fn inputs<B: Backend>(
    config: &AvffConfig,
    batch: usize,
    device: &B::Device,
) -> (Tensor<B, 3>, Tensor<B, 5>) {
    let (audio, video) = (&config.audio, &config.video);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut uniform = |shape: &[usize]| {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.7..1.7)).collect();
        TensorData::new(values, shape.to_vec())
    };
    let audio = uniform(&[batch, audio.frames, audio.mels]);
    let video = uniform(&[batch, video.channels, video.frames, video.height, video.width]);
    (Tensor::from_data(audio, device), Tensor::from_data(video, device))
}

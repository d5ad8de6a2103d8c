//! Measures the rounding error of int8 and bf16:
//! `cargo bench -p avff --bench rounding_error -- [CHECKPOINT] [INPUTS]`.
//!
//! Runs a classifier on inputs of smoothed noise with random amplitudes, in f32, in int8 and, if
//! the CPU has the instructions, in bf16. The bench prints the differences of logits and scores,
//! and the percentage of pairs of inputs whose order changes. Without a checkpoint, the network has
//! the released architecture and random weights. The logits of random weights hardly vary;
//! `released_size --save FILE` writes a checkpoint whose logits vary.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unused_crate_dependencies)]

use avff::model::{AvffConfig, Checkpoint, Classifier, FusionScope, Init, precision};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let (mut checkpoint, mut count) = (None, 200);
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        match argument.parse() {
            Ok(number) => count = number,
            Err(_) => checkpoint = Some(argument),
        }
    }
    let device = Default::default();
    let (config, exact) = match checkpoint {
        Some(path) => {
            let checkpoint = Checkpoint::open(path).unwrap();
            let config = checkpoint.config(None).unwrap();
            let model = checkpoint.classifier::<Flex>(&config, &device).unwrap();
            (config, model)
        }
        None => {
            let config = AvffConfig::open_avff();
            let model = Classifier::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
            (config, model)
        }
    };
    let mut rounded = vec![("int8", exact.clone().into_int8().unwrap().into_packed())];
    if precision::cpu_has_bf16() {
        rounded.push(("bf16", exact.clone().into_bf16().unwrap().into_packed()));
    }
    let exact = exact.into_packed();
    let scope = FusionScope::PerClip;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut pairs = vec![Vec::new(); rounded.len()];
    for _ in 0..count {
        let (audio, video) = inputs(&config, &mut rng);
        let logit = |model: &Classifier<Flex>| -> f64 {
            let out = model.forward(audio.clone(), video.clone(), scope).into_data();
            out.iter::<f64>().next().unwrap()
        };
        let exact = logit(&exact);
        for ((_, model), pairs) in rounded.iter().zip(&mut pairs) {
            pairs.push((exact, logit(model)));
        }
    }
    for ((name, _), pairs) in rounded.iter().zip(&pairs) {
        report(name, pairs);
    }
}

/// Prints the errors of pairs of an f32 logit and a rounded logit.
fn report(name: &str, pairs: &[(f64, f64)]) {
    let count = pairs.len();
    let mean = |numbers: &mut dyn Iterator<Item = f64>| numbers.sum::<f64>() / count as f64;
    let center = mean(&mut pairs.iter().map(|(exact, _)| *exact));
    let deviation = mean(&mut pairs.iter().map(|(exact, _)| (exact - center).powi(2))).sqrt();
    let mut errors: Vec<f64> =
        pairs.iter().map(|(exact, rounded)| (exact - rounded).abs()).collect();
    errors.sort_by(f64::total_cmp);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let score_error =
        pairs.iter().map(|(a, b)| (sigmoid(*a) - sigmoid(*b)).abs()).fold(0.0, f64::max);
    let mut swapped = 0;
    for (i, a) in pairs.iter().enumerate() {
        swapped += pairs[..i].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
    }
    println!(
        "{name}, {count} inputs: f32 logits have mean {center:.4} and standard deviation \
         {deviation:.2e}; absolute logit error: mean {:.2e}, 95th percentile {:.2e}, maximum {:.2e}; \
         maximum score error {score_error:.2e}; {:.2} % of pairs change order",
        errors.iter().sum::<f64>() / count as f64,
        errors[count * 95 / 100],
        errors[count - 1],
        100.0 * swapped as f64 / (count * (count - 1) / 2) as f64,
    );
}

/// Creates noise that is smooth along its last axis, with a random amplitude and offset.
fn inputs(config: &AvffConfig, rng: &mut ChaCha8Rng) -> (Tensor<Flex, 3>, Tensor<Flex, 5>) {
    let mut noise = |count: usize| -> Vec<f32> {
        let amplitude = rng.random_range(0.2..2.0f32);
        let (smooth, offset) = (rng.random_range(0.0..0.95f32), rng.random_range(-1.0..1.0f32));
        let mut previous = 0.0;
        (0..count)
            .map(|_| {
                previous = smooth * previous
                    + (1.0 - smooth * smooth).sqrt() * rng.random_range(-1.7..1.7f32);
                offset + amplitude * previous
            })
            .collect()
    };
    let (audio, video) = (&config.audio, &config.video);
    let device = Default::default();
    let audio_shape = [1, audio.frames, audio.mels];
    let video_shape = [1, video.channels, video.frames, video.height, video.width];
    let audio = TensorData::new(noise(audio_shape.iter().product()), audio_shape);
    let video = TensorData::new(noise(video_shape.iter().product()), video_shape);
    (Tensor::from_data(audio, &device), Tensor::from_data(video, &device))
}

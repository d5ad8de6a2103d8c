#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, dead_code, unreachable_pub)]
#[path = "../../avff-model/tests/support/mod.rs"]
mod support;
use avff_model::{AvffConfig, Classifier, FusionScope, Init};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use support::formula;
fn bits<const D: usize>(x: Tensor<Flex, D>) -> Vec<u32> {
    x.into_data().iter::<f32>().map(f32::to_bits).collect()
}
#[test]
fn forward_is_repeatable() {
    let mut config = AvffConfig::avff();
    (config.audio.frames, config.audio.mels) = (128, 32);
    (config.video.height, config.video.width) = (32, 32);
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
    (config.head.hidden, config.head.dropout) = (16, 0.3);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let config = config.clone();
            scope.spawn(move || {
                let device = Default::default();
                let run = || {
                    let model = Classifier::<Flex>::new(&config, &mut Init::seeded(2), &device).unwrap();
                    let audio = Tensor::<Flex, 3>::from_data(TensorData::new(formula::stream("a", 2 * 128 * 32), [2, 128, 32]), &device);
                    let video = Tensor::<Flex, 5>::from_data(TensorData::new(formula::stream("v", 2 * 3 * 16 * 32 * 32), [2, 3, 16, 32, 32]), &device);
                    let e = model.embed(audio, video, FusionScope::Tokens);
                    let r = vec![("audio", bits(e.audio.clone())), ("video", bits(e.video.clone())), ("a2v", bits(e.a2v.clone())), ("v2a", bits(e.v2a.clone())), ("logits", bits(model.classify(e)))];
                    r
                };
                let first = run();
                for round in 0..60 {
                    for ((name, a), (_, b)) in first.iter().zip(run()) {
                        let off = a.iter().zip(&b).filter(|(a, b)| a != b).count();
                        if off > 0 { println!("thread {thread} round {round}: {name} differs in {off} of {}", a.len()); }
                    }
                }
            });
        }
    });
}

#[test]
fn gradients_are_repeatable() {
    use burn::backend::Autodiff;
    type B = Autodiff<Flex>;
    let mut config = AvffConfig::avff();
    (config.audio.frames, config.audio.mels) = (128, 32);
    (config.video.height, config.video.width) = (32, 32);
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
    (config.head.hidden, config.head.dropout) = (16, 0.3);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let config = config.clone();
            scope.spawn(move || {
                let device = Default::default();
                let run = || {
                    let model = Classifier::<B>::new(&config, &mut Init::seeded(2), &device).unwrap();
                    let audio = Tensor::<B, 3>::from_data(TensorData::new(formula::stream("a", 2 * 128 * 32), [2, 128, 32]), &device);
                    let video = Tensor::<B, 5>::from_data(TensorData::new(formula::stream("v", 2 * 3 * 16 * 32 * 32), [2, 3, 16, 32, 32]), &device);
                    let logits = model.forward(audio, video, FusionScope::Tokens);
                    let loss = logits.clone().powi_scalar(2).sum();
                    let mut r = vec![("logits".to_owned(), bits(logits.inner()))];
                    let g = avff_train::gradients::Gradients::take::<B, _>(loss.backward(), &model);
                    let list = avff_train::params::list(&model);
                    for (p, g) in list.iter().zip(g.0) {
                        if let Some(g) = g { r.push((p.key.clone(), bits(g))); }
                    }
                    r
                };
                let first = run();
                for round in 0..60 {
                    for ((name, a), (_, b)) in first.iter().zip(run()) {
                        let off = a.iter().zip(&b).filter(|(a, b)| a != b).count();
                        if off > 0 { println!("thread {thread} round {round}: {name} differs in {off} of {}", a.len()); }
                    }
                }
            });
        }
    });
}

//! A custom head on the encoders, on two backends.
//!
//! `cargo run -p avff-model --example own_head --features ndarray`
//!
//! The head is an ordinary Burn module over the tokens of `Classifier::embed`. All code is generic
//! over the backend, so a type parameter moves an experiment to another backend.
#![allow(clippy::print_stdout)]

use std::{error::Error, path::Path};

use avff_model::{
    AvffConfig, Classifier, Embeddings, FusionScope, Init,
    checkpoint::{self, Kind, Metadata, Precision},
};
use burn::{
    backend::NdArray,
    module::Param,
    nn::{Linear, LinearConfig},
    prelude::*,
};
use burn_flex::Flex;

/// Scores a clip by the distance between its tokens and the tokens predicted from the other
/// modality.
#[derive(Module, Debug)]
struct DistanceHead<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> DistanceHead<B> {
    /// Computes weights from a formula, so that they are equal on every backend. Real weights come
    /// from training.
    fn new(dim: usize, device: &B::Device) -> Self {
        let weights: Vec<f32> = (0..2 * dim).map(|i| (i as f32).sin()).collect();
        let mut linear = LinearConfig::new(2 * dim, 1).with_bias(false).init(device);
        let weights = Tensor::from_data(TensorData::new(weights, [2 * dim, 1]), device);
        linear.weight = Param::from_tensor(weights);
        Self { linear }
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// - output: `[batch, 1]`
    fn forward(&self, tokens: Embeddings<B>) -> Tensor<B, 2> {
        let video = (tokens.video - tokens.a2v).abs().mean_dim(1); // batch, 1, dim
        let audio = (tokens.audio - tokens.v2a).abs().mean_dim(1); // batch, 1, dim
        self.linear.forward(Tensor::cat(vec![video, audio], 2).squeeze_dim::<2>(1))
    }
}

/// Runs the experiment: two clips, the encoders of a checkpoint and the head.
fn scores<B: Backend>(path: &Path, config: &AvffConfig) -> Result<Vec<f32>, Box<dyn Error>> {
    let device = B::Device::default();
    let encoders = Classifier::<B>::load(path, &device)?;
    let head = DistanceHead::<B>::new(config.encoder.dim, &device);
    let (a, v) = (&config.audio, &config.video);
    let audio = clips([2, a.frames, a.mels], &device);
    let video = clips([2, v.channels, v.frames, v.height, v.width], &device);
    let logits = head.forward(encoders.embed(audio, video, FusionScope::PerClip));
    Ok(logits.into_data().iter::<f32>().collect())
}

/// Computes inputs from a formula. Real inputs come from a media file.
fn clips<B: Backend, const D: usize>(shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn main() -> Result<(), Box<dyn Error>> {
    // An untrained network stands in for a checkpoint of stage 3.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("stage-3.safetensors");
    let config = AvffConfig::avff_tiny();
    let network = Classifier::<Flex>::new(&config, &mut Init::seeded(7), &Default::default())?;
    let metadata = Metadata::new(Kind::Classifier, &config, false);
    checkpoint::save(&network, &metadata, Precision::F32, &path)?;

    let flex = scores::<Flex>(&path, &config)?;
    let ndarray = scores::<NdArray>(&path, &config)?;
    println!("flex    {flex:?}\nndarray {ndarray:?}");
    let difference = flex.iter().zip(&ndarray).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("largest difference {difference:.1e}");
    // Both backends compute in f32 but sum in different orders.
    if difference < 1e-3 { Ok(()) } else { Err("the backends disagree".into()) }
}

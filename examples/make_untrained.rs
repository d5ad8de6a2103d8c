//! Makes `crates/avff/tests/fixtures/untrained-tiny.safetensors` again: `cargo run --release --features all --example make_untrained`.
//!
//! A network of 64 features whose weights come from a seed. It shows the way from clips to scores;
//! the scores mean nothing, and every place that shows them says so.

use std::{env, error::Error, path::PathBuf};

use avff::{
    model::{
        AvffConfig, Classifier, Init,
        checkpoint::{Kind, Metadata, Precision, save},
        config::{ContrastOver, HeadConfig, HeadInput, LossConfig, TokenSpan},
    },
    preprocessing,
};
use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};
use burn_flex::Flex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 20_240_617;

/// Scales the features of every LayerNorm a little.
///
/// The head sees means over features, and behind a fresh LayerNorm these are the same for every
/// clip: the released network starts as blind. With unequal scales the scores at least differ.
struct Unequal(ChaCha8Rng);

impl ModuleMapper<Flex> for Unequal {
    fn map_float<const D: usize>(
        &mut self,
        param: Param<Tensor<Flex, D>>,
    ) -> Param<Tensor<Flex, D>> {
        let values: Vec<f32> = param.val().into_data().iter::<f32>().collect();
        if D != 1 || values.iter().any(|&value| value != 1.0) {
            return param;
        }
        let scales: Vec<f32> = values.iter().map(|_| self.0.random_range(0.5..1.5)).collect();
        let shape = param.lazy_shape();
        param.map(|_| Tensor::from_data(TensorData::new(scales, shape), &Default::default()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let default = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/avff/tests/fixtures/untrained-tiny.safetensors"
    );
    let path = env::args_os().nth(1).map_or_else(|| default.into(), PathBuf::from);
    let mut config = AvffConfig::avff();
    (config.audio.frames, config.audio.mels) = (512, 64);
    (config.video.height, config.video.width) = (96, 96);
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (64, 2, 4);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (32, 1, 2);
    // What preset `avff` was when the file was first made; tests know its scores.
    config.head = HeadConfig { hidden: 64, input: HeadInput::TokenMeans, ..config.head };
    config.token_span = TokenSpan::Clip;
    let (contrast, temperature, contrast_over) = (0.01, 0.05, ContrastOver::Clips);
    config.loss = LossConfig { contrast, temperature, contrast_over, ..config.loss };
    let model = Classifier::<Flex>::new(&config, &mut Init::seeded(SEED), &Default::default())?;
    let model = model.map(&mut Unequal(ChaCha8Rng::seed_from_u64(SEED)));
    let mut metadata = Metadata::new(Kind::Classifier, &config, false);
    preprocessing::store(&mut metadata, &preprocessing::for_config(&config))?;
    metadata.extra.insert("seed".into(), SEED.into());
    save(&model, &metadata, Precision::F16, path)?;
    Ok(())
}

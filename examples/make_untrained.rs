//! Regenerates `crates/avff/tests/fixtures/untrained-tiny.safetensors`:
//! `cargo run --release --features all --example make_untrained`.
//!
//! The file holds a network of 64 features with random weights. Tests use it to score clips. Its
//! scores have no meaning, and a warning is attached to every output.

use std::{env, error::Error, path::PathBuf};

use avff::{
    model::{
        AvffConfig, Classifier, Init,
        checkpoint::{Kind, Metadata, Precision, save},
        config::{ContrastiveOver, HeadConfig, HeadInput, LossConfig, TokenSpan},
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

/// Gives the features of every LayerNorm random scales.
///
/// The head receives means over features. After a newly initialized LayerNorm, these means are
/// equal for every clip, also in the released network. Unequal scales let the scores differ.
struct RandomScales(ChaCha8Rng);

impl ModuleMapper<Flex> for RandomScales {
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
    // The preset `avff` as it was when the file was created. Tests assert the scores of the file.
    config.head = HeadConfig { hidden: 64, input: HeadInput::TokenMeans, ..config.head };
    config.token_span = TokenSpan::Clip;
    let (contrastive, temperature, contrastive_over) = (0.01, 0.05, ContrastiveOver::Clips);
    config.loss = LossConfig { contrastive, temperature, contrastive_over, ..config.loss };
    let model = Classifier::<Flex>::new(&config, &mut Init::seeded(SEED), &Default::default())?;
    let model = model.map(&mut RandomScales(ChaCha8Rng::seed_from_u64(SEED)));
    let mut metadata = Metadata::new(Kind::Classifier, &config, false);
    preprocessing::store(&mut metadata, &preprocessing::for_config(&config))?;
    metadata.extra.insert("seed".into(), SEED.into());
    save(&model, &metadata, Precision::F16, path)?;
    Ok(())
}

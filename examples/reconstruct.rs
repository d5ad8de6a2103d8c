//! Reconstructs the masked half of a clip with a pre-training network:
//! `cargo run --release --features all --example reconstruct`.
//!
//! Without arguments, the example uses a small untrained network, so its sheet shows the layout
//! only. Add `-- STAGE2 CLIP` to use your own weights and clip. The example writes the sheet to
//! `target/reconstruct/sheet.png`. `avff reconstruct` has more options.

use std::{env, error::Error, fs, path::PathBuf};

use avff::{
    model::{
        AvffConfig, Init, Pretrain,
        checkpoint::{Kind, Metadata, Precision, save},
    },
    plots::png,
    preprocessing,
    pretrained::{Pretrained, ReconstructOptions, SheetOptions},
};
use burn_flex::Flex;

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    // Relative to the root of the repository.
    let folder = PathBuf::from("target/reconstruct");
    fs::create_dir_all(&folder)?;
    let weights = match arguments.next() {
        Some(weights) => weights,
        None => untrained(folder.join("untrained.safetensors"))?,
    };
    let clip =
        arguments.next().unwrap_or_else(|| "crates/avff/tests/fixtures/clips/match_a.mp4".into());

    let pretrained = Pretrained::open(&weights)?;
    let reconstruction = pretrained.reconstruct(&clip, &ReconstructOptions::default())?;
    let sheet = reconstruction.sheet(&SheetOptions {
        title: format!("{} by {}", clip.display(), weights.display()),
        untrained: pretrained.checkpoint().metadata().is_some_and(|metadata| !metadata.trained),
        ..SheetOptions::default()
    })?;
    let path = folder.join("sheet.png");
    fs::write(&path, png(&sheet)?)?;
    println!("{:?}\n{}", reconstruction.losses, path.display());
    Ok(())
}

/// Writes the weights of a small network with random initialization.
fn untrained(path: PathBuf) -> Result<PathBuf, Box<dyn Error>> {
    let mut config = AvffConfig::avff();
    (config.audio.frames, config.audio.mels) = (512, 64);
    (config.video.height, config.video.width) = (96, 96);
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (64, 2, 4);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (32, 1, 2);
    let model = Pretrain::<Flex>::new(&config, &mut Init::seeded(0), &Default::default())?;
    let mut metadata = Metadata::new(Kind::Pretrain, &config, false);
    preprocessing::store(&mut metadata, &preprocessing::for_config(&config))?;
    save(&model, &metadata, Precision::F32, &path)?;
    Ok(path)
}

//! Files with all keys that the public code of MARLIN and AudioMAE writes, at small sizes.
//!
//! The keys follow `marlin_pytorch/model` and `model/marlin.py` of github.com/ControlNet/MARLIN, and
//! `models_mae.py` and `models_vit.py` of github.com/facebookresearch/AudioMAE.

use std::collections::BTreeSet;

use avff_model::{
    ModelError,
    config::AudioSlices,
    initialize::{Normalization, PublishedEncoder, Report},
};
use tempfile::TempDir;

use crate::{
    DIM,
    published::{Shapes, audio_mae, block, marlin, pair, timm_block, value, write},
    setup::{config, error_message, initialize, new_model, unused_reason},
    torch_file,
};

fn linear(shapes: &mut Shapes, name: &str, [inputs, outputs]: [usize; 2]) {
    shapes.push((format!("{name}.weight"), vec![outputs, inputs]));
    shapes.push((format!("{name}.bias"), vec![outputs]));
}

/// `Marlin(as_feature_extractor=False).state_dict()`: `marlin.full.pt`.
fn marlin_full() -> Shapes {
    let mut shapes = marlin("encoder.");
    shapes.push(("decoder.mask_token".into(), vec![1, 1, DIM]));
    shapes.push(("decoder.pos_embedding.emb".into(), vec![1, 32, DIM]));
    let layers = ["mlp.layers.0.linear", "mlp.layers.1.linear"];
    block(&mut shapes, "decoder.blocks.0", layers, &["norm1", "norm2"]);
    for bias in ["q_bias", "v_bias"] {
        shapes.push((format!("decoder.blocks.0.attn.{bias}"), vec![DIM]));
    }
    pair(&mut shapes, "decoder.norm");
    linear(&mut shapes, "decoder.head", [DIM, 3 * 2 * 16 * 16]);
    shapes.push(("enc_dec_proj.weight".into(), vec![DIM, DIM]));
    shapes
}

/// `state_dict` of a checkpoint that Lightning writes in pre-training.
fn marlin_lightning() -> Shapes {
    let mut shapes = marlin_full();
    linear(&mut shapes, "discriminator.layers.0.linear", [1536, 4 * DIM]);
    linear(&mut shapes, "discriminator.layers.1.linear", [4 * DIM, 1]);
    shapes
}

/// `model` of a pre-training checkpoint.
fn audio_mae_pretrained() -> Shapes {
    let mut shapes = audio_mae(4);
    shapes.push(("decoder_pos_embed".into(), vec![1, 33, DIM]));
    timm_block(&mut shapes, "decoder_blocks.1", &["norm1", "norm2"]);
    linear(&mut shapes, "decoder_embed", [DIM, DIM]);
    linear(&mut shapes, "decoder_pred", [DIM, 256]);
    pair(&mut shapes, "decoder_norm");
    shapes
}

/// `model` of a fine-tuning checkpoint with `global_pool`.
fn audio_mae_fine_tuned() -> Shapes {
    let mut shapes = audio_mae(4);
    let dropped =
        |key: &str| key.starts_with("norm.") || key.starts_with("decoder_") || key == "mask_token";
    shapes.retain(|(key, _)| !dropped(key));
    pair(&mut shapes, "fc_norm");
    linear(&mut shapes, "head", [DIM, 527]);
    shapes
}

/// Checks that the report mentions each key of the file once, and knows why a key is unused.
fn check(shapes: &Shapes, report: &Report) {
    let used = report.initialized.iter().flat_map(|entry| entry.sources.iter().cloned());
    let all: BTreeSet<String> =
        used.chain(report.unused.iter().map(|entry| entry.key.clone())).collect();
    let file: BTreeSet<String> = shapes.iter().map(|(key, _)| key.clone()).collect();
    // A training checkpoint has values beside the weights, which no report mentions.
    assert_eq!(all, file);
    for entry in &report.unused {
        let known = ["belongs to", "is a class token"];
        assert!(known.iter().any(|reason| entry.reason.starts_with(reason)), "{entry:?}");
    }
}

#[test]
fn files_of_marlin_initialize_the_visual_encoder() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("marlin.pt");
    let config = config(AudioSlices::Mel);
    let mut tables = Vec::new();
    for (shapes, lightning) in [
        (marlin_full(), false),
        // `marlin.encoder.pt`
        (marlin("encoder."), false),
        (marlin_lightning(), true),
    ] {
        match lightning {
            true => torch_file::write_training_checkpoint(&path, "state_dict", &shapes, value),
            false => torch_file::write_plain(&path, &shapes, value),
        }
        let (_, report) = initialize(&path, &config);
        assert_eq!(report.prefix, "encoder.");
        check(&shapes, &report);
        if lightning {
            let reason = unused_reason(&report, "discriminator.layers.1.linear.bias");
            assert_eq!(reason, "belongs to its discriminator");
        }
        tables.push(report.initialized);
    }
    assert!(tables.iter().all(|table| *table == tables[0]));
}

#[test]
fn files_of_audio_mae_initialize_the_audio_encoder() {
    let folder = TempDir::new().unwrap();
    for (shapes, unused) in
        [(audio_mae_pretrained(), "decoder_pred.weight"), (audio_mae_fine_tuned(), "head.weight")]
    {
        let (_, report) = initialize(&write(&folder, &shapes), &config(AudioSlices::Time));
        check(&shapes, &report);
        assert!(unused_reason(&report, unused).starts_with("belongs to"));
    }
}

#[test]
fn missing_and_unknown_keys_are_named() {
    let folder = TempDir::new().unwrap();
    let config = config(AudioSlices::Time);
    for (shapes, prefix, missing) in [
        (marlin_full(), "encoder.", "encoder.blocks.1.mlp.layers.1.linear.weight"),
        (audio_mae_pretrained(), "", "blocks.1.attn.proj.bias"),
    ] {
        let mut without = shapes.clone();
        without.retain(|(key, _)| key != missing);
        let path = write(&folder, &without);
        let published = PublishedEncoder::open(&path).unwrap();
        let error =
            published.initialize(new_model(&config), &Normalization::default()).unwrap_err();
        let ModelError::Keys { problems, .. } = error else { panic!("{error}") };
        assert_eq!(problems.missing, [missing]);
        // A scale of layers, which MARLIN has for init_values above 0, is no part of this network.
        let mut scaled = shapes.clone();
        scaled.push((format!("{prefix}blocks.0.gamma_1"), vec![DIM]));
        let message = error_message(&write(&folder, &scaled), &config);
        assert!(message.contains("its blocks hold blocks.0.gamma_1"), "{message}");
        // A key beside the blocks is reported, because it cannot change the encoder's tokens.
        let mut more = shapes.clone();
        more.push((format!("{prefix}pooler.weight"), vec![DIM]));
        let (_, report) = initialize(&write(&folder, &more), &config);
        let reason = unused_reason(&report, &format!("{prefix}pooler.weight"));
        assert_eq!(reason, "has no counterpart in this network");
    }
}

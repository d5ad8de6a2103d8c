//! Files that cannot initialize an encoder.

use avff_model::{AvffConfig, config::AudioSlices};

use crate::{
    DIM,
    published::{Shapes, audio_mae, marlin, value, write},
    setup::{config, error_message},
    torch_file,
};

#[test]
fn size_mismatch_names_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &audio_mae(4));
    type Break = fn(&mut AvffConfig);
    let cases: [(Break, [&str; 2]); 3] = [
        (|c| (c.encoder.dim, c.encoder.heads) = (32, 4), ["24 features", "encoder.dim is 32"]),
        (|c| c.encoder.depth = 3, ["2 blocks", "encoder.depth is 3"]),
        (|c| c.encoder.mlp_ratio = 2.0, ["96 hidden features", "is 48"]),
    ];
    for (break_it, parts) in cases {
        let mut config = config(AudioSlices::Time);
        break_it(&mut config);
        let message = error_message(&path, &config);
        for part in parts {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn invalid_encoders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(AudioSlices::Time);
    let message = |shapes: &Shapes| error_message(&write(&folder, shapes), &config);
    let mut two = audio_mae(4);
    two.extend(marlin("encoder."));
    assert!(message(&two).contains("several encoders"), "{}", message(&two));
    let none = vec![("fc.weight".into(), vec![2, 2])];
    assert!(message(&none).contains("patch_embed_a.proj.weight (CAV-MAE)"), "{}", message(&none));
    let mut ast = audio_mae(4);
    ast.push(("dist_token".into(), vec![1, 1, DIM]));
    assert!(message(&ast).contains("AST"), "{}", message(&ast));
    let mut scaled = marlin("");
    scaled.push(("blocks.1.gamma_1".into(), vec![DIM]));
    assert!(message(&scaled).contains("blocks.1.gamma_1"), "{}", message(&scaled));
    let mut odd = audio_mae(4);
    odd[1].1 = vec![1, 31, DIM];
    assert!(message(&odd).contains("30 positions"), "{}", message(&odd));
    let mut missing = audio_mae(4);
    missing.retain(|(key, _)| key != "blocks.1.norm2.bias");
    assert!(message(&missing).contains("missing: blocks.1.norm2.bias"), "{}", message(&missing));
    let path = folder.path().join("nan.pth");
    torch_file::write(&path, &audio_mae(4), |key, shape| match key {
        "norm.bias" => vec![f32::NAN; DIM],
        _ => value(key, shape),
    });
    assert!(error_message(&path, &config).contains("norm.bias holds non-finite numbers"));
}

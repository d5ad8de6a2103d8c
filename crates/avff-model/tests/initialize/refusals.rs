//! Files that no encoder of ours can start from.

use avff_model::{AvffConfig, config::AudioSlices};

use crate::{
    DIM,
    published::{Shapes, audio_mae, marlin, value, write},
    start::{config, fault},
    torch_file,
};

#[test]
fn other_sizes_are_named_on_both_sides() {
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
        let told = fault(&path, &config);
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

#[test]
fn what_is_no_such_encoder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(AudioSlices::Time);
    let told = |shapes: &Shapes| fault(&write(&folder, shapes), &config);
    let mut two = audio_mae(4);
    two.extend(marlin("encoder."));
    assert!(told(&two).contains("several encoders"), "{}", told(&two));
    let none = vec![("fc.weight".into(), vec![2, 2])];
    assert!(told(&none).contains("patch_embed_a.proj.weight (CAV-MAE)"), "{}", told(&none));
    let mut ast = audio_mae(4);
    ast.push(("dist_token".into(), vec![1, 1, DIM]));
    assert!(told(&ast).contains("AST"), "{}", told(&ast));
    let mut scaled = marlin("");
    scaled.push(("blocks.1.gamma_1".into(), vec![DIM]));
    assert!(told(&scaled).contains("blocks.1.gamma_1"), "{}", told(&scaled));
    let mut odd = audio_mae(4);
    odd[1].1 = vec![1, 31, DIM];
    assert!(told(&odd).contains("30 places"), "{}", told(&odd));
    let mut missing = audio_mae(4);
    missing.retain(|(key, _)| key != "blocks.1.norm2.bias");
    assert!(told(&missing).contains("missing: blocks.1.norm2.bias"), "{}", told(&missing));
    let path = folder.path().join("nan.pth");
    torch_file::write(&path, &audio_mae(4), |key, shape| match key {
        "norm.bias" => vec![f32::NAN; DIM],
        _ => value(key, shape),
    });
    assert!(fault(&path, &config).contains("norm.bias holds numbers that are not finite"));
}

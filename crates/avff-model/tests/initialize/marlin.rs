//! Initialization from MARLIN.

use avff_model::{
    config::AudioSlices,
    initialize::{Conversion, Normalization},
};
use burn::tensor::{Tensor, TensorData};

use crate::{
    DEPTH, DIM, formula,
    published::{marlin, write},
    setup::{TOLERANCE, assert_close, config, conversions, initialize, unused_reason},
    source::{Source, matrix, numbers},
};

#[test]
fn marlin_matches_with_other_normalization() {
    let folder = tempfile::tempdir().unwrap();
    let mut shapes = marlin("encoder.");
    shapes.extend([
        ("decoder.mask_token".into(), vec![1, 1, DIM]),
        ("enc_dec_proj.weight".into(), vec![12, DIM]),
        ("discriminator.0.weight".into(), vec![1, DIM]),
    ]);
    let path = write(&folder, &shapes);
    let source = Source::new(&shapes);
    // Pixel levels in [0, 1], [3, 16, 32, 32].
    let levels: Vec<f32> = formula::stream("levels", 3 * 16 * 32 * 32)
        .into_iter()
        .map(|value| value / 2.0 + 0.5)
        .collect();
    let table = source.vector("encoder.pos_embedding.emb");
    let mut tokens = Vec::new();
    for token in 0..32 {
        let (t, row, column) = (token / 4, token / 2 % 2, token % 2);
        let patch: Vec<f32> = (0..3 * 2 * 256)
            .map(|i| {
                let (c, k, y, x) = (i / 512, i / 256 % 2, i / 16 % 16, i % 16);
                levels[((c * 16 + 2 * t + k) * 32 + 16 * row + y) * 32 + 16 * column + x]
            })
            .collect();
        let actual = source.embed("encoder.patch_embedding.projection", &patch);
        tokens.extend(actual.iter().zip(&table[token * DIM..]).map(|(a, b)| a + b));
    }
    let mut x = matrix(tokens);
    for n in 0..DEPTH {
        let base = format!("encoder.blocks.{n}");
        let mut bias = source.vector(&format!("{base}.attn.q_bias"));
        bias.extend([0.0; DIM]);
        bias.extend(source.vector(&format!("{base}.attn.v_bias")));
        let bias = Tensor::from_data(TensorData::new(bias, [1, 3 * DIM]), &Default::default());
        let mlp = ["mlp.layers.0.linear", "mlp.layers.1.linear"];
        x = source.block(x, &base, ["norm1", "norm2"], mlp, bias);
    }
    let expected = numbers(source.norm(x, "encoder.norm"));
    let inputs = Normalization::default();
    let video: Vec<f32> = levels
        .iter()
        .enumerate()
        .map(|(i, level)| {
            let channel = i / (16 * 32 * 32);
            (level - inputs.video_mean[channel]) / inputs.video_std[channel]
        })
        .collect();
    let video = Tensor::from_data(TensorData::new(video, [1, 3, 16, 32, 32]), &Default::default());
    let (model, report) = initialize(&path, &config(AudioSlices::Mel));
    assert_close(&numbers(model.visual_encoder.forward(video)), &expected, TOLERANCE);
    assert_eq!(report.prefix, "encoder.");
    assert_eq!(
        conversions(&report, "visual_encoder.patch_embedding.projection.bias"),
        [Conversion::Renormalized]
    );
    assert_eq!(conversions(&report, "visual_encoder.pos_embedding.emb"), [Conversion::Copied]);
    for (key, reason) in [
        ("decoder.mask_token", "belongs to its decoder"),
        ("enc_dec_proj.weight", "belongs to its decoder"),
        ("discriminator.0.weight", "belongs to its discriminator"),
    ] {
        assert_eq!(unused_reason(&report, key), reason);
    }
    // Folded biases count as used.
    assert!(report.unused.iter().all(|entry| !entry.key.contains("_bias")), "{report:?}");
}

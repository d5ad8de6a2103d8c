//! Initialization from the audio branch of CAV-MAE.

use avff_model::{config::AudioSlices, initialize::Conversion};

use crate::{
    DIM,
    published::{cav_mae, value},
    setup::{
        TOLERANCE, assert_close, audio_input, config, conversions, initialize, log_mels,
        unused_reason,
    },
    source::{Source, matrix, numbers},
    torch_file,
};

#[test]
fn cav_mae_uses_audio_norms_in_shared_block() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = cav_mae();
    let path = folder.path().join("cav.pth");
    torch_file::write(&path, &shapes, value);
    let source = Source::new(&shapes);
    let mels = log_mels();
    let (table, modality) = (source.vector("pos_embed_a"), source.vector("modality_a"));
    let mut tokens = Vec::new();
    for token in 0..32 {
        let (f, t) = (token / 4, token % 4);
        let at = |dt: usize, df: usize| mels[(16 * t + dt) * 128 + 16 * f + df];
        let patch: Vec<f32> = (0..256).map(|i| (at(i % 16, i / 16) + 5.081) / 4.4849).collect();
        let actual = source.embed("patch_embed_a.proj", &patch);
        let place = &table[token * DIM..];
        tokens.extend(actual.iter().zip(place).zip(&modality).map(|((a, b), c)| a + b + c));
    }
    let x = source.timm_block(matrix(tokens), "blocks_a.0", ["norm1", "norm2"]);
    let x = source.timm_block(x, "blocks_u.0", ["norm1_a", "norm2_a"]);
    let expected = numbers(source.norm(x, "norm_a"));
    let (model, report) = initialize(&path, &config(AudioSlices::Mel));
    assert_close(&numbers(model.audio_encoder.forward(audio_input())), &expected, TOLERANCE);
    assert_eq!(conversions(&report, "audio_encoder.patch_embed.proj.weight"), [Conversion::Copied]);
    assert_eq!(conversions(&report, "audio_encoder.patch_embed.proj.bias"), [Conversion::Copied]);
    assert_eq!(conversions(&report, "audio_encoder.pos_embed"), [Conversion::Copied]);
    for (key, reason) in [
        ("blocks_v.0.norm1.bias", "frames"),
        ("blocks_a.0.norm1_a.bias", "not used"),
        ("blocks_u.0.norm1.bias", "joined"),
        ("norm.weight", "joined"),
        ("modality_v", "frames"),
        ("decoder_pos_embed_a", "decoder"),
    ] {
        assert!(
            unused_reason(&report, key).contains(reason),
            "{key}: {}",
            unused_reason(&report, key)
        );
    }
}

//! Initialization from AudioMAE.

use avff_model::{
    ModelError,
    config::AudioSlices,
    initialize::{Architecture, Conversion, Modality, PublishedEncoder},
};

use crate::{
    DEPTH, DIM,
    published::{audio_mae, pair, write},
    setup::{
        TOLERANCE, assert_close, audio_input, config, conversions, initialize, log_mels,
        unused_reason,
    },
    source::{Source, matrix, numbers},
};

#[test]
fn audio_mae_matches_in_both_token_orders() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = audio_mae(4);
    let path = write(&folder, &shapes);
    let source = Source::new(&shapes);
    // Tokens are time-major and a patch's rows are times: the convolution sees [time, mel].
    let (mels, table) = (log_mels(), source.vector("pos_embed"));
    let mut tokens = Vec::new();
    for (index, place) in (0..4).flat_map(|t| (0..8).map(move |f| (t, f))).enumerate() {
        let (t, f) = place;
        let at = |dt: usize, df: usize| mels[(16 * t + dt) * 128 + 16 * f + df];
        let patch: Vec<f32> =
            (0..256).map(|i| (at(i / 16, i % 16) + 4.267_739_3) / (2.0 * 4.568_997_4)).collect();
        let actual = source.embed("patch_embed.proj", &patch);
        tokens.extend(actual.iter().zip(&table[(index + 1) * DIM..]).map(|(a, b)| a + b));
    }
    let mut x = matrix(tokens);
    for n in 0..DEPTH {
        x = source.timm_block(x, &format!("blocks.{n}"), ["norm1", "norm2"]);
    }
    let by_time = numbers(source.norm(x, "norm"));
    for order in [AudioSlices::Mel, AudioSlices::Time] {
        let (model, report) = initialize(&path, &config(order));
        let actual = numbers(model.audio_encoder.forward(audio_input()));
        let expected = match order {
            AudioSlices::Time => by_time.clone(),
            AudioSlices::Mel => (0..32)
                .flat_map(|token| by_time[(token % 4 * 8 + token / 4) * DIM..][..DIM].to_vec())
                .collect(),
        };
        assert_close(&actual, &expected, TOLERANCE);
        assert_eq!(
            (report.architecture, report.modality),
            (Architecture::AudioMae, Modality::Audio)
        );
        assert_eq!(
            conversions(&report, "audio_encoder.patch_embed.proj.weight"),
            [Conversion::Transposed, Conversion::Renormalized]
        );
        assert_eq!(conversions(&report, "audio_encoder.modality"), [Conversion::Zeroed]);
        assert_eq!(
            conversions(&report, "audio_encoder.transformer.1.norm1.bias"),
            [Conversion::Folded]
        );
        assert_eq!(
            conversions(&report, "audio_encoder.transformer.1.norm2.bias"),
            [Conversion::Copied]
        );
        let reordered = conversions(&report, "audio_encoder.pos_embed") == [Conversion::Reordered];
        assert_eq!(reordered, order == AudioSlices::Mel);
        assert!(unused_reason(&report, "cls_token").contains("class token"));
        assert_eq!(unused_reason(&report, "decoder_blocks.0.norm1.bias"), "belongs to its decoder");
        assert!(report.notes.iter().any(|note| note.contains("class token")), "{report:?}");
        assert!(!report.notes.iter().any(|note| note.contains("bias of q")), "{report:?}");
        // The report mentions every key of both sides once.
        assert_eq!(report.initialized.len(), 6 + 11 * DEPTH);
        let mut reported: Vec<&String> =
            report.initialized.iter().flat_map(|entry| &entry.sources).collect();
        reported.extend(report.unused.iter().map(|entry| &entry.key));
        reported.sort();
        reported.dedup();
        assert_eq!(reported.len(), shapes.len());
    }
}

/// Fine-tuned AudioMAE encoders have no last norm.
#[test]
fn missing_norm_keeps_initial_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut shapes = audio_mae(4);
    shapes.retain(|(key, _)| !key.starts_with("norm."));
    pair(&mut shapes, "fc_norm");
    let config = config(AudioSlices::Time);
    let (model, report) = initialize(&write(&folder, &shapes), &config);
    assert_eq!(conversions(&report, "audio_encoder.norm.weight"), [Conversion::Random]);
    assert!(unused_reason(&report, "fc_norm.weight").contains("classifier"));
    assert_eq!(numbers(model.audio_encoder.norm.gamma.val()), [1.0; DIM]);
    assert!(matches!(PublishedEncoder::open(folder.path()), Err(ModelError::Format { .. })));
}

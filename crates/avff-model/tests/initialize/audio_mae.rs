//! AudioMAE.

use avff_model::{
    ModelError,
    config::AudioSlices,
    initialize::{Architecture, Conversion, Modality, PublishedEncoder},
};

use crate::{
    DEPTH, DIM,
    published::{audio_mae, pair, write},
    source::{Source, matrix, numbers},
    start::{ALLOWED, assert_close, audio_input, config, conversions, log_mels, start, why},
};

#[test]
fn audio_mae_computes_the_same_in_either_token_order() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = audio_mae(4);
    let path = write(&folder, &shapes);
    let source = Source::new(&shapes);
    // Time-major, a patch's rows are times: [time, mel] is what its convolution sees.
    let (mels, table) = (log_mels(), source.vector("pos_embed"));
    let mut tokens = Vec::new();
    for (index, place) in (0..4).flat_map(|t| (0..8).map(move |f| (t, f))).enumerate() {
        let (t, f) = place;
        let at = |dt: usize, df: usize| mels[(16 * t + dt) * 128 + 16 * f + df];
        let patch: Vec<f32> =
            (0..256).map(|i| (at(i / 16, i % 16) + 4.267_739_3) / (2.0 * 4.568_997_4)).collect();
        let made = source.embed("patch_embed.proj", &patch);
        tokens.extend(made.iter().zip(&table[(index + 1) * DIM..]).map(|(a, b)| a + b));
    }
    let mut x = matrix(tokens);
    for n in 0..DEPTH {
        x = source.timm_block(x, &format!("blocks.{n}"), ["norm1", "norm2"]);
    }
    let by_time = numbers(source.norm(x, "norm"));
    for order in [AudioSlices::Mel, AudioSlices::Time] {
        let (model, report) = start(&path, &config(order));
        let made = numbers(model.audio_encoder.forward(audio_input()));
        let wanted = match order {
            AudioSlices::Time => by_time.clone(),
            AudioSlices::Mel => (0..32)
                .flat_map(|token| by_time[(token % 4 * 8 + token / 4) * DIM..][..DIM].to_vec())
                .collect(),
        };
        assert_close(&made, &wanted, ALLOWED);
        assert_eq!(
            (report.architecture, report.modality),
            (Architecture::AudioMae, Modality::Audio)
        );
        assert_eq!(
            conversions(&report, "audio_encoder.patch_embed.proj.weight"),
            [Conversion::Transposed, Conversion::Renormalised]
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
        assert!(why(&report, "cls_token").contains("class token"));
        assert_eq!(why(&report, "decoder_blocks.0.norm1.bias"), "of its decoder");
        assert!(report.notes.iter().any(|note| note.contains("class token")), "{report:?}");
        assert!(!report.notes.iter().any(|note| note.contains("bias of q")), "{report:?}");
        // Every key of either side is told of, once.
        assert_eq!(report.initialized.len(), 6 + 11 * DEPTH);
        let mut told: Vec<&String> =
            report.initialized.iter().flat_map(|entry| &entry.sources).collect();
        told.extend(report.unused.iter().map(|entry| &entry.key));
        told.sort();
        told.dedup();
        assert_eq!(told.len(), shapes.len());
    }
}

/// AudioMAE's fine-tuned encoders have no last norm.
#[test]
fn a_norm_that_is_not_there_stays_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let mut shapes = audio_mae(4);
    shapes.retain(|(key, _)| !key.starts_with("norm."));
    pair(&mut shapes, "fc_norm");
    let config = config(AudioSlices::Time);
    let (model, report) = start(&write(&folder, &shapes), &config);
    assert_eq!(conversions(&report, "audio_encoder.norm.weight"), [Conversion::Random]);
    assert!(why(&report, "fc_norm.weight").contains("classifier"));
    assert_eq!(numbers(model.audio_encoder.norm.gamma.val()), [1.0; DIM]);
    assert!(matches!(PublishedEncoder::open(folder.path()), Err(ModelError::Format { .. })));
}

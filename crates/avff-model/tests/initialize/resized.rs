//! Position tables and kernels of other sizes than in the file.

use avff_model::{
    AvffConfig, Init, Pretrain,
    config::AudioSlices,
    initialize::{Conversion, Normalization, PublishedEncoder},
};
use burn::backend::Autodiff;
use burn_flex::Flex;

use crate::{
    DIM,
    published::{audio_mae, marlin, value},
    setup::{config, conversions, initialize},
    source::numbers,
    torch_file,
};

/// A smooth position table keeps its values approximately on another grid.
#[test]
fn position_tables_are_interpolated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.pth");
    let at = |t: f64, f: f64, i: usize| (0.2 * t + 0.1 * f + i as f64).cos() as f32;
    torch_file::write(&path, &audio_mae(16), |key, shape| match key {
        "pos_embed" => (0..129)
            .flat_map(|row: usize| {
                (0..DIM).map(move |i| match row.checked_sub(1) {
                    None => 100.0,
                    Some(token) => at((token / 8) as f64, (token % 8) as f64, i),
                })
            })
            .collect(),
        _ => value(key, shape),
    });
    let mut config = config(AudioSlices::Mel);
    // 12 x 4 tokens instead of 16 x 8.
    (config.audio.frames, config.audio.mels) = (192, 64);
    let (model, report) = initialize(&path, &config);
    assert_eq!(
        conversions(&report, "audio_encoder.pos_embed"),
        [Conversion::Interpolated, Conversion::Reordered]
    );
    assert!(report.notes.iter().any(|note| note.contains("laid out")), "{:?}", report.notes);
    let table = numbers(model.audio_encoder.pos_embed.val());
    for token in 0..48 {
        let (mel, time) = (token / 12, token % 12);
        // The center of this network's patch on the axes of the source.
        let place = |index: usize, scale: f64| (index as f64 + 0.5) * scale - 0.5;
        for i in 0..DIM {
            let expected = at(place(time, 16.0 / 12.0), place(mel, 2.0), i);
            let edge = time == 0 || time == 11 || mel == 0 || mel == 3;
            let error = (table[token * DIM + i] - expected).abs();
            assert!(error < if edge { 0.05 } else { 0.01 }, "{time} {mel} {i}: {error}");
        }
    }
    // The visual table stays fixed, and the audio table stays trainable.
    type Learning = Autodiff<Flex>;
    let learning = Pretrain::<Learning>::new(&config, &mut Init::seeded(1), &Default::default());
    let published = PublishedEncoder::open(&path).unwrap();
    let (learning, _) = published.initialize(learning.unwrap(), &Normalization::default()).unwrap();
    assert!(learning.audio_encoder.pos_embed.val().is_require_grad());
    assert!(learning.audio_encoder.patch_embed.proj.weight.val().is_require_grad());
    torch_file::write(&path, &marlin("marlin.encoder."), value);
    let (learning, report) = PublishedEncoder::open(&path)
        .unwrap()
        .initialize(learning, &Normalization::default())
        .unwrap();
    assert_eq!(report.prefix, "marlin.encoder.");
    assert!(!learning.visual_encoder.pos_embedding.emb.val().is_require_grad());
    assert!(learning.visual_encoder.norm.gamma.val().is_require_grad());
}

#[test]
fn resized_kernels_keep_response_to_constant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.pth");
    // The sum of a kernel is its response to a constant; smooth kernels keep it.
    torch_file::write(&path, &audio_mae(16), |key, shape| match key {
        "patch_embed.proj.weight" => (0..DIM * 256)
            .map(|i| ((i / 16 % 16) as f32 * 0.2).sin() + (i % 16) as f32 * 0.05 + (i / 256) as f32)
            .collect(),
        _ => value(key, shape),
    });
    let sums = |config: &AvffConfig| -> Vec<f32> {
        let (model, report) = initialize(&path, config);
        let conversions = conversions(&report, "audio_encoder.patch_embed.proj.weight");
        let resized = config.audio.patch_frames != 16;
        assert_eq!(conversions.contains(&Conversion::Resized), resized);
        let weight = model.audio_encoder.patch_embed.proj.weight.val();
        let patch = config.audio.patch_frames * config.audio.patch_mels;
        numbers(weight).chunks(patch).map(|kernel| kernel.iter().sum()).collect()
    };
    let plain = config(AudioSlices::Mel);
    let mut other = plain.clone();
    (other.audio.patch_frames, other.audio.patch_mels) = (8, 32);
    for (actual, expected) in sums(&other).iter().zip(sums(&plain)) {
        assert!((actual - expected).abs() < 0.01 * expected.abs(), "{actual} {expected}");
    }
}

//! Tests checkpoints written by PyTorch and by this library, and damaged files.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    dead_code
)]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use avff_model::{
    AvffConfig, Checkpoint, Classifier, Init, ModelError, Pretrain,
    checkpoint::{
        self, Format, KeyStyle, Kind, Matched, MatchingWeights, Metadata, Precision, WriteOptions,
    },
    config::FusionAttention,
};
use burn::module::Module;
use burn_flex::Flex;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{
    formula,
    networks::{micro, nano, weights},
    torch_file,
};

fn fixture(name: &str) -> PathBuf {
    Path::new("tests/fixtures").join(name)
}

/// Head counts of the micro checkpoints, whose heads have 8 features each.
fn heads() -> Value {
    json!({ "encoder": { "heads": 3 }, "decoder": { "heads": 3 } })
}

#[test]
fn pytorch_files_load_in_both_formats() {
    let golden: Value = serde_json::from_str(include_str!("fixtures/stage2_micro.json")).unwrap();
    let golden_keys: Vec<&str> =
        golden["keys"].as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
    for (name, format) in [
        ("stage2_micro_f16.pth", Format::TorchZip),
        ("stage2_micro_f16_legacy.pth", Format::TorchLegacy),
    ] {
        let file = Checkpoint::open(fixture(name)).unwrap();
        assert_eq!((file.kind(), file.format()), (Kind::Pretrain, format));
        let mut keys: Vec<String> =
            file.tensors().map(|(key, _)| format!("module.{key}")).collect();
        keys.sort();
        let mut expected = golden_keys.clone();
        expected.sort_unstable();
        assert_eq!(keys, expected);
        let config = file.config(Some(&heads())).unwrap();
        assert_eq!(config, micro());
        let model: Pretrain<Flex> = file.pretrain(&config, &Default::default()).unwrap();
        let shapes: BTreeMap<String, Vec<usize>> =
            checkpoint::required_keys(&model).into_iter().collect();
        for (key, values) in weights(&model) {
            for (value, expected) in
                values.iter().zip(formula::weight(&key, &shapes[&key], &config))
            {
                // Half precision keeps eleven bits.
                let allowed = expected.abs() / 2048.0 + 6e-8;
                assert!((value - expected).abs() <= allowed, "{name} {key}: {value} {expected}");
            }
        }
    }
}

#[test]
fn unknown_head_count_is_an_error() {
    let file = Checkpoint::open(fixture("stage2_micro_f16.pth")).unwrap();
    let error = file.config(None).unwrap_err();
    assert!(matches!(error, ModelError::Infer { what: "attention heads", .. }), "{error}");
    assert!(error.to_string().contains(r#"{"encoder": {"heads": N}}"#), "{error}");
    let error = file.config(Some(&json!({ "encoder": { "haeds": 3 } }))).unwrap_err();
    assert!(error.to_string().contains("haeds"), "{error}");
}

#[test]
fn sizes_are_inferred_from_shapes() {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (64, 3, 1);
    config.encoder.mlp_ratio = 2.0;
    config.audio.frames = 512;
    config.head.hidden = 16;
    (config.video.height, config.video.width) = (96, 96);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stage3.pth");
    let model = Classifier::<Flex>::new(&config, &mut Init::blank(), &Default::default()).unwrap();
    torch_file::write(&path, &checkpoint::required_keys(&model), |_, shape| {
        vec![0.5; shape.iter().product()]
    });
    assert_eq!(Checkpoint::open(&path).unwrap().config(None).unwrap(), config);
}

#[test]
fn safetensors_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let mut config = nano();
    config.fusion_attention = FusionAttention::Tokens;
    let model = Classifier::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    let mut metadata = Metadata::new(Kind::Classifier, &config, true);
    metadata.extra.insert("note".into(), "kept".into());
    let (one, two, half) = (
        folder.path().join("1.safetensors"),
        folder.path().join("2.safetensors"),
        folder.path().join("h.safetensors"),
    );
    checkpoint::save(&model, &metadata, Precision::F32, &one).unwrap();
    let file = Checkpoint::open(&one).unwrap();
    assert_eq!(file.metadata(), Some(&metadata));
    assert_eq!(file.parameter_count(), model.num_params());
    let stored = file.config(None).unwrap();
    assert_eq!(stored, config);
    let reloaded: Classifier<Flex> = file.classifier(&stored, &device).unwrap();
    assert_eq!(weights(&reloaded), weights(&model));
    checkpoint::save(&reloaded, &metadata, Precision::F32, &two).unwrap();
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    assert_eq!(file.sha256().unwrap(), Checkpoint::open(&two).unwrap().sha256().unwrap());
    // The reference's own scripts expect PyTorch's data parallel names.
    let bytes = fs::read(&one).unwrap();
    let name = b"\"module.visual_encoder.blocks.0.mlp.layers.0.linear.weight\"";
    assert!(bytes.windows(name.len()).any(|window| window == name));

    checkpoint::save(&model, &metadata, Precision::F16, &half).unwrap();
    let reloaded: Classifier<Flex> =
        Checkpoint::open(&half).unwrap().classifier(&config, &device).unwrap();
    for (key, values) in weights(&reloaded) {
        for (value, expected) in values.iter().zip(&weights(&model)[&key]) {
            assert!((value - expected).abs() <= expected.abs() / 2048.0 + 6e-8);
        }
    }
    let entries: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(entries.len(), 3, "{entries:?}");
}

#[test]
fn a_copy_has_other_metadata_and_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let config = nano();
    let model = Classifier::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    let mut metadata = Metadata::new(Kind::Classifier, &config, true);
    let [one, two] = ["1.safetensors", "2.safetensors"].map(|name| folder.path().join(name));
    checkpoint::save(&model, &metadata, Precision::F16, &one).unwrap();
    metadata.extra.insert("note".into(), "new".into());
    Checkpoint::open(&one).unwrap().copy_with(&metadata, &two).unwrap();
    let [before, after] = [&one, &two].map(|path| {
        let file = Checkpoint::open(path).unwrap();
        let model: Classifier<Flex> = file.classifier(&config, &device).unwrap();
        (file.metadata().cloned(), weights(&model))
    });
    assert_eq!(before.1, after.1);
    assert_eq!(after.0, Some(metadata.clone()));
    // A copy of a damaged file would have new checksums, which hide the damage.
    let mut bytes = fs::read(&one).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&one, bytes).unwrap();
    let error = Checkpoint::open(&one).unwrap().copy_with(&metadata, &two).unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
}

#[test]
fn pytorch_files_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let config = nano();
    let model = Pretrain::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    for (precision, keys) in [(Precision::F32, KeyStyle::Module), (Precision::F16, KeyStyle::Plain)]
    {
        let path = folder.path().join(format!("{precision:?}.pth"));
        let options = WriteOptions { precision, keys };
        checkpoint::save_torch(&model, options, &path).unwrap();
        let file = Checkpoint::open(&path).unwrap();
        assert_eq!((file.format(), file.kind()), (Format::TorchZip, Kind::Pretrain));
        let reloaded: Pretrain<Flex> = file.pretrain(&config, &device).unwrap();
        let original = weights(&model);
        for (key, values) in weights(&reloaded) {
            let expected = original[&key].iter().map(|&value| match precision {
                Precision::F32 => value,
                Precision::F16 => half::f16::from_f32(value).to_f32(),
            });
            assert!(values.iter().copied().eq(expected), "{key}");
        }
        // Equal networks give equal files.
        let again = folder.path().join("again.pth");
        checkpoint::save_torch(&reloaded, options, &again).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes, fs::read(&again).unwrap());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
        let expected = ["archive/data.pkl", "archive/byteorder", "archive/version"];
        assert!(expected.iter().all(|name| names.iter().any(|n| n == name)), "{names:?}");
        for index in 0..archive.len() {
            let member = archive.by_index(index).unwrap();
            assert_eq!(member.data_start().unwrap() % 64, 0, "{}", member.name());
        }
    }
}

#[test]
fn initial_values_depend_only_on_seed() {
    let make = |seed| {
        weights(
            &Pretrain::<Flex>::new(&nano(), &mut Init::seeded(seed), &Default::default()).unwrap(),
        )
    };
    assert_eq!(make(5), make(5));
    assert_ne!(make(5), make(6));
    // Xavier normal: the standard deviation of a known layer.
    let qkv = &make(5)["audio_encoder.transformer.0.attn.qkv.weight"];
    let std = (qkv.iter().map(|v| v * v).sum::<f32>() / qkv.len() as f32).sqrt();
    assert!((std - (2f32 / 96.0).sqrt()).abs() < 0.01, "{std}");
}

#[test]
fn adaptation_keeps_the_weights_that_the_reference_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let path = folder.path().join("stage2.pth");
    let stage2 = Pretrain::<Flex>::new(&nano(), &mut Init::seeded(1), &device).unwrap();
    let (keys, values) = (checkpoint::required_keys(&stage2), weights(&stage2));
    torch_file::write(&path, &keys, |key, _| values[key].clone());
    let file = Checkpoint::open(&path).unwrap();
    let adapt = |seed| weights(&file.adapt::<Flex>(&nano(), seed, &device).unwrap());
    let (stage3, other) = (adapt(2), adapt(3));
    assert_eq!(stage3, adapt(2));
    for (key, value) in &stage3 {
        let fresh = ["a2v.mlp", "v2a.mlp", "mlp_vision", "mlp_audio", "mlp_head"];
        if fresh.iter().any(|prefix| key.starts_with(prefix)) {
            assert_ne!(value, &other[key], "{key}");
        } else {
            assert_eq!(value, &values[key], "{key}");
        }
    }
    let error = file.classifier::<Flex>(&nano(), &device).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "holds a pre-training model (stage 1 or 2), but a classifier (stage 3) is needed"
        ),
        "{error}"
    );
}

#[test]
fn every_wrong_key_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let path = folder.path().join("stage3.pth");
    let model = Classifier::<Flex>::new(&nano(), &mut Init::blank(), &device).unwrap();
    let mut keys = checkpoint::required_keys(&model);
    keys.retain(|(key, _)| key != "mlp_head.fc3.bias" && key != "a2v.transformer.fc1.weight");
    keys.push(("classifier.weight".into(), vec![2]));
    for (key, shape) in &mut keys {
        if key == "mlp_vision.weight" {
            shape.reverse();
        }
    }
    torch_file::write(&path, &keys, |_, shape| vec![0.0; shape.iter().product()]);
    let error = Checkpoint::open(&path).unwrap().classifier::<Flex>(&nano(), &device).unwrap_err();
    let ModelError::Keys { problems, .. } = &error else { panic!("{error}") };
    assert_eq!(problems.missing, ["a2v.transformer.fc1.weight", "mlp_head.fc3.bias"]);
    assert_eq!(problems.unused, ["classifier.weight"]);
    assert_eq!(problems.misshapen, [("mlp_vision.weight".into(), vec![32, 8], vec![8, 32])]);
    for key in ["mlp_head.fc3.bias", "classifier.weight", "[32, 8]"] {
        assert!(error.to_string().contains(key), "{error}");
    }
}

/// The fixture has odd storage: views, transposed tensors, doubles and bfloat16, wrapped in a
/// training checkpoint. `reference/torch_fixtures.py` describes the file.
#[test]
fn odd_storage_is_read_correctly() {
    for name in ["odd_storage.pth", "odd_storage_legacy.pth"] {
        let file = Checkpoint::open(fixture(name)).unwrap();
        let model: Classifier<Flex> = file.classifier(&nano(), &Default::default()).unwrap();
        let shapes: BTreeMap<String, Vec<usize>> =
            checkpoint::required_keys(&model).into_iter().collect();
        for (key, values) in weights(&model) {
            for (i, (value, expected)) in
                values.iter().zip(formula::weight(&key, &shapes[&key], &nano())).enumerate()
            {
                let allowed = match key.as_str() {
                    // bfloat16 keeps eight bits.
                    "mlp_audio.weight" => expected.abs() / 256.0,
                    // Sines and powers of two math libraries differ in the last bits.
                    key if key.contains("pos_emb") => 1e-5,
                    _ => 0.0,
                };
                assert!(
                    (value - expected).abs() <= allowed,
                    "{name} {key}[{i}]: {value} {expected}"
                );
            }
        }
    }
}

#[test]
fn invalid_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (bytes, reason) in [
        (&b""[..], "empty"),
        (b"hello, world, this is text", "neither PyTorch"),
        (b"PK\x03\x04 nothing more", "zip"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "the file is incomplete"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{\"a\":1}", "safetensors header"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = Checkpoint::open(&path).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(matches!(Checkpoint::open(folder.path()), Err(ModelError::Format { .. })));
    assert!(matches!(Checkpoint::open(folder.path().join("absent")), Err(ModelError::Io { .. })));
}

/// Every format gives equal results from bytes and from a file.
#[test]
fn bytes_and_file_give_equal_results() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let safetensors = folder.path().join("stage2.safetensors");
    let model = Pretrain::<Flex>::new(&micro(), &mut Init::seeded(1), &device).unwrap();
    let metadata = Metadata::new(Kind::Pretrain, &micro(), true);
    checkpoint::save(&model, &metadata, Precision::F32, &safetensors).unwrap();
    for (path, format) in [
        (fixture("stage2_micro_f16.pth"), Format::TorchZip),
        (fixture("stage2_micro_f16_legacy.pth"), Format::TorchLegacy),
        (safetensors, Format::Safetensors),
    ] {
        let on_disk = Checkpoint::open(&path).unwrap();
        let in_memory = Checkpoint::from_bytes("upload", fs::read(&path).unwrap()).unwrap();
        assert_eq!((on_disk.format(), in_memory.format()), (format, format));
        assert_eq!(in_memory.path(), Path::new("upload"));
        assert_eq!(in_memory.kind(), on_disk.kind());
        assert_eq!(in_memory.metadata(), on_disk.metadata());
        assert_eq!(in_memory.sha256().unwrap(), on_disk.sha256().unwrap());
        let config = on_disk.config(Some(&heads())).unwrap();
        assert_eq!(in_memory.config(Some(&heads())).unwrap(), config);
        let [a, b]: [Pretrain<Flex>; 2] =
            [&on_disk, &in_memory].map(|file| file.pretrain(&config, &device).unwrap());
        assert_eq!(weights(&a), weights(&b));
    }
}

#[test]
fn errors_of_bytes_show_their_name() {
    let file = |error: ModelError| error.to_string().starts_with("upload.pth: ");
    assert!(file(Checkpoint::from_bytes("upload.pth", *b"").unwrap_err()));
    let bytes = fs::read(fixture("stage2_micro_f16.pth")).unwrap();
    let checkpoint = Checkpoint::from_bytes("upload.pth", bytes).unwrap();
    assert!(file(checkpoint.config(None).unwrap_err()));
    assert!(file(checkpoint.require(Kind::Classifier).unwrap_err()));
    assert!(file(checkpoint.classifier::<Flex>(&micro(), &Default::default()).unwrap_err()));
}

/// One call loads a network with the config of its file.
#[test]
fn networks_load_in_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let config = nano();
    let path = |name: &str| folder.path().join(name);
    let classifier = Classifier::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    let metadata = Metadata::new(Kind::Classifier, &config, true);
    checkpoint::save(&classifier, &metadata, Precision::F32, path("3.safetensors")).unwrap();
    let loaded = Classifier::<Flex>::load(path("3.safetensors"), &device).unwrap();
    assert_eq!(loaded.num_params(), classifier.into_packed().num_params());
    let pretrain = Pretrain::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    let metadata = Metadata::new(Kind::Pretrain, &config, true);
    checkpoint::save(&pretrain, &metadata, Precision::F32, path("2.safetensors")).unwrap();
    let loaded = Pretrain::<Flex>::load(path("2.safetensors"), &device).unwrap();
    assert_eq!(weights(&loaded), weights(&pretrain));
    let other = Classifier::<Flex>::load(path("2.safetensors"), &device);
    assert!(matches!(other, Err(ModelError::Kind { .. })));
}

/// Loads arbitrary contents from a file and from bytes, which must give equal results without a
/// panic.
fn try_to_load(path: &Path) -> Result<(), ModelError> {
    let from_file = Checkpoint::open(path).and_then(load_pretrain);
    let from_bytes = Checkpoint::from_bytes(path, fs::read(path).unwrap()).and_then(load_pretrain);
    let message =
        |result: &Result<(), ModelError>| result.as_ref().map_err(ToString::to_string).err();
    assert_eq!(message(&from_file), message(&from_bytes));
    from_file
}

fn load_pretrain(file: Checkpoint) -> Result<(), ModelError> {
    let config = file.config(Some(&heads()))?;
    file.pretrain::<Flex>(&config, &Default::default())?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn truncated_files_are_errors(share in 0.0..0.9999, legacy: bool) {
        let name = if legacy { "stage2_micro_f16_legacy.pth" } else { "stage2_micro_f16.pth" };
        let bytes = fs::read(fixture(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.pth");
        fs::write(&path, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
        prop_assert!(try_to_load(&path).is_err());
    }

    #[test]
    fn damaged_files_never_panic(seed in any::<u64>(), legacy: bool) {
        let name = if legacy { "stage2_micro_f16_legacy.pth" } else { "stage2_micro_f16.pth" };
        let mut bytes = fs::read(fixture(name)).unwrap();
        // The first and last 20 KB contain all structure; only values lie between them.
        let length = bytes.len();
        let mut state = seed;
        for _ in 0..1 + seed % 8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let position = (state >> 33) as usize % 20_000;
            let at = if state & 1 == 0 { position } else { length - 1 - position };
            bytes[at] = (state >> 20) as u8;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.pth");
        fs::write(&path, &bytes).unwrap();
        let _ = try_to_load(&path);
    }
}

/// Config files that were written before two keys got new names are read.
#[test]
fn old_names_of_config_keys_are_read() {
    let old = json!({ "loss": { "contrast": 0.5, "contrast_over": "slices" } });
    let new = json!({ "loss": { "contrastive": 0.5, "contrastive_over": "slices" } });
    let [old, new] = [old, new].map(|json| nano().merged(&json).unwrap());
    assert_eq!(old, new);
    assert_ne!(old, nano());
}

#[test]
fn matching_weights_load_and_the_others_keep_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let path = folder.path().join("stage2.safetensors");
    let config = nano();
    let stage2 = Pretrain::<Flex>::new(&config, &mut Init::seeded(1), &device).unwrap();
    let mut metadata = Metadata::new(Kind::Pretrain, &config, true);
    metadata.extra.insert("note".into(), "beware".into());
    checkpoint::save(&stage2, &metadata, Precision::F32, &path).unwrap();
    let file = MatchingWeights::open(&path).unwrap();
    assert_eq!(file.note(), Some("beware"));
    let fresh = Classifier::<Flex>::new(&config, &mut Init::seeded(2), &device).unwrap();
    let (before, stored) = (weights(&fresh), weights(&stage2));
    let (model, matched) = file.load_into(fresh).unwrap();
    let after = weights(&model);
    assert_eq!(matched.loaded.len() + matched.left.missing.len() + matched.left.misshapen.len(), {
        after.len()
    });
    for (key, values) in &after {
        let loaded = matched.loaded.contains(key);
        let expected = if loaded { &stored[key] } else { &before[key] };
        assert_eq!(values, expected, "{key}");
    }
    // Token maps over whole clips have another size in the classifier.
    let misshapen: Vec<&str> =
        matched.left.misshapen.iter().map(|(key, _, _)| key.as_str()).collect();
    assert!(misshapen.contains(&"a2v.mlp.linear.weight"), "{misshapen:?}");
    assert!(matched.left.missing.iter().any(|key| key == "mlp_head.fc1.weight"));
    assert!(matched.left.unused.iter().any(|key| key == "visual_decoder.mask_token"));
    assert!(matched.loaded.iter().any(|key| key == "audio_encoder.norm.weight"));
    let json = serde_json::to_string(&matched).unwrap();
    assert_eq!(serde_json::from_str::<Matched>(&json).unwrap(), matched);

    // The encoders alone are no checkpoint of either model, but they match.
    let encoders = folder.path().join("encoders.pth");
    let keys: Vec<_> = checkpoint::required_keys(&stage2)
        .into_iter()
        .filter(|(key, _)| key.starts_with("audio_encoder.") || key.starts_with("visual_encoder."))
        .collect();
    torch_file::write(&encoders, &keys, |key, _| stored[key].clone());
    assert!(Checkpoint::open(&encoders).is_err());
    let fresh = Classifier::<Flex>::new(&config, &mut Init::seeded(2), &device).unwrap();
    let (_, matched) = MatchingWeights::open(&encoders).unwrap().load_into(fresh).unwrap();
    assert_eq!(matched.loaded.len(), keys.len());
    assert!(matched.left.unused.is_empty());

    // Other names match nothing. The reference would go on from random weights.
    let renamed: Vec<_> =
        keys.iter().map(|(key, shape)| (format!("backbone.{key}"), shape.clone())).collect();
    torch_file::write(&encoders, &renamed, |key, _| stored[&key["backbone.".len()..]].clone());
    let fresh = Classifier::<Flex>::new(&config, &mut Init::seeded(2), &device).unwrap();
    let error = MatchingWeights::open(&encoders).unwrap().load_into(fresh).unwrap_err();
    assert!(matches!(&error, ModelError::NoMatch { .. }), "{error}");
    assert!(error.to_string().contains("backbone.audio_encoder."), "{error}");
}

//! `avff inspect` and `avff adapt`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::setup::{Scene, clip, root, weights};

fn stage2() -> PathBuf {
    root().join("crates/avff-model/tests/fixtures/stage2_micro_f16.pth")
}

fn inspect(scene: &Scene, file: &Path, config: &Path) -> Value {
    let ran = scene.run(&[
        "inspect",
        "--json",
        "--config",
        config.to_str().unwrap(),
        file.to_str().unwrap(),
    ]);
    crate::setup::json(&ran.expect(0).stdout)
}

#[test]
fn inspect_shows_the_contents_of_a_file() {
    let scene = Scene::new();
    let ran = scene.run(&["inspect", stage2().to_str().unwrap()]).expect(0);
    for part in [
        "pre-training model",
        "PyTorch (zip)",
        "SHA-256",
        "99 tensors",
        "visual_decoder.mask_token",
        "f16",
        "[784, 256]",
        "64 does not divide",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let ran = scene.run(&["inspect", weights().to_str().unwrap()]).expect(0);
    for part in [
        "classifier (safetensors)",
        "no: scores of these weights are meaningless",
        "\"fusion_attention\": \"tokens\"",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
}

#[test]
fn adapt_initializes_a_classifier_from_stage_two() {
    let scene = Scene::new();
    let config = scene.write("heads.json", r#"{"encoder": {"heads": 3}, "decoder": {"heads": 3}}"#);
    let (stage2, heads) = (stage2(), config.to_str().unwrap());
    let adapt = |output: &str, seed: &str| {
        scene
            .run(&["adapt", stage2.to_str().unwrap(), output, "--seed", seed, "--config", heads])
            .expect(0)
    };
    adapt("a.safetensors", "1");
    adapt("b.safetensors", "1");
    adapt("c.safetensors", "2");
    let ran = scene.run(&["adapt", stage2.to_str().unwrap(), "a.safetensors", "--config", heads]);
    assert!(ran.expect(2).stderr.contains("already exists"));
    let read = |name: &str| std::fs::read(scene.path(name)).unwrap();
    assert_eq!(read("a.safetensors"), read("b.safetensors"));
    assert_ne!(read("a.safetensors"), read("c.safetensors"));
    let empty = scene.write("empty.json", "{}");
    let json = inspect(&scene, &scene.path("a.safetensors"), &empty);
    assert_eq!(json["kind"], "classifier");
    assert_eq!(json["metadata"]["trained"], false);
    assert_eq!(json["config"]["encoder"]["heads"], 3);
    let keys: Vec<&str> =
        json["keys"].as_array().unwrap().iter().map(|k| k["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"mlp_head.fc3.weight") && !keys.iter().any(|k| k.contains("decoder")));
    let typo = scene.write("typo.json", r#"{"encoder": {"haeds": 3}}"#);
    let ran = scene.run(&["inspect", "--config", typo.to_str().unwrap(), stage2.to_str().unwrap()]);
    assert!(ran.expect(2).stderr.contains("haeds"));
    // A stage-2 file is refused with a hint to `avff adapt`.
    let clip = clip("match_a.mp4");
    let ran = scene
        .run(&[
            "score",
            "--checkpoint",
            stage2.to_str().unwrap(),
            "--config",
            heads,
            clip.to_str().unwrap(),
        ])
        .expect(2);
    assert!(ran.stderr.contains("avff adapt"), "{}", ran.stderr);
    // The adapted file scores, with a warning that it is untrained.
    let ran = scene
        .run(&["score", "--checkpoint", "a.safetensors", "--device", "cpu", clip.to_str().unwrap()])
        .expect(0);
    assert!(ran.stdout.contains("UNTRAINED"), "{}", ran.stdout);
}

#[test]
fn convert_keeps_the_scores_and_stores_the_config() {
    let scene = Scene::new();
    let (weights, clip) = (weights(), clip("match_a.mp4"));
    let convert = |output: &str, more: &[&str]| {
        let arguments = ["convert", weights.to_str().unwrap(), output];
        scene.run(&[&arguments, more].concat())
    };
    let stdout = convert("whole.safetensors", &[]).expect(0).stdout;
    assert!(stdout.contains("classifier"), "{stdout}");
    assert!(convert("whole.safetensors", &[]).expect(2).stderr.contains("already exists"));
    assert!(convert("whole.onnx", &[]).expect(2).stderr.contains("safetensors"));
    convert("half.safetensors", &["--dtype", "f16"]).expect(0);
    let size = |name: &str| std::fs::metadata(scene.path(name)).unwrap().len();
    assert!(size("half.safetensors") < size("whole.safetensors") * 6 / 10);
    let score = |file: &str| {
        let arguments =
            ["score", "--json", "--device", "cpu", "--checkpoint", file, clip.to_str().unwrap()];
        let json: Value = crate::setup::json(&scene.run(&arguments).expect(0).stdout);
        json["clips"][0]["y_pred"].as_f64().unwrap()
    };
    let before = score(weights.to_str().unwrap());
    assert_eq!(score("whole.safetensors"), before);
    // The bundled weights are f16 numbers: nothing is rounded.
    assert_eq!(score("half.safetensors"), before);

    // A `.pth` has no config; the converted file stores one.
    let config = scene.write("heads.json", r#"{"encoder": {"heads": 3}, "decoder": {"heads": 3}}"#);
    let (from, heads) = (stage2(), config.to_str().unwrap());
    let arguments = ["convert", from.to_str().unwrap(), "stage2.safetensors", "--config", heads];
    scene.run(&arguments).expect(0);
    let empty = scene.write("empty.json", "{}");
    let json = inspect(&scene, &scene.path("stage2.safetensors"), &empty);
    assert_eq!(
        (&json["kind"], &json["config"]["encoder"]["heads"]),
        (&"pretrain".into(), &3.into())
    );
    assert_eq!(json["metadata"]["trained"], true);
}

#[test]
fn conversion_to_pytorch_and_back_is_bit_identical() {
    let scene = Scene::new();
    let weights = weights();
    let config = inspect(&scene, &weights, &scene.write("empty.json", "{}"))["config"].to_string();
    let config = scene.write("config.json", &config);
    let convert = |from: &Path, to: &str, more: &[&str]| {
        let arguments = ["convert", from.to_str().unwrap(), to];
        scene.run(&[&arguments, more].concat())
    };
    // The tensors of a file, without its header.
    let tensors = |name: &str| {
        let bytes = std::fs::read(scene.path(name)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    // The bundled weights are f16 numbers: nothing is rounded.
    convert(&weights, "whole.safetensors", &[]).expect(0);
    for (dtype, keys) in [("f32", "module"), ("f16", "plain")] {
        let pth = format!("{dtype}.pth");
        let ran = convert(&weights, &pth, &["--dtype", dtype, "--keys", keys]).expect(0);
        assert!(ran.stderr.contains("stores neither the network's config"), "{}", ran.stderr);
        assert!(ran.stderr.contains("does not store the weights' warning"), "{}", ran.stderr);
        let back = format!("{dtype}.safetensors");
        convert(&scene.path(&pth), &back, &["--config", config.to_str().unwrap()]).expect(0);
        assert_eq!(tensors(&back), tensors("whole.safetensors"), "{dtype} {keys}");
        let bytes = std::fs::read(scene.path(&pth)).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert_eq!(has(b"module."), keys == "module");
        assert!(has(b"archive/data.pkl") && has(b"archive/version"));
    }
    assert!(convert(&weights, "f16.pth", &[]).expect(2).stderr.contains("already exists"));
    let ran = convert(&weights, "noted.pth", &["--note", "Beware."]).expect(2);
    assert!(ran.stderr.contains("noted.pth: a PyTorch file has no place"), "{}", ran.stderr);
    assert!(ran.stderr.contains("noted.safetensors, which stores it"), "{}", ran.stderr);
    assert!(!scene.path("noted.pth").exists());
    // Plain keys in safetensors.
    convert(&weights, "plain.safetensors", &["--keys", "plain"]).expect(0);
    assert_eq!(tensors("plain.safetensors"), tensors("whole.safetensors"));
    let bytes = std::fs::read(scene.path("plain.safetensors")).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"module."));
}

//! `avff init`.

use std::path::PathBuf;

use avff::model::{
    AvffConfig, Init, Pretrain,
    checkpoint::{Kind, Metadata, Precision, required_keys, save},
};
use burn_flex::Flex;
use serde_json::Value;

use crate::{setup::Scene, torch_file};

/// A network of two blocks of 24 features.
const CONFIG: &str = r#"{
    "encoder": {"dim": 24, "depth": 2, "heads": 3},
    "decoder": {"dim": 12, "depth": 1, "heads": 3},
    "video": {"height": 32, "width": 32}
}"#;

fn config() -> AvffConfig {
    AvffConfig::open_avff().merged(&serde_json::from_str(CONFIG).unwrap()).unwrap()
}

/// A value that differs from key to key.
fn value(key: &str, shape: &[usize]) -> Vec<f32> {
    let seed = key.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    (0..shape.iter().product())
        .map(|i: usize| ((i as f32 + (seed % 1000) as f32) * 0.7).sin())
        .collect()
}

/// The keys of one encoder under the names of a published one.
fn published(encoder: &str, rename: impl Fn(&str) -> String) -> Vec<(String, Vec<usize>)> {
    let model = Pretrain::<Flex>::new(&config(), &mut Init::blank(), &Default::default()).unwrap();
    let keys = required_keys(&model).into_iter();
    keys.filter_map(|(key, shape)| Some((rename(key.strip_prefix(encoder)?), shape))).collect()
}

fn marlin(scene: &Scene) -> PathBuf {
    let mut keys = published("visual_encoder.", |key| format!("encoder.{key}"));
    for block in 0..2 {
        keys.push((format!("encoder.blocks.{block}.attn.q_bias"), vec![24]));
        keys.push((format!("encoder.blocks.{block}.attn.v_bias"), vec![24]));
    }
    keys.push(("decoder.head.weight".into(), vec![2, 2]));
    let path = scene.path("marlin.pt");
    torch_file::write_training_checkpoint(&path, "state_dict", &keys, value);
    path
}

fn audio_mae(scene: &Scene) -> PathBuf {
    let mut keys = published("audio_encoder.", |key| key.replace("transformer.", "blocks."));
    keys.retain(|(key, _)| key != "modality");
    for (key, shape) in &mut keys {
        if key == "pos_embed" {
            // 32 columns of 8 and a class token.
            *shape = vec![1, 257, 24];
        }
    }
    keys.push(("cls_token".into(), vec![1, 1, 24]));
    keys.extend((0..2).map(|block| (format!("blocks.{block}.attn.qkv.bias"), vec![72])));
    let path = scene.path("audiomae.pth");
    torch_file::write_training_checkpoint(&path, "model", &keys, value);
    path
}

#[test]
fn published_encoders_initialize_a_checkpoint_that_loads() {
    let scene = Scene::new();
    let (video, audio) = (marlin(&scene), audio_mae(&scene));
    let file = scene.write("config.json", CONFIG);
    let init = |output: &str, more: &[&str]| {
        let arguments = ["init", output, "--config", file.to_str().unwrap()];
        scene.run(&[&arguments, more].concat())
    };
    let both = ["--video", video.to_str().unwrap(), "--audio", audio.to_str().unwrap()];
    let ran = init("a.safetensors", &both).expect(0);
    for part in [
        "video encoder from MARLIN",
        "audio encoder from AudioMAE",
        "visual_encoder.blocks.{0-1}.norm1.bias",
        "folded",
        "interpolated, reordered",
        "from 32 x 8 to 64 x 8",
        "transposed, renormalised",
        "belongs to its decoder",
        "note: its class token",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // Equal runs write bit-identical files; another seed changes the random weights.
    init("b.safetensors", &both).expect(0);
    init("c.safetensors", &[&both[..], &["--seed", "5"]].concat()).expect(0);
    let read = |name: &str| std::fs::read(scene.path(name)).unwrap();
    assert_eq!(read("a.safetensors"), read("b.safetensors"));
    assert_ne!(read("a.safetensors"), read("c.safetensors"));
    assert!(init("a.safetensors", &both).expect(2).stderr.contains("already exists"));

    let ran = scene.run(&["inspect", "--json", "a.safetensors"]).expect(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["kind"], "pretrain");
    assert_eq!(json["metadata"]["trained"], false);
    let sources = &json["metadata"]["extra"]["started_from"]["encoders"];
    assert_eq!(
        (&sources[0]["architecture"], &sources[1]["architecture"]),
        (&"marlin".into(), &"audio-mae".into())
    );
    scene.run(&["adapt", "a.safetensors", "stage3.safetensors"]).expect(0);

    let ran = init("d.safetensors", &["--json", "--preset", "avff", both[0], both[1]]).expect(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let initialized = json[0]["initialized"].as_array().unwrap();
    assert_eq!((json.as_array().unwrap().len(), initialized.len()), (1, 27));
    assert_eq!(json[0]["unused"][0]["key"], "decoder.head.weight");
}

#[test]
fn unsuitable_encoders_are_refused_with_a_reason() {
    let scene = Scene::new();
    let (video, audio) = (marlin(&scene), audio_mae(&scene));
    let (video, audio) = (video.to_str().unwrap(), audio.to_str().unwrap());
    let ours = Pretrain::<Flex>::new(&config(), &mut Init::seeded(1), &Default::default()).unwrap();
    let metadata = Metadata::new(Kind::Pretrain, &config(), true);
    save(&ours, &metadata, Precision::F16, scene.path("ours.safetensors")).unwrap();
    for (arguments, part) in [
        (&["init", "x.safetensors"][..], "--video"),
        (&["init", "x.safetensors", "--video", audio], "the option takes an encoder for video"),
        (&["init", "x.safetensors", "--audio", audio], "it has 24 features"),
        (&["init", "x.safetensors", "--video", video], "encoder.dim is 768"),
        (&["init", "x.safetensors", "--video", "ours.safetensors"], "several encoders"),
        (&["init", "x.safetensors", "--video", "absent.pt"], "absent.pt"),
    ] {
        let ran = scene.run(arguments).expect(2);
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(!scene.path("x.safetensors").exists());
}

//! Sharded checkpoints.

use std::{fs, path::PathBuf};

use avff_model::{
    Checkpoint, Classifier,
    checkpoint::{Format, Kind},
};
use burn_flex::Flex;
use serde_json::{Map, Value, json};

use crate::{
    networks::{nano, weights},
    setup::{Network, load},
};

/// Writes some weights as safetensors.
fn write_shard(network: &Network, name: &str, keys: &[(String, Vec<usize>)]) {
    let mut header = Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (key, shape) in keys {
        let start = data.len();
        data.extend(bytemuck::cast_slice::<f32, u8>(&network.values[key]));
        let offsets = [start, data.len()];
        header.insert(
            format!("model.{key}"),
            json!({ "dtype": "F32", "shape": shape, "data_offsets": offsets }),
        );
    }
    let header = Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    fs::write(network.path(name), bytes).unwrap();
}

/// Writes the network in two shards and returns the index.
fn write(network: &Network) -> Value {
    let (first, second) = network.keys.split_at(network.keys.len() / 2);
    let mut map = Map::new();
    for (number, keys) in [(1, first), (2, second)] {
        let name = format!("model-0000{number}-of-00002.safetensors");
        write_shard(network, &name, keys);
        map.extend(keys.iter().map(|(key, _)| (format!("model.{key}"), json!(name))));
    }
    json!({ "metadata": { "total_size": 1 }, "weight_map": map })
}

fn write_index(network: &Network, index: &Value) -> PathBuf {
    let path = network.path("model.safetensors.index.json");
    fs::write(&path, serde_json::to_string_pretty(index).unwrap()).unwrap();
    path
}

#[test]
fn shards_load_by_their_index() {
    let network = Network::new();
    let path = write_index(&network, &write(&network));
    network.assert_loads(&path);
    let file = Checkpoint::open(&path).unwrap();
    assert_eq!((file.kind(), file.format()), (Kind::Classifier, Format::Sharded));
    assert_eq!(file.tensors().len(), network.keys.len());
    // The first half of the weights stays in its shard.
    let (model, offloaded) =
        file.classifier_offloaded::<Flex>(&nano(), &Default::default()).unwrap();
    assert!(offloaded.is_some());
    let plain: Classifier<Flex> = file.classifier(&nano(), &Default::default()).unwrap();
    assert!(weights(&plain).len() >= weights(&model).len());
    // The hash covers the shards.
    let before = file.sha256().unwrap();
    assert_eq!(file.sha256().unwrap(), before);
    let shard = network.path("model-00002-of-00002.safetensors");
    let mut bytes = fs::read(&shard).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&shard, bytes).unwrap();
    assert_ne!(file.sha256().unwrap(), before);
}

#[test]
fn one_shard_points_to_the_index() {
    let network = Network::new();
    let index = write(&network);
    let shard = network.path("model-00002-of-00002.safetensors");
    assert!(load(&shard).is_err());
    write_index(&network, &index);
    let error = load(&shard).unwrap_err().to_string();
    assert!(error.contains("one shard of several: give the index"), "{error}");
    assert!(error.ends_with("model.safetensors.index.json"), "{error}");
}

#[test]
fn index_and_shards_that_do_not_belong_together_are_refused() {
    let network = Network::new();
    let index = write(&network);
    let first = format!("model.{}", network.keys[0].0);
    let change = |file: Value| {
        let mut index = index.clone();
        index["weight_map"][&first] = file;
        write_index(&network, &index)
    };
    for (file, parts) in [
        (json!("../a.safetensors"), &["`../a.safetensors` is not a plain file name"][..]),
        (json!("/etc/passwd"), &["not a plain file name"]),
        (json!("..\\a"), &["not a plain file name"]),
        (json!("model-3.safetensors"), &["shard `model-3.safetensors` is missing", "download it"]),
        (json!("model-00002-of-00002.safetensors"), &["does not assign to it", "one version"]),
        (json!(1), &["not the index of a sharded checkpoint"]),
    ] {
        let error = load(&change(file)).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    let path = write_index(&network, &json!({ "error": "Repository not found" }));
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("JSON, but not the index"), "{error}");
    let path = write_index(&network, &json!({ "weight_map": {} }));
    assert!(load(&path).unwrap_err().to_string().contains("names 0 tensors in 0 files"));
    let text = fs::read(write_index(&network, &index)).unwrap();
    let error = Checkpoint::from_bytes("upload", text).unwrap_err().to_string();
    assert!(error.contains("open it by its path"), "{error}");
}

/// A shard that was not fetched is named by its own path.
#[test]
fn shard_that_is_a_pointer_is_named() {
    let network = Network::new();
    let path = write_index(&network, &write(&network));
    let shard = network.path("model-00001-of-00002.safetensors");
    fs::write(&shard, "version https://git-lfs.github.com/spec/v1\noid sha256:00\n").unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("model-00001-of-00002.safetensors: "), "{error}");
    assert!(error.contains("git lfs pull"), "{error}");
}

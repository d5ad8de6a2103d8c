//! Shards of `avff crop`.

use std::{fs, path::Path};

use super::merge;
use crate::setup::{Ran, Scene, media};

fn crop(scene: &Scene, csv: &Path, output: &str, more: &[&str]) -> Ran {
    let csv = csv.to_str().unwrap();
    let options = ["--frames", "3", "--size", "48", "--min-coverage", "0"];
    scene.run(&[&["crop", "--csv", csv, "--output", output], &options[..], more].concat())
}

#[test]
fn cropped_shards_merge_into_one_manifest() {
    let scene = Scene::new();
    let pattern = media("h264_vfr.mp4").display().to_string();
    let text = fs::read_to_string(scene.manifest("in.csv", 7)).unwrap();
    let csv = scene.write("in.csv", &(text + &format!("{pattern},0,no face\n")));
    let skip = ["--no-face", "skip"];
    crop(&scene, &csv, "whole", &skip).expect(0);
    let folders: Vec<String> = (0..3).map(|index| format!("out/{index}-of-3")).collect();
    for index in 0..3 {
        let shard = format!("{index}/3");
        crop(&scene, &csv, "out", &[&skip[..], &["--shard", &shard, "--resume"]].concat())
            .expect(0);
    }
    merge(&scene, &folders, "out", &[]).expect(0);
    assert_eq!(scene.read("out/crop.errors.csv"), scene.read("whole/crop.errors.csv"));
    // Merged names carry the shard, so the manifests have other hashes.
    let summary = |folder: &str| {
        let mut summary = scene.json(&format!("{folder}/crop.summary.json"));
        assert_eq!(summary["files"]["manifest"].as_str().unwrap().len(), 64);
        summary["files"]["manifest"].take();
        summary["crc32"].take();
        summary
    };
    assert_eq!(summary("out"), summary("whole"));
    let plain = |text: &str| {
        (0..3).fold(text.to_owned(), |text, index| text.replace(&format!("{index}-of-3/"), ""))
    };
    let merged = scene.read("out/manifest.csv");
    assert_eq!(plain(&merged), scene.read("whole/manifest.csv"));
    assert!(
        merged.lines().nth(2).unwrap().starts_with("1-of-3/clips/0000002-match_b,1,"),
        "{merged}"
    );
    // Each clip is in the folder that the manifest names, and equals that of the run without shards.
    for line in merged.lines().skip(1) {
        let name = line.split(',').next().unwrap();
        for file in ["000000.png", "000002.png", "clip.json", "crop.json"] {
            let read = |path: String| fs::read(scene.path(&path)).unwrap();
            assert!(
                read(format!("out/{name}/{file}")) == read(format!("whole/{}/{file}", plain(name)))
            );
        }
    }
    scene.eval(&scene.path("out/manifest.csv"), "scores.csv", &[]).expect(0);

    let refused = |given: &[String], output: &str, reason: &str| {
        let ran = merge(&scene, given, output, &["--overwrite"]).expect(2);
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
        assert_eq!(scene.read("out/manifest.csv"), merged);
    };
    let ran = merge(&scene, &folders, "out", &[]).expect(2);
    assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
    refused(&folders[1..], "out", "shards are missing: 0/3");
    refused(&[&folders[..], &folders[..1]].concat(), "out", "given twice");
    refused(&folders, ".", "into which the shards are merged");
    refused(&["whole".to_owned()], "out", "not the summary of a shard");
    refused(&["out/0-of-3/clips".to_owned()], "out", "not a shard");
    crop(&scene, &csv, "out", &["--shard", "2/4"]).expect(0);
    refused(&[folders[0].clone(), "out/2-of-4".into()], "out", "the number of shards is 4, but 3");
    let other = ["--shard", "1/3", "--face-margin", "2"];
    let ran = crop(&scene, &csv, "out", &[&other[..], &["--resume"]].concat()).expect(2);
    assert!(ran.stderr.contains("the face crop was"), "{}", ran.stderr);
    crop(&scene, &csv, "other", &[&skip[..], &other].concat()).expect(0);
    let rename = |from: &str, to: &str| fs::rename(scene.path(from), scene.path(to)).unwrap();
    rename("out/1-of-3", "aside");
    rename("other/1-of-3", "out/1-of-3");
    refused(&folders, "out", "the face crop is");
    fs::remove_dir_all(scene.path("out/1-of-3")).unwrap();
    rename("aside", "out/1-of-3");
    let errors = scene.read("out/1-of-3/crop.errors.csv");
    scene.write("out/1-of-3/crop.errors.csv", errors.lines().next().unwrap());
    refused(&folders, "out", "its SHA-256 is not the one in the summary");
    scene.write("out/1-of-3/crop.errors.csv", &errors);
    let run = serde_json::to_string(&scene.json("out/1-of-3/crop.summary.json")["run"]).unwrap();
    scene.write("out/1-of-3/crop.unfinished.json", &(run + "\n"));
    refused(&folders, "out", "unfinished");
    crop(&scene, &csv, "out", &[&skip[..], &["--shard", "1/3", "--resume"]].concat()).expect(0);
    merge(&scene, &folders, "out", &["--overwrite"]).expect(0);
    assert_eq!(scene.read("out/manifest.csv"), merged);
}

//! Outputs: their folders are created, and errors name them.

use std::fs;

use crate::setup::{Scene, clip, sealed, weights};

#[test]
fn folders_of_outputs_are_created() {
    let scene = Scene::new();
    let (weights, clip) = (weights(), clip("match_a.mp4"));
    let (weights, path) = (weights.to_str().unwrap(), clip.to_str().unwrap());
    let csv = scene.write("in.csv", &format!("video_name,target\n{path},1\n"));
    scene.eval(&csv, "a/eval/out.csv", &[]).expect(0);
    for shard in ["0/2", "1/2"] {
        scene.eval(&csv, "shards/out.csv", &["--shard", shard]).expect(0);
    }
    let shards = ["shards/out.0-of-2.csv", "shards/out.1-of-2.csv"];
    scene.run(&["merge", shards[0], shards[1], "--output", "b/merged/out.csv"]).expect(0);
    assert_eq!(scene.read("b/merged/out.csv"), scene.read("a/eval/out.csv"));
    scene.run(&["convert", weights, "c/converted/out.safetensors"]).expect(0);
    let explain = ["explain", "--device", "cpu", "--checkpoint", weights, path];
    scene.run(&[&explain[..], &["--output", "d/explained/out.png"]].concat()).expect(0);
    for class in ["real", "fake"] {
        fs::create_dir_all(scene.path("clips").join(class)).unwrap();
        fs::copy(&clip, scene.path("clips").join(class).join("a.mp4")).unwrap();
    }
    let manifest = ["manifest", "folder", "clips", "--output", "e/manifest/out.csv"];
    scene.run(&manifest).expect(0);
    for output in ["c/converted/out.safetensors", "d/explained/out.png", "e/manifest/out.csv"] {
        assert!(scene.path(output).is_file(), "{output}");
    }
}

#[test]
fn refused_commands_create_no_folder() {
    let scene = Scene::new();
    let csv = scene.write("in.csv", "name\na.mp4\n");
    scene.eval(&csv, "a/out.csv", &[]).expect(2);
    let weights = weights();
    scene.run(&["convert", weights.to_str().unwrap(), "a/out.onnx"]).expect(2);
    assert!(!scene.path("a").exists());
}

#[test]
fn output_is_named_where_it_cannot_be_written() {
    let scene = Scene::new();
    let csv = scene.write("in.csv", "video_name\na.mp4\n");
    // A file in place of the folder cannot be written to, whoever runs the test.
    scene.write("file", "");
    let ran = scene.eval(&csv, "file/out.csv", &[]).expect(2);
    assert!(ran.stderr.contains("file/out.csv: "), "{}", ran.stderr);
    // A folder in place of the journal.
    fs::create_dir(scene.path("out.journal")).unwrap();
    let ran = scene.eval(&csv, "out.csv", &["--overwrite"]).expect(2);
    let reason = "out.journal: not a regular file but a folder";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
}

#[test]
fn resuming_another_run_names_the_keys_that_differ() {
    let scene = Scene::new();
    let csv = scene.write("in.csv", &format!("video_name\n{}\n", clip("match_a.mp4").display()));
    scene.eval(&csv, "out.csv", &[]).expect(0);
    let run = serde_json::to_string(&scene.json("out.summary.json")["run"]).unwrap();
    scene.write("other.journal", &sealed(&[run]));
    let ran = scene.eval(&csv, "other.csv", &["--resume", "--frame-fit", "letterbox"]).expect(2);
    let expected = "the clip preparation was video.fit: resize, now it is video.fit: letterbox\n";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
}

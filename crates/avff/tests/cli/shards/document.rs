//! The commands of docs/scaling.md, as a reader would run them.

use std::{env, fs, iter, path::PathBuf, process::Command};

use super::same;
use crate::setup::{Scene, root, weights};

/// The command block of docs/scaling.md that is marked as run here.
fn commands() -> String {
    let doc = fs::read_to_string(root().join("docs/scaling.md")).unwrap();
    let marked = doc.split_once("<!-- Run by the tests").unwrap().1;
    marked.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_documented_commands_give_what_one_run_gives() {
    let scene = Scene::new();
    fs::copy(weights(), scene.path("stage-3.safetensors")).unwrap();
    scene.manifest("testset.csv", 11);
    let common = ["--checkpoint", "stage-3.safetensors", "--csv", "testset.csv", "--device", "cpu"];
    let more = ["--output", "whole.csv", "--min-coverage", "0.7"];
    scene.run(&[&["eval"], &common[..], &more].concat()).expect(0);
    let commands = commands();
    assert!(commands.contains("avff eval") && commands.contains("avff merge"), "{commands}");
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_avff"));
    let folder = binary.parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder).chain(env::split_paths(&path));
    let output = Command::new("sh")
        .args(["-e", "-c", &commands])
        .current_dir(scene.path(""))
        .env("PATH", env::join_paths(folders).unwrap())
        .env_remove("AVFF_CHECKPOINT")
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{errors}");
    same(&scene, "whole", "prediction");
    assert_eq!(scene.json("prediction.2-of-4.summary.json")["run"]["shard"], "2/4");
}

//! The documented commands of docs/src/how-to/many-machines.md.

use std::{env, fs, iter, path::PathBuf, process::Command};

use super::assert_same;
use crate::setup::{Scene, root, weights};

/// The command block of the page that is marked as run by the tests.
fn commands() -> String {
    let doc = fs::read_to_string(root().join("docs/src/how-to/many-machines.md")).unwrap();
    let marked = doc.split_once("<!-- Run by the tests").unwrap().1;
    marked.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

/// Runs a script in the folder of clips and weights, with `avff` on the PATH.
fn run(scene: &Scene, shell: &str, script: &str, more: &[(&str, &str)]) {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_avff"));
    let folder = binary.parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder).chain(env::split_paths(&path));
    let output = Command::new(shell)
        .args(["-e", "-c", script])
        .current_dir(scene.path(""))
        .env("PATH", env::join_paths(folders).unwrap())
        .env_remove("AVFF_CHECKPOINT")
        .env_remove("RUST_LOG")
        .envs(more.iter().copied())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{errors}");
}

/// A scene with eleven clips, and the scores of a single run as `whole`.
fn scored() -> Scene {
    let scene = Scene::new();
    fs::copy(weights(), scene.path("stage-3.safetensors")).unwrap();
    scene.manifest("testset.csv", 11);
    let common = ["--checkpoint", "stage-3.safetensors", "--csv", "testset.csv", "--device", "cpu"];
    let more = ["--output", "whole.csv", "--min-coverage", "0.7"];
    scene.run(&[&["eval"], &common[..], &more].concat()).expect(0);
    scene
}

#[test]
fn documented_commands_match_a_single_run() {
    let scene = scored();
    let commands = commands();
    assert!(commands.contains("avff eval") && commands.contains("avff merge"), "{commands}");
    run(&scene, "sh", &commands, &[]);
    assert_same(&scene, "whole", "prediction");
    assert_eq!(scene.json("prediction.2-of-4.summary.json")["run"]["shard"], "2/4");
}

/// Runs the script of the documented Slurm array task by task, on the CPU.
#[test]
fn documented_slurm_array_matches_a_single_run() {
    let scene = scored();
    let doc = fs::read_to_string(root().join("docs/src/how-to/many-machines.md")).unwrap();
    let scripts = doc.split("```sh\n").map(|rest| rest.split("```").next().unwrap());
    let script = scripts.into_iter().find(|script| script.contains("#SBATCH")).unwrap();
    assert!(script.contains("N=8\n") && script.contains("--device cuda"), "{script}");
    let script = script.replace("--device cuda", "--device cpu");
    let folder = scene.path("").display().to_string();
    for task in 0..8 {
        let task = task.to_string();
        let set = [
            ("SLURM_ARRAY_TASK_ID", task.as_str()),
            ("SLURM_CPUS_PER_TASK", "1"),
            ("SLURM_SUBMIT_DIR", folder.as_str()),
        ];
        run(&scene, "bash", &script, &set);
    }
    let merge = "avff merge prediction.*-of-8.csv --output prediction.csv --min-coverage 0.7";
    assert!(doc.contains("avff merge prediction.*-of-8.csv --output prediction.csv"));
    run(&scene, "sh", merge, &[]);
    assert_same(&scene, "whole", "prediction");
}

//! Scores of perturbed clips.

use std::fs;

use crate::setup::{Ran, Scene, root};

fn robustness(scene: &Scene, output: &str, more: &[&str]) -> Ran {
    let network = root().join("data/avff-tiny/avff-tiny.safetensors");
    let network = network.to_str().unwrap();
    let arguments = ["robustness", "--csv", "clips/test.csv", "--output", output];
    let common = ["--checkpoint", network, "--device", "cpu", "--by", "method"];
    let what = ["--perturbation", "jpeg,gn,offset", "--level", "1,5"];
    scene.run(&[&arguments[..], &common, &what, more].concat())
}

#[test]
fn a_run_can_be_resumed_and_shared_and_starts_from_the_scores_of_eval() {
    let scene = Scene::new();
    let sizes = ["--size", "64", "--fps", "5", "--train", "0", "--val", "0", "--test", "12"];
    scene.run(&[&["synth", "clips", "--seed", "34"][..], &sizes].concat()).expect(0);
    let ran = robustness(&scene, "whole.csv", &[]).expect(0);
    for text in ["as it is", "jpeg", "gn", "offset", "level 1", "level 5", "mean"] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    for name in ["frames", "audio"] {
        assert!(scene.read(&format!("whole.{name}.svg")).contains("AUC if"), "{name}");
    }
    let whole = scene.read("whole.csv");
    // Clips as they are and six perturbations, each for all fakes and for every method.
    let columns: Vec<Vec<&str>> =
        whole.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let of_all = columns.iter().filter(|cells| cells[3].is_empty()).count();
    assert_eq!(of_all, 7, "{whole}");
    // The held clip gives the scores of `avff eval`.
    let network = root().join("data/avff-tiny/avff-tiny.safetensors");
    let eval = [
        "eval",
        "--csv",
        "clips/test.csv",
        "--output",
        "eval.csv",
        "--device",
        "cpu",
        "--checkpoint",
    ];
    scene.run(&[&eval[..], &[network.to_str().unwrap()]].concat()).expect(0);
    let lines = scene.read("whole.lines");
    let mut clips: Vec<serde_json::Value> =
        lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    clips.sort_by_key(|clip| clip["row"].as_u64());
    for (clip, row) in clips.iter().zip(scene.read("eval.csv").lines().skip(1)) {
        let fake = clip["scores"][0]["logits"][0].as_f64().unwrap();
        let expected: f64 = row.split(',').nth(1).unwrap().parse().unwrap();
        assert!((1.0 / (1.0 + (-fake).exp()) - expected).abs() < 1e-6, "{clip} {row}");
    }
    // Interrupted in the middle of a line.
    let cut: String = lines.lines().take(5).map(|line| format!("{line}\n")).collect();
    fs::write(scene.path("again.lines"), format!("{cut}{{\"row\":")).unwrap();
    robustness(&scene, "again.csv", &["--resume"]).expect(0);
    assert_eq!(scene.read("again.csv"), whole);
    for shard in ["0/2", "1/2"] {
        robustness(&scene, "part.csv", &["--shard", shard]).expect(0);
    }
    let join = "part.0-of-2.lines,part.1-of-2.lines";
    robustness(&scene, "joined.csv", &["--join", join]).expect(0);
    assert_eq!(scene.read("joined.csv"), whole);
    // A shard that is not there is an error, and none is made.
    let absent = robustness(&scene, "more.csv", &["--join", "absent.lines"]).expect(2);
    assert!(absent.stderr.contains("absent.lines"), "{}", absent.stderr);
    assert!(!scene.path("absent.lines").exists());
    // Other options have other perturbations.
    let other = robustness(&scene, "again.csv", &["--resume", "--seed", "1"]).expect(2);
    assert!(other.stderr.contains("it belongs to a run with other options"), "{}", other.stderr);
    let exists = robustness(&scene, "again.csv", &[]).expect(2);
    assert!(exists.stderr.contains("results already exist"), "{}", exists.stderr);
}

//! Calibration, and the decisions that follow from it.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::setup::{Ran, Scene, clip, json, root};

/// A network that tells synthetic clips apart.
fn network() -> String {
    root().join("data/avff-tiny/avff-tiny.safetensors").to_str().unwrap().to_owned()
}

fn eval(scene: &Scene, checkpoint: &str, csv: &str, output: &str, more: &[&str]) -> Ran {
    let arguments = ["eval", "--checkpoint", checkpoint, "--csv", csv, "--output", output];
    scene.run(&[&arguments[..], &["--device", "cpu"], more].concat())
}

/// Two sets of synthetic clips, and the network calibrated on the first as `calibrated.safetensors`.
fn calibrated() -> (Scene, Ran) {
    let scene = Scene::new();
    for (name, seed) in [("fit", "31"), ("test", "32")] {
        let sizes = ["--size", "64", "--fps", "5", "--train", "0", "--val", "0", "--test", "60"];
        scene.run(&[&["synth", name, "--seed", seed][..], &sizes].concat()).expect(0);
        let (csv, output) = (format!("{name}/test.csv"), format!("{name}.csv"));
        let ran = eval(&scene, &network(), &csv, &output, &[]).expect(0);
        assert!(ran.stdout.contains("uncalibrated"), "{}", ran.stdout);
    }
    let arguments = ["calibrate", "fit.csv", "--output", "calibrated.safetensors"];
    let test = ["--test", "other clips=test.csv", "--by", "method", "--figures", "figures"];
    let words = ["--name", "sixty clips", "--note", "Synthetic clips alone."];
    let ran = scene.run(&[&arguments[..], &test, &words].concat()).expect(0);
    (scene, ran)
}

#[test]
fn a_calibrated_network_decides_in_every_command() {
    let (scene, fitted) = calibrated();
    for text in
        ["sixty clips: 60 clips", "platt", "Cllr", "other clips: decisions", "fake: voice-swap"]
    {
        assert!(fitted.stdout.contains(text), "{text}: {}", fitted.stdout);
    }
    for figure in ["roc", "det", "scores", "tippett", "reliability"] {
        assert!(scene.read(&format!("figures/{figure}.svg")).contains("<svg"), "{figure}");
    }
    // The weights are bit-identical, so the scores are.
    let checkpoint = scene.path("calibrated.safetensors").to_str().unwrap().to_owned();
    eval(&scene, &checkpoint, "test/test.csv", "decided.csv", &["--by", "method"]).expect(0);
    let (plain, decided) = (scene.read("test.csv"), scene.read("decided.csv"));
    let mut fakes = 0;
    for (plain, decided) in plain.lines().zip(decided.lines()).skip(1) {
        let (plain, decided): (Vec<&str>, Vec<&str>) =
            (plain.split(',').collect(), decided.split(',').collect());
        assert_eq!(plain[..2], decided[..2]);
        let p: f64 = decided[2].parse().unwrap();
        let ratio: f64 = decided[3].parse().unwrap();
        assert!((p - 1.0 / (1.0 + 10_f64.powf(-ratio))).abs() < 1e-4, "{decided:?}");
        assert!(["real", "fake", "undecided", "unlike both"].contains(&decided[4]), "{decided:?}");
        fakes += usize::from(decided[4] == "fake");
    }
    let summary = scene.json("decided.summary.json");
    let outcomes = &summary["decisions"]["outcomes"];
    let called: u64 =
        ["real", "fake"].iter().map(|class| outcomes[class]["fake"].as_u64().unwrap()).sum();
    assert_eq!(called, fakes as u64);
    assert!(fakes > 5, "the network tells them apart: {summary}");
    assert_eq!(summary["run"]["calibration"]["fitted_on"], "sixty clips");
    assert!(summary["decisions"]["by"].as_array().unwrap().len() > 2, "{summary}");

    let one = clip("match_a.mp4");
    let one = one.to_str().unwrap();
    let score = |more: &[&str]| {
        let arguments = ["score", one, "--device", "cpu", "--checkpoint", &checkpoint];
        scene.run(&[&arguments[..], more].concat()).expect(0)
    };
    let text = score(&[]).stdout;
    assert!(
        text.contains("calibrated on sixty clips (") && text.contains("Synthetic clips alone."),
        "{text}"
    );
    let answer =
        json(&score(&["--json", "--error-rate", "0.2"]).stdout)["clips"][0]["answer"].take();
    assert_eq!(answer["error"], 0.2);
    assert!(answer["decision"].is_string() && answer["log10_ratio"].is_number(), "{answer}");
    let few = score(&["--error-rate", "0.001"]).stdout;
    assert!(few.contains("So few clips allow no decision below"), "{few}");
    // Prepared otherwise, the score means something else.
    let other = score(&["--window", "1.0"]).stdout;
    assert!(other.contains("uncalibrated") && other.contains("prepared otherwise"), "{other}");
    // So it is if the network is set otherwise.
    scene.write("other.json", r#"{"fusion_attention": "batch"}"#);
    let other = score(&["--config", "other.json"]).stdout;
    assert!(other.contains("prepared otherwise") && other.contains("fusion_attention"), "{other}");
    let explained =
        scene.run(&["explain", one, "--device", "cpu", "--checkpoint", &checkpoint, "--json"]);
    let explained = json(&explained.expect(0).stdout);
    let scored = json(&score(&["--json"]).stdout);
    assert_eq!(explained["answer"], scored["clips"][0]["answer"]);
    let shown = scene.run(&["inspect", &checkpoint]).expect(0).stdout;
    assert!(shown.contains("calibrated  on sixty clips"), "{shown}");
}

#[test]
fn shards_decide_as_one_run() {
    let (scene, _) = calibrated();
    let checkpoint = scene.path("calibrated.safetensors").to_str().unwrap().to_owned();
    let whole =
        eval(&scene, &checkpoint, "test/test.csv", "whole.csv", &["--by", "method"]).expect(0);
    for shard in ["0/2", "1/2"] {
        eval(&scene, &checkpoint, "test/test.csv", "part.csv", &["--shard", shard]).expect(0);
    }
    let shards = ["part.0-of-2.csv", "part.1-of-2.csv"];
    let merge = ["merge", "--output", "merged.csv", "--by", "method"];
    scene.run(&[&merge[..], &shards].concat()).expect(0);
    assert_eq!(scene.read("whole.csv"), scene.read("merged.csv"));
    let (mut whole_summary, mut merged) =
        (scene.json("whole.summary.json"), scene.json("merged.summary.json"));
    assert_eq!(whole_summary["decisions"].take(), merged["decisions"].take());
    assert!(
        whole.stdout.contains("decisions at an error rate of 5 % per class"),
        "{}",
        whole.stdout
    );
}

#[test]
fn a_pth_has_its_calibration_in_a_file_beside_it() {
    let (scene, _) = calibrated();
    scene.run(&["convert", &network(), "net.pth"]).expect(0);
    // A `.pth` stores no config, and no preparation of clips.
    let inspected = json(&scene.run(&["inspect", &network(), "--json"]).expect(0).stdout);
    scene.write("config.json", &inspected["config"].to_string());
    let config = ["--config", "config.json"];
    eval(&scene, "net.pth", "fit/test.csv", "pth.csv", &config).expect(0);
    let refused = scene.run(&["calibrate", "pth.csv", "--output", "other.safetensors"]).expect(2);
    assert!(refused.stderr.contains("net.pth.calibration.json"), "{}", refused.stderr);
    scene.run(&["calibrate", "pth.csv", "--output", "net.pth.calibration.json"]).expect(0);
    let ran = eval(&scene, "net.pth", "test/test.csv", "decided.csv", &config).expect(0);
    assert!(ran.stdout.contains("calibrated on test.csv"), "{}", ran.stdout);
    let again = scene.run(&["calibrate", "pth.csv", "--output", "net.pth.calibration.json"]);
    assert!(again.expect(2).stderr.contains("already exists"), "a file is not replaced");
    // Numbers that no fit gives would become answers.
    let record = scene.read("net.pth.calibration.json");
    let bounds = scene.json("net.pth.calibration.json")["calibration"]["bounds"].to_string();
    scene
        .write("net.pth.calibration.json", &record.replace(&bounds, r#"{"high":-1.0,"low":-2.0}"#));
    let ran = eval(&scene, "net.pth", "test/test.csv", "never.csv", &config).expect(2);
    assert!(ran.stderr.contains("its bounds cannot come from a fit"), "{}", ran.stderr);
    scene.write("net.pth.calibration.json", &record);
    // Beside other weights, it is an error.
    fs::copy(scene.path("net.pth.calibration.json"), scene.path("b.pth.calibration.json")).unwrap();
    scene.run(&["convert", &network(), "b.pth", "--keys", "plain"]).expect(0);
    let ran = eval(&scene, "b.pth", "test/test.csv", "b.csv", &config).expect(2);
    assert!(ran.stderr.contains("it belongs to a checkpoint with SHA-256"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_calibrated_says_why() {
    let (scene, _) = calibrated();
    let calibrate =
        |arguments: &[&str]| scene.run(&[&["calibrate"], arguments].concat()).expect(2).stderr;
    scene.write("alone.csv", "video_name,y_pred,target\na,0.5,1\nb,0.2,0\n");
    let text = calibrate(&["alone.csv"]);
    assert!(text.contains("alone.summary.json is missing"), "{text}");
    let text = calibrate(&["fit.csv", "--test", "same=fit.csv"]);
    assert!(text.contains("the calibration is fitted to these clips"), "{text}");
    let text = calibrate(&[
        "fit.csv",
        "--checkpoint",
        "calibrated.safetensors",
        "--output",
        "x.safetensors",
    ]);
    assert!(text.contains("it did not give the scores"), "{text}");
    let text = calibrate(&["fit.csv", "--folds", "50"]);
    assert!(text.contains("are fewer than 50 folds"), "{text}");
    // An edited table is not the one that the run wrote.
    let edited = scene.read("fit.csv").replacen("0.", "0.1", 1);
    scene.write("fit.csv", &edited);
    let text = calibrate(&["fit.csv"]);
    assert!(text.contains("not the file that the finished run wrote"), "{text}");
}

#[test]
fn scores_of_another_detector_have_all_metrics() {
    let scene = Scene::new();
    let rows = (0..200).map(|at| {
        let fake = at % 2;
        let score = f64::from(at % 40) / 50.0 + 0.15 * f64::from(fake);
        format!("clip{at}.mp4,{score},{fake},{}\n", if at % 4 == 0 { "a" } else { "b" })
    });
    let table = format!("video_name,y_pred,target,group\n{}", rows.collect::<String>());
    scene.write("foreign.csv", &table);
    let ran = scene
        .run(&["eval", "--scores", "foreign.csv", "--by", "group", "--figures", "f"])
        .expect(0);
    for text in ["ROC AUC", "TPR at 1 % FPR", "Brier score", "ECE", "Cllr", "group"] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    assert!(scene.path("f/det.svg").exists());
    // Scores of any range have an order, and no probabilities.
    scene.write("raw.csv", &table.replace(",0.", ",-7."));
    let ran = scene.run(&["eval", "--scores", "raw.csv"]).expect(0);
    assert!(ran.stdout.contains("not measured: it needs probabilities"), "{}", ran.stdout);
    let ran = scene.run(&["eval", "--csv", "foreign.csv", "--scores", "foreign.csv"]).expect(2);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}

#[test]
fn folders_patterns_and_lists_are_scored() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("in/deep")).unwrap();
    fs::copy(clip("match_a.mp4"), scene.path("in/deep/a.bin")).unwrap();
    fs::copy(clip("match_b.mp4"), scene.path("in/b.mp4")).unwrap();
    scene.write("in/broken.mp4", "no video");
    scene.write("in/readme.txt", "text");
    let folder = scene.path("in");
    let ran = scene.score(&[&folder], &["--json"]).expect(3);
    assert_eq!(ran.stdout.lines().count(), 4, "one line each: {}", ran.stdout);
    let clips = json(&ran.stdout)["clips"].take();
    let names: Vec<&str> =
        clips.as_array().unwrap().iter().map(|clip| clip["path"].as_str().unwrap()).collect();
    let ends = ["in/b.mp4", "in/broken.mp4", "in/deep/a.bin"];
    assert!(names.iter().zip(ends).all(|(name, end)| name.ends_with(end)), "{names:?}");
    assert_eq!(clips[1]["error"]["code"], "not-media");
    let text = scene.score(&[&folder], &[]).expect(3).stdout;
    assert!(text.contains("1 not scored"), "{text}");

    let mut command: Command =
        scene.command(&["score", "-", "--json", "--device", "cpu", "--checkpoint"]);
    command.arg(crate::setup::weights());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "in/b.mp4\nin/*/a.bin").unwrap();
    let listed: Value = json(&String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap());
    let scores = |clips: &Value, at: [usize; 2]| at.map(|at| clips[at]["y_pred"].clone());
    assert_eq!(scores(&listed["clips"], [0, 1]), scores(&clips, [0, 2]));
}

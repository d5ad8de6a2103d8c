//! Scores of windows, and the scores of clips made from them.

use serde_json::Value;

use crate::setup::{Scene, clip, media};

fn json(text: &str) -> Value {
    crate::setup::json(text)
}

fn numbers(clip: &Value, field: &str) -> Vec<f64> {
    let windows = clip["windows"].as_array().unwrap();
    windows.iter().map(|window| window[field].as_f64().unwrap()).collect()
}

#[test]
fn a_clip_has_the_mean_or_the_maximum_of_its_windows() {
    let scene = Scene::new();
    let voice = clip("swapped_a.mp4");
    let ran = scene.score(&[&voice], &["--window", "1.2", "--json"]).expect(0);
    let report = json(&ran.stdout);
    assert_eq!(report["run"]["checkpoint"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["run"]["aggregate"], "mean");
    assert_eq!(report["run"]["clip"]["sampling"]["window"]["stride"], 1.2);
    let clip = &report["clips"][0];
    // 3.6 s at 25 fps.
    let starts = numbers(clip, "start");
    assert_eq!(starts.len(), 3, "{clip}");
    for (start, expected) in starts.iter().zip([0.0, 1.2, 2.4]) {
        assert!((start - expected).abs() < 1e-6, "{starts:?}");
    }
    let frames = clip["windows"][1]["frames"].as_array().unwrap();
    assert_eq!((frames.len(), &frames[0]), (16, &Value::from(30)));
    assert_eq!(clip["sha256"].as_str().unwrap().len(), 64);
    let logits: Vec<f64> = clip["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| window["logits"]["fake"].as_f64().unwrap())
        .collect();
    assert!(logits.iter().any(|logit| (logit - logits[0]).abs() > 1e-5), "{logits:?}");
    let mean = logits.iter().sum::<f64>() / 3.0;
    assert!((clip["logits"]["fake"].as_f64().unwrap() - mean).abs() < 1e-6);

    let ran = scene.score(&[&voice], &["--window", "1.2", "--aggregate", "max", "--json"]);
    let maximum = json(&ran.expect(0).stdout)["clips"][0]["y_pred"].as_f64().unwrap();
    let highest = numbers(clip, "y_pred").into_iter().fold(0.0, f64::max);
    assert_eq!(maximum, highest);

    let ran = scene.score(&[&voice], &["--window", "1.2"]).expect(0);
    for time in ["00:00.0", "00:01.2", "00:03.6"] {
        assert!(ran.stdout.contains(time), "{time}: {}", ran.stdout);
    }
}

#[test]
fn windows_overlap_when_the_stride_is_shorter() {
    let scene = Scene::new();
    let more = ["--window", "1.2", "--stride", "0.6", "--json"];
    let ran = scene.score(&[&clip("match_a.mp4")], &more).expect(0);
    assert_eq!(numbers(&json(&ran.stdout)["clips"][0], "start").len(), 5);
}

#[test]
fn eval_scores_windows_in_any_batch_and_reports_short_clips() {
    let scene = Scene::new();
    let rows = ["match_a.mp4", "swapped_b.mp4"].map(|name| clip(name).display().to_string());
    let short = media("bad/one_frame_20ms.mp4").display().to_string();
    let text = format!("video_name,target\n{},0\n{short},1\n{},1\n", rows[0], rows[1]);
    let csv = scene.write("in.csv", &text);
    scene.eval(&csv, "one.csv", &["--window", "0.9"]).expect(3);
    scene.eval(&csv, "many.csv", &["--window", "0.9", "--batch-size", "3"]).expect(3);
    assert_eq!(scene.read("one.csv"), scene.read("many.csv"));
    assert_eq!(scene.read("one.csv").lines().count(), 3);
    assert!(scene.read("one.errors.csv").contains("a window takes 0.9 s"));
    assert_eq!(scene.json("one.summary.json")["run"]["aggregate"], "mean");
    let ran = scene.score(&[&clip("match_a.mp4")], &["--window", "0.9", "--json"]).expect(0);
    let score = json(&ran.stdout)["clips"][0]["y_pred"].as_f64().unwrap();
    let first = scene.read("one.csv").lines().nth(1).unwrap().split(',').nth(1).unwrap().to_owned();
    assert_eq!(first.parse::<f32>().unwrap(), score as f32);
    let ran = scene.eval(&csv, "one.csv", &["--resume", "--window", "1.2"]).expect(2);
    assert!(ran.stderr.contains("clip preparation"), "{}", ran.stderr);
}

#[test]
fn bad_windows_are_usage_errors() {
    let scene = Scene::new();
    let voice = clip("match_a.mp4");
    for (more, word) in [
        (&["--window", "0"][..], "number of seconds"),
        (&["--window", "0.01"], "sampling.window.seconds"),
        (&["--window", "1", "--stride", "0"], "sampling.window.stride"),
        (&["--stride", "1"], "a stride needs windows"),
        (&["--trim-silence", "20"], "trim_silence.below_db"),
        (&["--decoder", "vlc"], "auto, embedded or ffmpeg"),
    ] {
        let ran = scene.score(&[&voice], more).expect(2);
        assert!(ran.stderr.contains(word), "{more:?}: {}", ran.stderr);
    }
}

#[test]
fn trimmed_silence_changes_a_score_and_is_recorded() {
    let scene = Scene::new();
    let voice = clip("match_a.mp4");
    let plain = json(&scene.score(&[&voice], &["--json"]).expect(0).stdout);
    let trimmed = scene.score(&[&voice], &["--json", "--trim-silence", "-30"]).expect(0);
    let trimmed = json(&trimmed.stdout);
    assert!(plain["run"]["clip"]["trim_silence"].is_null());
    assert_eq!(trimmed["run"]["clip"]["trim_silence"]["below_db"], -30.0);
    let start = |report: &Value| report["clips"][0]["windows"][0]["start"].as_f64().unwrap();
    assert_eq!(start(&plain), 0.0);
    assert!(start(&trimmed) > 0.0 && start(&trimmed) <= 0.5, "{}", start(&trimmed));
    assert_ne!(plain["clips"][0]["y_pred"], trimmed["clips"][0]["y_pred"]);
}
